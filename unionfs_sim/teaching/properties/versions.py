"""Properties of commit and of what is exported: P45 to P47."""

from __future__ import annotations

from unionfs_sim.teaching.lab import Lab, Layer, Op
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.changing import USED, used
from unionfs_sim.teaching.properties.law import equal, hold, law


@law(
    "P45",
    "Commit and remount is the identity",
    "The image that is committed shows what the union showed, the union goes on with an "
    "empty writable layer, and what is written later does not reach the image.",
    "round-trip",
    "same tree, empty, image stays",
    USED,
)
def _p45(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = used(lab, layers, program)
    before = union.tree()
    image = union.commit()
    equal("same tree", before, lab.stack(image).tree())
    equal("empty", Layer(), union.upper)
    for at, shown in before.items():
        if shown is not None:
            union.append(at, b"later")
            union.unlink(at)
    union.write(("later",), b"later")
    equal("image stays", before, lab.stack(image).tree())


@law(
    "P46",
    "Commit adds one layer with what was touched",
    "The old layers are the same objects, below the new one; and its paths are those of "
    "the writable layer.",
    "invariant",
    "old layers, touched",
    USED,
    looks_at="upper",
)
def _p46(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = used(lab, layers, program)
    touched, old = sorted(union.upper), list(union.lowers)
    image = union.commit()
    equal("old layers", len(old) + 1, len(image))
    shared = all(one is other for one, other in zip(old, image, strict=False))
    hold("old layers", shared, "they were copied or moved")
    equal("touched", touched, sorted(image[-1]))


@law(
    "P47",
    "The exported difference carries every change",
    "The read-only layers and the archive of what was written, read again, show what the "
    "union shows.",
    "differential",
    "same tree",
    {"layers": given.stack, "program": given.program()},
)
def _p47(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    union = used(lab, layers, program)
    unpacked = lab.from_archive(lab.to_archive(union.diff()))
    equal("same tree", union.tree(), lab.stack([*union.lowers, unpacked]).tree())
