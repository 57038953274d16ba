"""Commands that change files: ``touch``, ``rm``, ``mkdir``, ``mv``, ``cp``, ``ln`` ..."""

from __future__ import annotations

import calendar
import contextlib
import errno
import posixpath
import stat
import time
from collections.abc import Mapping
from typing import Final

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.process import Exit, Process, Program
from unionfs_sim.containers.users import group_id, user_id
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError, fs_error

_CHUNK_BYTES: Final = 1 << 20


def touch(process: Process) -> int:
    """Make files, or give them the time of now: ``touch [-c] [-t STAMP] FILE...``."""
    options = Options(process, "acd:hmr:t:")
    when: int | None = None
    if "t" in options or "d" in options:
        when = _stamp(process, options.get("t") or options.get("d"))
    failed = 0
    for name in options.args:
        path = process.path(name)
        try:
            if process.fs.exists(path):
                process.fs.utime(path, ns=None if when is None else (when, when))
            elif "c" not in options:
                process.fs.open(path, "ab").close()
                if when is not None:
                    process.fs.utime(path, ns=(when, when))
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    return failed


def _stamp(process: Process, text: str) -> int:
    """Read a time: ``[[CC]YY]MMDDhhmm[.ss]``, ``@SECONDS``, ``YYYY-MM-DD hh:mm:ss``."""
    if text.startswith("@"):
        return int(text[1:]) * 1_000_000_000
    text = text if "." in text or "-" in text else f"{text}.00"
    for form in ("%Y%m%d%H%M.%S", "%y%m%d%H%M.%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        with contextlib.suppress(ValueError):
            return calendar.timegm(time.strptime(text, form)) * 1_000_000_000
    raise Exit(process.fail(f"invalid date '{text}'"))


def rm(process: Process) -> int:
    """Remove names: ``rm [-rf] FILE...``."""
    options = Options(process, "firR", {"recursive": "r", "force": "f"})
    failed = 0
    for name in options.args:
        path = process.path(name)
        try:
            mode = process.fs.lstat(path).st_mode
            if not stat.S_ISDIR(mode):
                process.fs.unlink(path)
            elif "r" in options or "R" in options:
                failed |= _remove_tree(process, name, path)
            else:
                failed = process.fail(f"'{name}' is a directory")
        except UnionFSError as error:
            if error.errno == errno.ENOENT and "f" in options:
                continue
            failed = process.fail(f"can't remove '{name}': {reason(error)}")
    return failed


def _remove_tree(process: Process, name: str, path: str) -> int:
    """Remove a directory and all in it, as far as that goes."""
    failed = 0
    pending = [(name, path, False)]
    while pending:
        shown, place, emptied = pending.pop()
        try:
            if emptied:
                process.fs.rmdir(place)
                continue
            pending.append((shown, place, True))
            for entry in process.fs.scandir(place):
                below = f"{shown.rstrip('/')}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append((below, entry.path, False))
                    continue
                try:
                    process.fs.unlink(entry.path)
                except UnionFSError as error:
                    failed = process.fail(f"can't remove '{below}': {reason(error)}")
        except UnionFSError as error:
            failed = process.fail(f"can't remove '{shown}': {reason(error)}")
    return failed


def rmdir(process: Process) -> int:
    """Remove empty directories: ``rmdir [-p] DIRECTORY...``."""
    options = Options(process, "p")
    failed = 0
    for name in options.args:
        shown = name
        while shown.strip("/"):
            try:
                process.fs.rmdir(process.path(shown))
            except UnionFSError as error:
                failed = process.fail(f"'{shown}': {reason(error)}")
                break
            if "p" not in options:
                break
            shown = posixpath.dirname(shown.rstrip("/"))
    return failed


def mkdir(process: Process) -> int:
    """Make directories: ``mkdir [-p] [-m MODE] DIRECTORY...``."""
    options = Options(process, "m:p", {"parents": "p", "mode": "m"})
    failed = 0
    for name in options.args:
        path = process.path(name)
        try:
            if "p" in options:
                process.fs.makedirs(path, exist_ok=True)
            else:
                process.fs.mkdir(path)
            if "m" in options:
                process.fs.chmod(path, parse_mode(process, options["m"], 0o777))
        except UnionFSError as error:
            failed = process.fail(f"can't create directory '{name}': {reason(error)}")
    return failed


def parse_mode(process: Process, text: str, old: int, *, is_dir: bool = True) -> int:
    """
    Read a mode in octal, or as changes such as ``u+x,go=r``.

    Raises:
        Exit: 1, it is neither.
    """
    with contextlib.suppress(ValueError):
        return int(text, 8) & 0o7777
    bits = {"r": 4, "w": 2, "x": 1}
    shift = {"u": 6, "g": 3, "o": 0}
    mode = old & 0o7777
    for clause in text.split(","):
        cut = next((i for i, letter in enumerate(clause) if letter in "+-="), -1)
        if cut < 0:
            raise Exit(process.fail(f"invalid mode '{text}'"))
        who = [each for each in (clause[:cut] or "a") if each != "a"] or list("ugo")
        value = 0
        for letter in clause[cut + 1 :]:
            bit = bits.get(letter, 0)
            if letter == "X":
                bit = 1 if is_dir or old & 0o111 else 0
            value |= sum(bit << shift[each] for each in who)
            if letter == "s":
                value |= sum({"u": 0o4000, "g": 0o2000}.get(each, 0) for each in who)
            if letter == "t":
                value |= 0o1000
        if clause[cut] == "=":
            mode &= ~sum(7 << shift[each] for each in who)
        mode = mode & ~value if clause[cut] == "-" else mode | value
    return mode


def chmod(process: Process) -> int:
    """Change modes: ``chmod [-R] MODE FILE...``."""
    options = Options(process, "Rcfv", mixed=False)
    if len(options.args) < 2:
        return process.fail("missing operand")
    failed = 0
    for name in options.args[1:]:
        try:
            for path in _below(process.fs, process.path(name), deep="R" in options):
                old = process.fs.stat(path).st_mode
                mode = parse_mode(
                    process, options.args[0], old, is_dir=stat.S_ISDIR(old)
                )
                process.fs.chmod(path, mode)
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    return failed


def chown(process: Process) -> int:
    """Change owners: ``chown [-Rh] OWNER[:GROUP] FILE...``."""
    options = Options(process, "Rchfv", mixed=False)
    if len(options.args) < 2:
        return process.fail("missing operand")
    owner, colon, group = options.args[0].partition(":")
    uid = user_id(process.fs, owner) if owner else -1
    gid = group_id(process.fs, group) if colon and group else -1
    if process.name == "chgrp":
        uid, gid = -1, group_id(process.fs, options.args[0])
    if uid is None or gid is None:
        return process.fail(f"unknown user {owner}" if uid is None else (
            f"unknown group {group}"))  # fmt: skip
    failed = 0
    for name in options.args[1:]:
        try:
            for path in _below(process.fs, process.path(name), deep="R" in options):
                process.fs.chown(path, uid, gid, follow_symlinks="h" not in options)
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    return failed


def _below(fs: FileSystem, path: str, *, deep: bool) -> list[str]:
    """Give a path, and all that is below it."""
    found = [path]
    if deep and fs.isdir(path):
        for top, directories, files in fs.walk(path):
            found += [posixpath.join(top, name) for name in (*directories, *files)]
    return found


def mv(process: Process) -> int:
    """Move names; a lower directory, which overlayfs does not move, is copied."""
    options = Options(process, "fint:")
    pairs = _destinations(process, options.args)
    failed = 0
    for name, target in pairs:
        source = process.path(name)
        try:
            process.fs.rename(source, target)
        except UnionFSError as error:
            if error.errno != errno.EXDEV:
                failed = process.fail(f"can't rename '{name}': {reason(error)}")
                continue
            if copy_tree(process, name, source, target, keep=True) or _remove_any(
                process, name, source
            ):
                failed = 1
    return failed


def _remove_any(process: Process, name: str, path: str) -> int:
    if stat.S_ISDIR(process.fs.lstat(path).st_mode):
        return _remove_tree(process, name, path)
    try:
        process.fs.unlink(path)
    except UnionFSError as error:
        return process.fail(f"can't remove '{name}': {reason(error)}")
    return 0


def _destinations(process: Process, args: list[str]) -> list[tuple[str, str]]:
    """Pair each name with where it goes: the last one, or into it."""
    if len(args) < 2:
        raise Exit(process.fail("missing file operand"))
    *names, last = args
    target = process.path(last)
    if process.fs.isdir(target):
        return [
            (name, f"{target.rstrip('/')}/{posixpath.basename(name.rstrip('/'))}")
            for name in names
        ]
    if len(names) > 1:
        raise Exit(process.fail(f"target '{last}' is not a directory"))
    return [(names[0], target)]


def cp(process: Process) -> int:
    """Copy files and trees: ``cp [-arpLdf] SOURCE... TARGET``."""
    options = Options(process, "aLPRdfilprsuv", {"archive": "a", "recursive": "r"})
    deep = any(letter in options for letter in "aRr")
    keep = "a" in options or "p" in options
    links = any(letter in options for letter in "aPd") or (deep and "L" not in options)
    failed = 0
    for name, target in _destinations(process, options.args):
        source = process.path(name)
        try:
            if not deep and process.fs.isdir(source):
                failed = process.fail(f"omitting directory '{name}'")
                continue
            failed |= copy_tree(
                process, name, source, target, keep=keep, follow=not links
            )
        except UnionFSError as error:
            failed = process.fail(f"can't stat '{name}': {reason(error)}")
    return failed


def copy_tree(
    process: Process,
    name: str,
    source: str,
    target: str,
    *,
    keep: bool,
    follow: bool = False,
) -> int:
    """Copy a tree, with owners and times if they are to be kept."""
    fs = process.fs
    failed = 0
    pending = [(name, source, target)]
    after: list[tuple[str, str]] = []
    while pending:
        shown, place, goal = pending.pop()
        try:
            status = fs.stat(place, follow_symlinks=follow)
            mode = status.st_mode
            if stat.S_ISDIR(mode):
                if not fs.isdir(goal):
                    fs.mkdir(goal, stat.S_IMODE(mode) | 0o700)
                after.append((place, goal))
                pending += [
                    (f"{shown}/{each}", f"{place}/{each}", f"{goal}/{each}")
                    for each in fs.listdir(place)
                ]
                continue
            if stat.S_ISLNK(mode):
                fs.symlink(fs.readlink(place), goal)
            elif stat.S_ISREG(mode):
                copy_file(fs, place, goal)
            else:
                fs.mknod(goal, mode, status.st_rdev)
            if keep:
                _keep(fs, place, goal, follow=follow)
            elif stat.S_ISREG(mode):
                fs.chmod(goal, stat.S_IMODE(mode) & ~process.umask & 0o777)
        except UnionFSError as error:
            failed = process.fail(f"can't create '{goal}': {reason(error)}")
    for place, goal in reversed(after):
        if keep:
            _keep(fs, place, goal, follow=True)
    return failed


def copy_file(fs: FileSystem, source: str, target: str) -> None:
    """
    Copy the content of a file, a piece at a time.

    Raises:
        UnionFSError: It cannot be read, or the other one written.
    """
    with fs.open(source, "rb") as old, fs.open(target, "wb") as new:
        while chunk := old.read(_CHUNK_BYTES):
            new.write(chunk)


def _keep(fs: FileSystem, source: str, target: str, *, follow: bool) -> None:
    status = fs.stat(source, follow_symlinks=follow)
    link = stat.S_ISLNK(status.st_mode)
    fs.chown(target, status.st_uid, status.st_gid, follow_symlinks=not link)
    if not link:
        fs.chmod(target, stat.S_IMODE(status.st_mode))
    times = (status.st_atime_ns, status.st_mtime_ns)
    fs.utime(target, ns=times, follow_symlinks=not link)


def ln(process: Process) -> int:
    """Make links: ``ln [-sfn] TARGET... NAME``."""
    options = Options(process, "bfnsvST:")
    if len(options.args) == 1:
        options.args.append(posixpath.basename(options.args[0]))
    *targets, last = options.args
    failed = 0
    for target in targets:
        place = process.path(last)
        shown = last
        if process.fs.isdir(place) and not (
            "n" in options and process.fs.islink(place)
        ):
            shown = f"{last.rstrip('/')}/{posixpath.basename(target.rstrip('/'))}"
            place = process.path(shown)
        try:
            if "f" in options:
                with contextlib.suppress(FileNotFoundError):
                    process.fs.unlink(place)
            if "s" in options:
                process.fs.symlink(target, place)
            else:
                process.fs.link(process.path(target), place)
        except UnionFSError as error:
            failed = process.fail(f"{shown}: {reason(error)}")
    return failed


def mkfifo(process: Process) -> int:
    """Make named pipes: ``mkfifo [-m MODE] NAME...``."""
    options = Options(process, "m:")
    mode = parse_mode(process, options.get("m", "666"), 0o666)
    failed = 0
    for name in options.args:
        try:
            process.fs.mkfifo(process.path(name), mode)
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    return failed


def mknod(process: Process) -> int:
    """Make a device or a pipe: ``mknod [-m MODE] NAME TYPE [MAJOR MINOR]``."""
    options = Options(process, "m:")
    mode = parse_mode(process, options.get("m", "666"), 0o666)
    if len(options.args) not in {2, 4}:
        return process.fail("missing operand")
    name, kind, *numbers = options.args
    types = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "u": stat.S_IFCHR, "p": stat.S_IFIFO}
    if kind[:1] not in types:
        return process.fail(f"invalid type '{kind}'")
    device = (int(numbers[0]) << 8 | int(numbers[1])) if numbers else 0
    try:
        process.fs.mknod(process.path(name), types[kind[:1]] | mode, device)
    except UnionFSError as error:
        return process.fail(f"{name}: {reason(error)}")
    return 0


