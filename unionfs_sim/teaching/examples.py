"""
Small examples that can be looked at: layers, operations, and what to compare.

Two implementations are told apart by an example if what they show differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from unionfs_sim.teaching.lab import (
    Container,
    Dir,
    Lab,
    Layer,
    Op,
    Path,
    Stack,
    Step,
    error_name,
    layer,
    ops,
    outcome,
    path,
    show,
    stack,
)


@attrs.frozen
class Example:
    """
    An example.

    Attributes:
        layers: The layers to start from, in the lab's notation.
        program: The operations, in the lab's notation.
        look: What is compared: a word of `LOOKS`, and what it takes.
    """

    layers: str
    program: str = ""
    look: str = "union"

    def __str__(self) -> str:
        """Show it in a line."""
        shown = f"[{self.layers}] {self.program}".strip()
        return shown if self.look in {"union", "upper"} else f"{shown} ({self.look})"

    def observe(self, lab: Lab) -> object:
        """
        Give what an implementation shows.

        >>> example = Example("a=1 | ~a")
        >>> wrong = Lab(bug={"wh_ignored"}.__contains__)
        >>> example.observe(Lab()) == example.observe(wrong)
        False
        """
        look, *words = self.look.split()
        return LOOKS[look](lab, stack(self.layers), ops(self.program), words)


def asked(layers: list[Layer], program: list[Op]) -> list[Path]:
    """Give the paths to ask for: all that occur, and all names in and beside them."""
    known = {at for one in layers for at in one}
    for op in program:
        named = op.arguments if op.verb == "rename" else op.arguments[:1]
        known.update(path(x) for x in named if isinstance(x, (str, tuple)))
    names = {name for at in known for name in at} | {"a", "v"}
    parents = {at[:depth] for at in known for depth in range(len(at) + 1)} | {()}
    return sorted(parents | {(*at, name) for at in parents for name in names})


def shown(union: Stack | Container, paths: list[Path]) -> object:
    """Give the answers of a union to every question about some paths."""

    def answer(at: Path) -> object:
        kind = union.kind(at)
        if kind == "dir":
            return union.readdir(at)
        return None if kind is None else (union.read(at), union.mode(at))

    return {at: answer(at) for at in paths}


def _run(union: Stack | Container, program: list[Op]) -> list[str]:
    return [outcome(union, op) for op in program]


def _union(lab: Lab, layers: list[Layer], program: list[Op], _: list[str]) -> object:
    """What shows after the operations, and their outcomes."""
    union = lab.stack(layers)
    return _run(union, program), shown(union, asked(layers, program))


def _upper(lab: Lab, layers: list[Layer], program: list[Op], _: list[str]) -> object:
    """What was written."""
    union = lab.stack(layers)
    return _run(union, program), union.upper


def _lowers(lab: Lab, layers: list[Layer], program: list[Op], _: list[str]) -> object:
    """What the read-only layers are afterwards."""
    union = lab.stack(layers)
    return _run(union, program), union.lowers


def _reads(lab: Lab, layers: list[Layer], program: list[Op], _: list[str]) -> object:
    """What reading alone wrote."""
    union = lab.stack(layers)
    return _run(union, program), shown(union, asked(layers, program)), union.upper


def _commit(lab: Lab, layers: list[Layer], program: list[Op], _: list[str]) -> object:
    """What is still to be committed, and the image after one more write."""
    union = lab.stack(layers)
    done = _run(union, program)
    image = union.commit()
    rest = union.upper.snapshot()
    union.write("z", "later")
    return done, rest, shown(lab.stack(image), [(), ("z",)])


def _flatten(lab: Lab, layers: list[Layer], _: list[Op], __: list[str]) -> object:
    return lab.stack(layers).flatten()


def _squash(lab: Lab, layers: list[Layer], _: list[Op], __: list[str]) -> object:
    """What shows when the two topmost layers are one."""
    *rest, lower, upper = layers
    return shown(lab.stack([*rest, lab.squash(lower, upper)]), asked(layers, []))


def _diff(lab: Lab, layers: list[Layer], _: list[Op], __: list[str]) -> object:
    before, after = layers
    return lab.diff(before, after)


def _archive(lab: Lab, layers: list[Layer], _: list[Op], __: list[str]) -> object:
    """The layer after a journey through an archive whose members are turned round."""
    members = lab.to_archive(layers[-1])
    return lab.from_archive(members), lab.from_archive(members[::-1])


def _digest(lab: Lab, layers: list[Layer], _: list[Op], __: list[str]) -> object:
    """Whether digests tell layers apart, and do not tell the same layer apart."""
    one = layers[-1]
    turned = Layer(reversed(one.items()))
    return lab.digest(one) == lab.digest(turned), lab.digest(one) == lab.digest(Layer())


def _box(lab: Lab, layers: list[Layer], program: list[Op], words: list[str]) -> object:
    """What containers and their volumes show; the volumes hold a file ``v``, if used."""
    if words == ["two"]:
        one, other = lab.container(layers), lab.container(layers)
        return _run(one, program), other.tree()
    points = [path(word) for word in words if word not in {"new", "ro", "rm"}]
    content = None if "new" in words else layer("v=1")
    volumes = {point: lab.volume(content) for point in points}
    box = lab.container(layers, volumes, read_only=points if "ro" in words else [])
    done = _run(box, program)
    written = box.upper.snapshot()
    seen = shown(box, asked([*layers, Layer({at: Dir() for at in points})], program))
    if "rm" in words:
        box.remove()
    contents = {at: volume.tree() for at, volume in volumes.items()}
    image = box.commit() if "rm" not in words else []
    return done, _marks_apart(written), seen, contents, [dict(x) for x in image]


def _marks_apart(written: Layer) -> list[Path]:
    """Give the paths that were written, whatever was written there."""
    return sorted(written)


Look = Callable[[Lab, list[Layer], list[Op], list[str]], object]

#: What can be looked at.
LOOKS: Final[Mapping[str, Look]] = {
    "archive": _archive,
    "box": _box,
    "commit": _commit,
    "diff": _diff,
    "digest": _digest,
    "flatten": _flatten,
    "lowers": _lowers,
    "reads": _reads,
    "squash": _squash,
    "union": _union,
    "upper": _upper,
}


def tells_apart(example: Example, one: Lab, other: Lab) -> bool:
    """Tell whether two implementations differ on an example, or one of them crashes."""
    return _observed(example, one) != _observed(example, other)


@attrs.frozen
class Difference:
    """
    Where two implementations differ first on an example.

    Attributes:
        where: The operation or the path, as text.
        right: What the first one says; nothing if nothing shows.
        wrong: What the second one says.
        steps: How the first one looked the path up.
    """

    where: str
    right: str
    wrong: str
    steps: Sequence[Step] = ()


def first_difference(example: Example, one: Lab, other: Lab) -> Difference | None:
    """
    Find where two implementations differ first, in an outcome or in what shows.

    Gives nothing for an example that looks elsewhere than at what a union shows.

    >>> wrong = Lab(bug={"wh_ignored"}.__contains__)
    >>> first_difference(Example("a=1 | ~a"), Lab(), wrong).wrong
    '1 (644)'
    """
    if example.look != "union":
        return None
    layers, program = stack(example.layers), ops(example.program)
    unions = [lab.stack(stack(example.layers)) for lab in (one, other)]
    done = [_run(union, program) for union in unions]
    for op, right, wrong in zip(program, *done, strict=True):
        if right != wrong:
            return Difference(show(op), right, wrong)
    for at in asked(layers, program):
        right, wrong = (_answer_text(union, at) for union in unions)
        if right != wrong:
            return Difference(show(at), right, wrong, unions[0].explain(at))
    return None


def _answer_text(union: Stack, at: Path) -> str:
    try:
        kind = union.kind(at)
        if kind == "dir":
            return f"[{' '.join(union.readdir(at))}]"
        return "" if kind is None else f"{show(union.read(at))} ({union.mode(at):o})"
    except OSError as error:
        return error_name(error)


def _observed(example: Example, lab: Lab) -> object:
    try:
        return example.observe(lab)
    except OSError as error:
        return error_name(error)
