"""Commands that show names and attributes: ``ls``, ``stat``, ``find``, ``du`` ..."""

from __future__ import annotations

import fnmatch
import posixpath
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.process import Exit, Process, Program
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.users import group_name_of, name_of
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError

_KINDS: Final[Mapping[int, tuple[str, str]]] = {
    stat.S_IFREG: ("f", "regular file"),
    stat.S_IFDIR: ("d", "directory"),
    stat.S_IFLNK: ("l", "symbolic link"),
    stat.S_IFIFO: ("p", "fifo"),
    stat.S_IFCHR: ("c", "character special file"),
    stat.S_IFBLK: ("b", "block special file"),
    stat.S_IFSOCK: ("s", "socket"),
}


def ls(process: Process) -> int:
    """List names: ``ls [-1AadFhilnRrSt] [FILE...]``."""
    options = Options(process, "1AaCdFghilnRrSst")
    failed = 0
    files: list[tuple[str, stat_result]] = []
    directories: list[tuple[str, str]] = []
    names = options.args or ["."]
    for name in names:
        path = process.path(name)
        try:
            link = "l" in options or "d" in options
            status = _status(process, path, follow=not link)
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
            continue
        if stat.S_ISDIR(status.st_mode) and "d" not in options:
            directories.append((name, path))
        else:
            files.append((_shown(process, options, path, name, status.st_mode), status))
    _print_names(process, options, sorted(files), total=False)
    heads = len(names) > 1 or "R" in options
    directories.sort()
    first = not files
    while directories:
        name, path = directories.pop(0)
        if heads:
            process.stdout.write(f"{'' if first else chr(10)}{name}:\n")
        first = False
        try:
            inside = list(_inside(process, options, path))
        except UnionFSError as error:
            failed = process.fail(f"can't open '{name}': {reason(error)}")
            continue
        _print_names(process, options, inside, total="l" in options)
        if "R" in options:
            directories[:0] = [
                (posixpath.join(name, each), posixpath.join(path, each))
                for each, status in inside
                if stat.S_ISDIR(status.st_mode) and each not in {".", ".."}
            ]
    return failed


def _status(process: Process, path: str, *, follow: bool) -> stat_result:
    if follow and process.fs.exists(path):
        return process.fs.stat(path)
    return process.fs.lstat(path)


def _shown(process: Process, options: Options, path: str, name: str, mode: int) -> str:
    """Give a name, in a long list with where it leads if it is a link."""
    if "l" in options and stat.S_ISLNK(mode):
        return f"{name} -> {process.fs.readlink(path)}"
    return name


def _inside(
    process: Process, options: Options, path: str
) -> Iterator[tuple[str, stat_result]]:
    names = process.fs.listdir(path)
    if "a" in options:
        names = [".", "..", *names]
    elif "A" not in options:
        names = [name for name in names if not name.startswith(".")]
    for name in sorted(names):
        below = f"{path.rstrip('/')}/{name}"
        status = process.fs.lstat(below)
        yield _shown(process, options, below, name, status.st_mode), status


def _print_names(
    process: Process,
    options: Options,
    rows: list[tuple[str, stat_result]],
    *,
    total: bool,
) -> None:
    if "S" in options:
        rows = sorted(rows, key=lambda row: -row[1].st_size)
    if "t" in options:
        rows = sorted(rows, key=lambda row: -row[1].st_mtime_ns)
    if "r" in options:
        rows = rows[::-1]
    if total:
        blocks = sum(getattr(status, "st_blocks", 0) for _, status in rows)
        process.print(f"total {blocks // 2}")
    for name, status in rows:
        line = name
        if "F" in options:
            line += {"d": "/", "l": "@", "p": "|"}.get(_letter(status), "")
        if "l" in options or "n" in options:
            line = f"{_long(process, status, numeric='n' in options)} {line}"
        if "i" in options:
            line = f"{status.st_ino:>7} {line}"
        process.print(line)


def _letter(status: stat_result) -> str:
    return _KINDS[stat.S_IFMT(status.st_mode)][0]