def truncate(process: Process) -> int:
    """Cut or prolong files: ``truncate [-c] -s SIZE FILE...``."""
    options = Options(process, "cs:", {"size": "s"})
    size = parse_size(options["s"])
    for name in options.args:
        path = process.path(name)
        try:
            if not process.fs.exists(path):
                if "c" in options:
                    continue
                process.fs.open(path, "ab").close()
            process.fs.truncate(path, size)
        except UnionFSError as error:
            return process.fail(f"{name}: open: {reason(error)}")
    return 0


def parse_size(text: str) -> int:
    """
    Read a number of bytes with a suffix.

    >>> parse_size("1k"), parse_size("2M"), parse_size("7")
    (1024, 2097152, 7)
    """
    units = {"c": 1, "w": 2, "b": 512, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    unit = units.get(text[-1:].lower())
    return int(text[:-1]) * unit if unit else int(text)


def dd(process: Process) -> int:
    """Copy blocks: ``dd if=FILE of=FILE bs=N count=N seek=N skip=N conv=notrunc``."""
    given = dict(arg.partition("=")[::2] for arg in process.args)
    size = parse_size(given.get("bs", "512"))
    count = int(given["count"]) if "count" in given else None
    blocks = done = wrote = 0
    data = b""
    name = given.get("of", "")
    failed = 0
    try:
        if "if" in given:
            with process.open(given["if"]) as file:
                file.read(size * parse_size(given.get("skip", "0")))
                data = file.read(-1 if count is None else size * count)
        out = process.stdout
        if name:
            place = process.path(name)
            keep = "notrunc" in given.get("conv", "") or "seek" in given
            mode = "r+b" if keep and process.fs.exists(place) else "wb"
            with process.fs.open(place, mode, 0) as target:
                target.seek(size * parse_size(given.get("seek", "0")))
                for start in range(0, len(data), size):
                    blocks += 1
                    piece = data[start : start + size]
                    written = target.write(piece) or 0
                    done += written
                    if written < len(piece):
                        raise fs_error(errno.ENOSPC, name, op="write")
                    wrote += 1
        else:
            done = out.write(data)
            blocks = wrote = -(-done // size)
    except UnionFSError as error:
        what = "error writing" if error.errno == errno.ENOSPC else "can't open"
        failed = process.fail(f"{what} '{name or given.get('if')}': {reason(error)}")
        if not blocks:
            return failed
    process.stderr.write(f"{blocks}+0 records in\n{wrote}+0 records out\n")
    return failed


COMMANDS: Final[Mapping[str, Program]] = {
    "chgrp": chown,
    "chmod": chmod,
    "chown": chown,
    "cp": cp,
    "dd": dd,
    "ln": ln,
    "mkdir": mkdir,
    "mkfifo": mkfifo,
    "mknod": mknod,
    "mv": mv,
    "rm": rm,
    "rmdir": rmdir,
    "touch": touch,
    "truncate": truncate,
}
