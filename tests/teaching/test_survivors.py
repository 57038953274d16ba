"""What the lab does at places where a tool's change to it went unseen before."""

from __future__ import annotations

from unionfs_sim.teaching.lab import WHITEOUT, Dir, Stack, stack
from unionfs_sim.teaching.lab.resolve import Step, find


def test_each_layer_takes_part_once() -> None:
    """The top layer is not asked again when the base has been asked."""
    found = find(stack("d/ | d/"), ("d",))

    assert found is not None
    assert [1, 0] == list(found.merged)
    root = find(stack("d/ | d/"), ())
    assert root is not None
    assert [1, 0] == list(root.merged)


def test_story_tells_opaque_from_plain() -> None:
    """The story of a lookup names what ends it."""
    assert [
        Step(("d",), 1, "dir"),
        Step(("d",), 0, "opaque"),
    ] == Stack(stack("d! | d/")).explain("d")


def test_push_keeps_layers_and_bug() -> None:
    """A union with more layers has the same kind, the old layers and the same bug."""

    class Own(Stack):
        pass

    def bug(name: str) -> bool:
        return name == "none of them"

    base, more = stack("a=1 | b=2")
    union = Own([base], bug)
    union.write("c", "3")
    pushed = union.push(more)

    assert type(pushed) is Own
    assert [base, more] == pushed.lowers
    assert pushed.bug is bug
    assert {} == pushed.upper


def test_second_change_copies_nothing() -> None:
    """A file that is already in the writable layer is changed where it is."""
    union = Stack(stack("a=1"))
    union.append("a", "2")
    file = union.upper["a",]
    union.append("a", "3")

    assert union.upper["a",] is file
    assert b"123" == union.read("a")


def test_opaque_directory_needs_no_whiteout() -> None:
    """What an opaque directory hides already is not whited out in it."""
    union = Stack(stack("d/ d/a=1"))
    union.rmtree("d")
    assert union.upper["d",] is WHITEOUT
    union.mkdir("d")
    union.write("d/a", "2")
    union.unlink("d/a")

    assert {("d",): Dir(opaque=True)} == union.upper
