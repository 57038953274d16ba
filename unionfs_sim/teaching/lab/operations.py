"""Operations as values, and what becomes of them: ``"ok"`` or the name of an error."""

from __future__ import annotations

from typing import Final

from unionfs_sim.teaching.lab.values import PathLike, error_name

#: The verbs that change a union; ``commit`` changes nothing that shows.
VERBS: Final = (
    "write",
    "append",
    "chmod",
    "unlink",
    "mkdir",
    "rmdir",
    "rename",
    "rmtree",
    "commit",
)


class Op:
    """An operation: a verb and what it is called with."""

    __slots__ = ("arguments", "verb")

    def __init__(self, verb: str, *arguments: PathLike | bytes | int) -> None:
        if verb not in VERBS:
            raise ValueError(f"{verb!r} is none of {', '.join(VERBS)}")
        self.verb = verb
        self.arguments = arguments

    def __eq__(self, other: object) -> bool:
        """Operations are equal if verb and arguments are."""
        if not isinstance(other, Op):
            return NotImplemented
        return (self.verb, self.arguments) == (other.verb, other.arguments)

    def __hash__(self) -> int:
        """Equal operations have equal hashes."""
        return hash((self.verb, self.arguments))

    def __repr__(self) -> str:
        """Show it as Python that makes it."""
        words = [f"0o{x:o}" if isinstance(x, int) else repr(x) for x in self.arguments]
        return f"Op({', '.join([repr(self.verb), *words])})"


def outcome(target: object, op: Op) -> str:
    """
    Carry an operation out; tell ``"ok"`` or the name of the error.

    >>> from unionfs_sim.teaching.lab import Stack
    >>> outcome(Stack(), Op("rmdir", "a")), outcome(Stack(), Op("mkdir", "a"))
    ('ENOENT', 'ok')
    """
    try:
        getattr(target, op.verb)(*op.arguments)
    except OSError as error:
        return error_name(error)
    return "ok"
