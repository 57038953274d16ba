"""
Layers, stacks and operations as a line of text, and back.

``a=1`` is a file, ``d/`` a directory, ``d!`` an opaque one, ``~a`` a whiteout; a bar
parts the layers, base first; ``a=1:600`` has other permissions than the usual 644.

>>> stack("d/ d/a=1 | ~d")
[Layer({('d',): Dir(), ('d', 'a'): File(b'1')}), Layer({('d',): WHITEOUT})]
>>> show(stack("d/a=1:600 | d!"))
'[d/ d/a=1:600 | d!]'
>>> ops("write d/a x; rename a b")
[Op('write', 'd/a', 'x'), Op('rename', 'a', 'b')]
"""

from __future__ import annotations

from collections.abc import Sequence

from unionfs_sim.teaching.lab.operations import Op
from unionfs_sim.teaching.lab.values import (
    MODE,
    WHITEOUT,
    Dir,
    Entry,
    File,
    Layer,
    Path,
    path,
)


def layer(text: str) -> Layer:
    """
    Read a layer; directories that are not written down are made.

    >>> layer("d/a=1 ~b")
    Layer({('d',): Dir(), ('d', 'a'): File(b'1'), ('b',): WHITEOUT})

    Raises:
        ValueError: A word is none of the forms, or a file is in the way.
    """
    made = Layer()
    for word in text.split():
        at, entry = _entry(word)
        if not at:
            raise ValueError(f"{word!r}: no name")
        for depth in range(1, len(at)):
            made.setdefault(at[:depth], Dir())
        made[at] = entry
    if not made.is_well_formed():
        raise ValueError(f"{text!r}: something lies under a file or a whiteout")
    return made


def _entry(word: str) -> tuple[Path, Entry]:
    if word.startswith("~"):
        return path(word[1:]), WHITEOUT
    name, equals, data = word.partition("=")
    if equals:
        data, colon, mode = data.partition(":")
        return path(name), File(data, int(mode, 8) if colon else MODE)
    if word.endswith(("/", "!")):
        return path(word[:-1]), Dir(opaque=word.endswith("!"))
    raise ValueError(f"{word!r}: write a=1, d/, d! or ~a")


def stack(text: str) -> list[Layer]:
    """
    Read layers, base first; an empty one is written as nothing between bars.

    >>> [len(layer) for layer in stack("a=1 | | ~a")]
    [1, 0, 1]
    """
    return [layer(part) for part in text.split("|")]


def op(text: str) -> Op:
    """
    Read an operation: its verb, its path, and what else it takes.

    >>> op("chmod a 600")
    Op('chmod', 'a', 0o600)
    """
    verb, *words = text.split()
    if verb == "chmod":
        return Op(verb, words[0], int(words[1], 8))
    if verb in {"write", "append"} and len(words) == 1:
        words.append("")
    return Op(verb, *words)


def ops(text: str) -> list[Op]:
    """Read operations parted by semicolons."""
    return [op(part) for part in text.split(";") if part.strip()]


def show(value: object) -> str:
    """
    Write down a layer, a list of layers, a path, an operation or a list of those.

    >>> show(("d", "a")), show(layer("")), show(ops("mkdir a; commit"))
    ('/d/a', '(empty)', 'mkdir a; commit')
    """
    if isinstance(value, Layer):
        return " ".join(_shown(at, e) for at, e in sorted(value.items())) or "(empty)"
    if isinstance(value, Op):
        return " ".join([value.verb, *map(_argument, value.arguments)])
    if isinstance(value, tuple) and all(isinstance(x, str) for x in value):
        return "/" + "/".join(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if value and all(isinstance(x, Op) for x in value):
            return "; ".join(map(show, value))
        return "[" + " | ".join(map(show, value)) + "]"
    return (
        value.decode("utf-8", "backslashreplace")
        if isinstance(value, bytes)
        else str(value)
    )


def _shown(at: Path, entry: Entry) -> str:
    name = "/".join(at)
    if isinstance(entry, File):
        mode = "" if entry.mode == MODE else f":{entry.mode:o}"
        return f"{name}={entry.data.decode('utf-8', 'backslashreplace')}{mode}"
    if entry is WHITEOUT:
        return f"~{name}"
    return f"{name}!" if entry == Dir(opaque=True) else f"{name}/"


def _argument(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(value)
    if isinstance(value, int):
        return f"{value:o}"
    return show(value)
