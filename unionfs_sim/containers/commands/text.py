"""Commands on text: ``cat``, ``echo``, ``grep``, ``head``, ``sort``, ``test`` ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from unionfs_sim.containers.commands.awk import awk
from unionfs_sim.containers.commands.conditions import test
from unionfs_sim.containers.commands.expr import expr
from unionfs_sim.containers.commands.files import parse_size
from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.commands.printf import printf
from unionfs_sim.containers.commands.regex import basic_regex
from unionfs_sim.containers.commands.sed import sed
from unionfs_sim.containers.escapes import unescape
from unionfs_sim.containers.process import Exit, Process, Program
from unionfs_sim.containers.scheduling import Steps, Wait
from unionfs_sim.containers.streams import lines
from unionfs_sim.errors import UnionFSError

_CHUNK_BYTES: Final = 1 << 16


def echo(process: Process) -> int:
    """Write words: ``echo [-neE] WORD...``."""
    args = list(process.args)
    end, escapes = "\n", False
    while args and re.fullmatch(r"-[neE]+", args[0]):
        flags = args.pop(0)
        end = "" if "n" in flags else end
        escapes = "e" in flags or (escapes and "E" not in flags)
    text = " ".join(args)
    if escapes:
        text, stopped = unescape(text)
        end = "" if stopped else end
    process.stdout.write(text + end)
    return 0


def _inputs(process: Process, names: list[str]) -> Steps[list[tuple[str, bytes]]]:
    """Read files, or the standard input, and complain of those that cannot be read."""
    found: list[tuple[str, bytes]] = []
    for name in names or ["-"]:
        if name == "-":
            found.append((name, (yield from process.stdin.read())))
            continue
        try:
            found.append((name, process.fs.read_bytes(process.path(name))))
        except UnionFSError as error:
            process.fail(f"{name}: {reason(error)}")
    return found


def cat(process: Process) -> Steps[int]:
    """Write files one after the other: ``cat [FILE...]``."""
    options = Options(process, "nuvbeAt")
    failed = 0
    for name in options.args or ["-"]:
        if name == "-":
            while line := (yield from process.stdin.readline()):
                process.stdout.write(line)
            continue
        path = process.path(name)
        try:
            if process.fs.isdir(path):
                failed = process.fail("read error: Is a directory")
                continue
            with process.fs.open(path, "rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    process.stdout.write(chunk)
        except UnionFSError as error:
            failed = process.fail(f"can't open '{name}': {reason(error)}")
    return failed


def head(process: Process) -> Steps[int]:
    """Write the start of files: ``head [-n LINES | -c BYTES] [FILE...]``."""
    process.argv[1:] = _old_count(process.args)
    options = Options(process, "c:n:qv")
    size = parse_size(options["c"]) if "c" in options else None
    count = int(options.get("n", "10"))
    failed = 0
    names = options.args or ["-"]
    for number, name in enumerate(names):
        data = b""
        try:
            if name != "-":
                with process.open(name) as file:
                    if size is not None:
                        data = file.read(size)
                    else:
                        data = b"".join(file.readline() for _ in range(count))
            elif size is not None:
                data = yield from process.stdin.read(size)
            else:
                for _ in range(count):
                    data += yield from process.stdin.readline()
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
            continue
        if len(names) > 1:
            process.stdout.write(f"{chr(10) if number else ''}==> {name} <==\n")
        process.stdout.write(data)
    return failed


def tail(process: Process) -> Steps[int]:
    """Write the end of files: ``tail [-n LINES | -c BYTES] [-f] [FILE...]``."""
    process.argv[1:] = _old_count(process.args)
    options = Options(process, "c:n:fFqs:")
    for name, data in (yield from _inputs(process, options.args)):
        if "c" in options:
            size = options["c"]
            start = int(size[1:]) - 1 if size.startswith("+") else -int(size)
            process.stdout.write(data[start:])
        else:
            rows = data.splitlines(keepends=True)
            count = options.get("n", "10")
            first = int(count[1:]) - 1 if count.startswith("+") else -int(count)
            process.stdout.write(b"".join(rows[first:] if first else []))
        position = len(data)
        while "f" in options and name != "-":
            yield from process.sleep(1)
            more = process.fs.read_bytes(process.path(name))[position:]
            position += len(more)
            process.stdout.write(more)
    return 0


def _old_count(args: list[str]) -> list[str]:
    if args and re.fullmatch(r"-\d+", args[0]):
        return ["-n", args[0][1:], *args[1:]]
    return args


def grep(process: Process) -> Steps[int]:
    """Write lines that fit: ``grep [-EFcilnoqrsvwx] PATTERN [FILE...]``."""
    options = Options(process, "EFHce:hilnoqrsvwxA:B:m:")
    args = list(options.args)
    patterns = [value for letter, value in options.order if letter == "e"]
    if not patterns:
        if not args:
            raise Exit(process.fail("missing pattern", 2))
        patterns = [args.pop(0)]
    fixed = "F" in options or process.name == "fgrep"
    extended = "E" in options or process.name == "egrep"
    body = "|".join(
        f"(?:{re.escape(x) if fixed else x if extended else basic_regex(x)})"
        for x in patterns
    )
    body = rf"\b(?:{body})\b" if "w" in options else body
    body = rf"^(?:{body})$" if "x" in options else body
    pattern = re.compile(body, re.IGNORECASE if "i" in options else 0)
    if "r" in options:
        args = _tree(process, args or ["."])
    heads = len(args) > 1 or "H" in options or "r" in options
    heads = heads and "h" not in options
    any_found = False
    for name, data in (yield from _inputs(process, args)):
        count = 0
        for number, line in enumerate(lines(data), 1):
            if (pattern.search(line) is None) != ("v" in options):
                continue
            any_found = True
            count += 1
            if "q" in options:
                return 0
            if "c" in options or "l" in options:
                continue
            start = f"{name}:" if heads else ""
            start += f"{number}:" if "n" in options else ""
            if "o" in options:
                for match in pattern.finditer(line):
                    process.print(start + match[0])
            else:
                process.print(start + line)
        if "c" in options:
            process.print(f"{name}:{count}" if heads else count)
        elif "l" in options and count:
            process.print(name)
    return 0 if any_found else 1


def _tree(process: Process, tops: list[str]) -> list[str]:
    found: list[str] = []
    for top in tops:
        if not process.fs.isdir(process.path(top)):
            found.append(top)
            continue
        for directory, _, files in process.fs.walk(process.path(top)):
            below = directory[len(process.path(top)) :]
            found += [f"{top.rstrip('/')}{below}/{name}" for name in files]
    return found


def sort(process: Process) -> Steps[int]:
    """Write lines in order: ``sort [-nru] [-k FIELD] [-t SEPARATOR] [FILE...]``."""
    options = Options(process, "bk:nrt:u")
    rows = [
        line
        for _, data in (yield from _inputs(process, options.args))
        for line in lines(data)
    ]
    field = int(options.get("k", "0").partition(",")[0] or 0)

    def key(line: str) -> tuple[float, str]:
        text = line
        if field:
            parts = line.split(options.get("t") or None)
            text = parts[field - 1] if field <= len(parts) else ""
        match = re.match(r"\s*-?\d+(?:\.\d+)?", text) if "n" in options else None
        return (float(match[0]) if match else 0.0, text)

    rows.sort(key=key, reverse="r" in options)
    if "u" in options:
        rows = list(dict.fromkeys(rows))
    process.stdout.write("".join(f"{row}\n" for row in rows))
    return 0


def uniq(process: Process) -> Steps[int]:
    """Write lines that differ from the one before: ``uniq [-cdu] [FILE]``."""
    options = Options(process, "cdu")
    groups: list[tuple[str, int]] = []
    for _, data in (yield from _inputs(process, options.args)):
        for line in lines(data):
            if groups and groups[-1][0] == line:
                groups[-1] = (line, groups[-1][1] + 1)
            else:
                groups.append((line, 1))
    for line, count in groups:
        if ("d" in options and count < 2) or ("u" in options and count > 1):
            continue
        process.print(f"{count:>7} {line}" if "c" in options else line)
    return 0


def cut(process: Process) -> Steps[int]:
    """Write parts of lines: ``cut -f LIST [-d X] | -c LIST [FILE...]``."""
    options = Options(process, "b:c:d:f:s")
    listed = options.get("f") or options.get("c") or options.get("b")
    wanted: list[tuple[int, int]] = []
    for part in listed.split(","):
        first, dash, last = part.partition("-")
        start = int(first or 1)
        wanted.append((start, int(last or (1 << 30)) if dash else start))
    mark = options.get("d", "\t")
    for _, data in (yield from _inputs(process, options.args)):
        for line in lines(data):
            parts = line.split(mark) if "f" in options else list(line)
            if "f" in options and mark not in line:
                if "s" not in options:
                    process.print(line)
                continue
            kept = [
                part
                for number, part in enumerate(parts, 1)
                if any(start <= number <= end for start, end in wanted)
            ]
            process.print((mark if "f" in options else "").join(kept))
    return 0


def tr(process: Process) -> Steps[int]:
    """Replace letters: ``tr [-ds] SET1 [SET2]``."""
    options = Options(process, "cds", mixed=False)
    sets = [_letters(text) for text in options.args]
    data = (yield from process.stdin.read()).decode("utf-8", "surrogateescape")
    if "d" in options:
        process.stdout.write("".join(x for x in data if x not in sets[0]))
        return 0
    if len(sets) > 1:
        last = sets[1][-1:]
        filled = sets[1] + last * (len(sets[0]) - len(sets[1]))
        data = data.translate(
            {ord(a): b for a, b in zip(sets[0], filled, strict=False)}
        )
    if "s" in options:
        squeezed = re.escape("".join(sets[-1]))
        data = re.sub(rf"([{squeezed}])\1+", r"\1", data)
    process.stdout.write(data)
    return 0


def _letters(text: str) -> str:
    classes = {
        "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
        "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "[:digit:]": "0123456789",
        "[:space:]": " \t\n\r\v\f",
    }
    for name, letters in classes.items():
        text = text.replace(name, letters)
    text = unescape(text)[0]
    return re.sub(
        r"(.)-(.)",
        lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))),
        text,
    )


def wc(process: Process) -> Steps[int]:
    """Count lines, words and bytes: ``wc [-lwc] [FILE...]``."""
    options = Options(process, "clmw")
    kinds = [x for x in "lwc" if x in options] or list("lwc")
    totals = dict.fromkeys(kinds, 0)
    found = yield from _inputs(process, options.args)
    for name, data in found:
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        for kind in kinds:
            totals[kind] += counts[kind]
        _count_line(process, [counts[kind] for kind in kinds], name)
    if len(found) > 1:
        _count_line(process, list(totals.values()), "total")
    return 0


def _count_line(process: Process, counts: list[int], name: str) -> None:
    shown = "" if name == "-" else f" {name}"
    if len(counts) == 1:
        process.print(f"{counts[0]}{shown}")
    else:
        process.print("".join(f"{count:>10}" for count in counts) + shown)


def tee(process: Process) -> Steps[int]:
    """Write the input to the output and to files: ``tee [-a] FILE...``."""
    options = Options(process, "a")
    data = yield from process.stdin.read()
    failed = 0
    for name in options.args:
        try:
            with process.open(name, "ab" if "a" in options else "wb") as file:
                file.write(data)
        except UnionFSError as error:
            failed = process.fail(f"{name}: {reason(error)}")
    process.stdout.write(data)
    return failed


def seq(process: Process) -> int:
    """Count: ``seq [FIRST [STEP]] LAST``."""
    try:
        numbers = [int(arg) for arg in process.args]
    except ValueError:
        return process.fail("invalid number")
    first = numbers[0] if len(numbers) > 1 else 1
    step = numbers[1] if len(numbers) > 2 else 1
    end = numbers[-1] + (1 if step > 0 else -1)
    process.stdout.write("".join(f"{n}\n" for n in range(first, end, step)))
    return 0


def yes(process: Process) -> Steps[int]:
    """Write a word again and again: ``yes [WORD]``."""
    while True:
        process.print(*(process.args or ["y"]))
        yield Wait()


def xargs(process: Process) -> Steps[int]:
    """Run a command with words of the input: ``xargs [-n N] [-r] COMMAND...``."""
    options = Options(process, "0n:rI:", mixed=False)
    data = (yield from process.stdin.read()).decode("utf-8", "surrogateescape")
    words = data.split("\0") if "0" in options else data.split()
    words = [word for word in words if word]
    argv = options.args or ["echo"]
    size = int(options.get("n", "0")) or max(1, len(words))
    if not words and "r" in options:
        return 0
    code = 0
    for start in range(0, max(1, len(words)), size):
        batch = words[start : start + size]
        code = (yield from process.run([*argv, *batch])) or code
    return 123 if code else 0


def cmp(process: Process) -> int:
    """Compare two files: ``cmp [-s] FILE FILE``."""
    options = Options(process, "ls")
    try:
        one, other = (process.fs.read_bytes(process.path(x)) for x in options.args[:2])
    except UnionFSError as error:
        return process.fail(f"{error.filename}: {reason(error)}", 2)
    if one == other:
        return 0
    if "s" not in options:
        at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), -1)  # fmt: skip
        process.print(f"{' '.join(options.args)} differ: char {at + 1}")
    return 1


def _names(process: Process) -> int:
    """Give parts of a path: ``basename PATH [SUFFIX]``, ``dirname PATH``."""
    if not process.args:
        return process.fail("missing operand")
    path = process.args[0].rstrip("/") or "/"
    if process.name == "dirname":
        process.print(path.rpartition("/")[0] or ("/" if path[0] == "/" else "."))
    else:
        name = path.rpartition("/")[2] or "/"
        process.print(name.removesuffix(process.args[1]) if process.args[1:] else name)
    return 0


COMMANDS: Final[Mapping[str, Program]] = {
    "[": test,
    "[[": test,
    "awk": awk,
    "basename": _names,
    "cat": cat,
    "cmp": cmp,
    "cut": cut,
    "dirname": _names,
    "echo": echo,
    "egrep": grep,
    "expr": expr,
    "fgrep": grep,
    "grep": grep,
    "head": head,
    "printf": printf,
    "sed": sed,
    "seq": seq,
    "sort": sort,
    "tail": tail,
    "tee": tee,
    "test": test,
    "tr": tr,
    "uniq": uniq,
    "wc": wc,
    "xargs": xargs,
    "yes": yes,
}
