"""An opaque directory hides more quickly, but goal 2 does without."""

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File, Layer, layer


def goal_1() -> list[Layer]:
    """Show b=2: 2 layers, layer 0 is "a=1 b=2"."""
    return [layer("a=1 b=2"), layer("~a")]


def goal_2() -> list[Layer]:
    """Show d/ d/c=3: 2 layers, layer 0 is "d/a=1 d/b=2"; no opaque."""
    return [layer("d/a=1 d/b=2"), layer("d! d/c=3")]


def goal_3() -> list[Layer]:
    """Show d/ d/c=3: 2 layers, layer 0 is "d/a=1 d/b=2"; no whiteout."""
    return [layer("d/a=1 d/b=2"), layer("d! d/c=3")]


def goal_4() -> list[Layer]:
    """Show a=new: 2 layers, layer 0 is "a=old"; no whiteout, no opaque."""
    return [layer("a=old"), layer("a=new")]


def goal_5() -> list[Layer]:
    """Show a/ a/x=1: 2 layers, layer 0 is "a=f"; no whiteout."""
    return [layer("a=f"), Layer({("a",): Dir(), ("a", "x"): File(b"1")})]


def goal_6() -> list[Layer]:
    """Show d/ d/x=1: 3 layers, layer 0 is "d/old=1", layer 2 is "d/x=1"."""
    return [layer("d/old=1"), Layer({("d",): WHITEOUT}), layer("d/x=1")]