def _long(process: Process, status: stat_result, *, numeric: bool) -> str:
    owner: str | int | None = None
    group: str | int | None = None
    if not numeric:
        owner = name_of(process.fs, status.st_uid)
        group = group_name_of(process.fs, status.st_gid)
    when = time.strftime("%b %e %H:%M", time.gmtime(status.st_mtime))
    owner, group = owner or status.st_uid, group or status.st_gid
    size = str(status.st_size)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        size = f"{status.st_rdev >> 8:>3}, {status.st_rdev & 0xFF:>3}"
    mode = stat.filemode(status.st_mode)
    return f"{mode} {status.st_nlink:>4} {owner!s:<8} {group!s:<8} {size:>9} {when}"


def stat_(process: Process) -> int:
    """Show attributes: ``stat [-L] -c FORMAT FILE...``."""
    options = Options(process, "c:Lft", {"format": "c"})
    failed = 0
    for name in options.args:
        try:
            status = process.fs.stat(process.path(name), follow_symlinks="L" in options)
        except UnionFSError as error:
            failed = process.fail(f"can't stat '{name}': {reason(error)}")
            continue
        form = options.get("c") or (
            "  File: %n\n  Size: %s\t%F\nInode: %i\tLinks: %h\n"
            "Access: (%a/%A)\tUid: %u\tGid: %g\nModify: %Y"
        )
        process.print(_formatted(process, form, name, status))
    return failed


def _formatted(process: Process, form: str, name: str, status: stat_result) -> str:
    kind = _KINDS[stat.S_IFMT(status.st_mode)][1]
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        kind = "regular empty file"
    values: dict[str, Callable[[], object]] = {
        "%": lambda: "%",
        "A": lambda: stat.filemode(status.st_mode),
        "F": lambda: kind,
        "G": lambda: group_name_of(process.fs, status.st_gid) or "UNKNOWN",
        "N": lambda: f"'{name}'",
        "T": lambda: f"{status.st_rdev & 0xFF:x}",
        "U": lambda: name_of(process.fs, status.st_uid) or "UNKNOWN",
        "X": lambda: int(status.st_atime),
        "Y": lambda: status.st_mtime_ns // 1_000_000_000,
        "Z": lambda: int(status.st_ctime),
        "a": lambda: f"{stat.S_IMODE(status.st_mode):o}",
        "d": lambda: status.st_dev,
        "f": lambda: f"{status.st_mode:x}",
        "g": lambda: status.st_gid,
        "h": lambda: status.st_nlink,
        "i": lambda: status.st_ino,
        "n": lambda: name,
        "s": lambda: status.st_size,
        "t": lambda: f"{status.st_rdev >> 8:x}",
        "u": lambda: status.st_uid,
    }
    out: list[str] = []
    letters = iter(form)
    for letter in letters:
        if letter != "%":
            out.append(letter)
            continue
        key = next(letters, "%")
        out.append(str(values[key]()) if key in values else f"%{key}")
    return "".join(out)


def find(process: Process) -> Steps[int]:
    """Find names: ``find [PATH...] [-name P] [-type T] [-maxdepth N] [-exec C ;]``."""
    args = list(process.args)
    tops: list[str] = []
    while args and not args[0].startswith(("-", "!", "(")):
        tops.append(args.pop(0))
    tests, limits, action = _find_tests(process, args)
    failed = 0
    for top in tops or ["."]:
        pending = [(top, 0)]
        while pending:
            shown, depth = pending.pop()
            path = process.path(shown)
            try:
                status = process.fs.lstat(path)
                if stat.S_ISDIR(status.st_mode) and depth < limits["-maxdepth"]:
                    names = process.fs.listdir(path)
                    pending += [
                        (posixpath.join(shown, name), depth + 1)
                        for name in reversed(names)
                    ]
            except UnionFSError as error:
                failed = process.fail(f"{shown}: {reason(error)}")
                continue
            if depth < limits["-mindepth"]:
                continue
            if not all(test(shown, status) for test in tests):
                continue
            if not action:
                process.print(shown)
                continue
            argv = [word.replace("{}", shown) for word in action]
            if argv == ["-delete"]:
                process.fs.unlink(path)
            else:
                yield from process.run(argv)
    return failed


def _find_tests(
    process: Process, args: list[str]
) -> tuple[list[Callable[[str, stat_result], bool]], dict[str, int], list[str]]:
    tests: list[Callable[[str, stat_result], bool]] = []
    limits = {"-maxdepth": 1 << 30, "-mindepth": 0}
    action: list[str] = []
    negated = False
    while args:
        word = args.pop(0)
        if word == "!":
            negated = True
            continue
        if word in {"-print", "-a"}:
            continue
        if word == "-xdev":
            continue
        if word == "-delete":
            action = ["-delete"]
            continue
        if not args:
            raise Exit(process.fail(f"{word}: argument expected"))
        value = args.pop(0)
        if word == "-exec":
            action = [value]
            while args and (part := args.pop(0)) not in {";", "+"}:
                action.append(part)
            continue
        if word in limits:
            limits[word] = int(value)
            continue
        test = _find_test(word, value)
        if test is None:
            raise Exit(process.fail(f"unrecognized: {word}"))
        tests.append(_unless(test) if negated else test)
        negated = False
    return tests, limits, action


def _unless(
    test: Callable[[str, stat_result], bool],
) -> Callable[[str, stat_result], bool]:
    return lambda shown, status: not test(shown, status)


def _find_test(word: str, value: str) -> Callable[[str, stat_result], bool] | None:
    match word:
        case "-name":
            return lambda shown, _: fnmatch.fnmatchcase(
                posixpath.basename(shown.rstrip("/")) or shown, value
            )
        case "-path":
            return lambda shown, _: fnmatch.fnmatchcase(shown, value)
        case "-type":
            return lambda _, status: _letter(status) == value
        case "-user":
            return lambda _, status: str(status.st_uid) == value
        case "-perm":
            return lambda _, status: stat.S_IMODE(status.st_mode) == int(value, 8)
        case "-size":
            return lambda _, status: str(-(-status.st_size // 512)) == value
        case _:
            return None


def readlink(process: Process) -> int:
    """Show what links point to: ``readlink [-f] FILE``."""
    options = Options(process, "fnv")
    failed = 0
    for name in options.args:
        path = process.path(name)
        try:
            if "f" in options or process.name == "realpath":
                process.print(_real(process, path))
            else:
                process.print(process.fs.readlink(path))
        except UnionFSError:
            failed = 1
    return failed


def _real(process: Process, path: str) -> str:
    parts = [part for part in path.split("/")[::-1] if part not in {"", "."}]
    found = "/"
    for _ in range(1000):
        if not parts:
            break
        part = parts.pop()
        if part == "..":
            found = posixpath.dirname(found)
            continue
        here = posixpath.join(found, part)
        if process.fs.islink(here):
            target = process.fs.readlink(here)
            parts += [each for each in target.split("/")[::-1] if each]
            found = "/" if target.startswith("/") else found
        else:
            found = here
    return found


def du(process: Process) -> int:
    """Show how much trees hold, in KiB: ``du [-sk] [PATH...]``."""
    options = Options(process, "ahkms")
    for name in options.args or ["."]:
        sizes: dict[str, int] = {}
        for top, _, files in process.fs.walk(process.path(name), topdown=False):
            size = 4 + sum(
                -(-process.fs.lstat(posixpath.join(top, each)).st_size // 4096) * 4
                for each in files
            )
            below = f"{top.rstrip('/')}/"
            size += sum(
                each
                for path, each in sizes.items()
                if path.startswith(below) and "/" not in path[len(below) :]
            )
            sizes[top] = size
            if "s" not in options:
                process.print(f"{size}\t{name}{top[len(process.path(name)) :]}")
        if "s" in options:
            process.print(f"{sizes.get(process.path(name), 0)}\t{name}")
    return 0


COMMANDS: Final[Mapping[str, Program]] = {
    "du": du,
    "find": find,
    "ls": ls,
    "readlink": readlink,
    "realpath": readlink,
    "stat": stat_,
}
