"""The flat dialect: one tree without marks, as a root file system is."""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.fold import NOTHING, Rules, fold
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.records import (
    DIRECTORY_TYPES,
    Broken,
    DirectoryRecord,
    Record,
)
from unionfs_sim.dialects.conversion import plain
from unionfs_sim.dialects.dialect import Dialect, Encoded
from unionfs_sim.errors import FormatError, error_text


def flatten(view: DirectoryRecord, label: str = "") -> Layer:
    """
    Give all that a merged view shows as one layer; hard links stay.

    Raises:
        FormatError: Something in it cannot be looked up.

    >>> from unionfs_sim import WHITEOUT, Stack
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": ""})
    >>> stack = Stack([Layer.build({"etc/motd": WHITEOUT}), base])
    >>> [path for path, _ in flatten(stack.root).walk()]
    ['/', '/etc', '/etc/hosts']
    """
    builder = LayerBuilder(label)
    made: dict[int, Leaf] = {}
    pending: list[tuple[Parts, Record]] = [((), view)]
    while pending:
        parts, record = pending.pop()
        if isinstance(record, DIRECTORY_TYPES):
            builder.set_meta(parts, attrs.evolve(record.meta, private={}))
            for name, entry in record.entries.items():
                assert entry is not WHITEOUT, "a view has no marks"
                pending.append(((*parts, name), entry))
        elif isinstance(record, Broken):
            msg = f"{join(parts)}: cannot be looked up ({error_text(record.errno)})"
            raise FormatError(msg)
        else:
            builder.add(parts, plain(record, made))
    return builder.freeze()


def decode(raw: Layer) -> Layer:
    """Read a tree: all of it is content."""
    return raw


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write down what shows of a layer over what is below it.

    Without *below*, whatever the marks hide is not known to be there, so each mark is
    a loss.
    """
    losses = []
    if below is None:
        for parts, entry in layer.items():
            if entry is WHITEOUT:
                losses.append(f"{join(parts)}: a whiteout, which a flat tree has not")
            elif isinstance(entry, Directory) and entry.opaque:
                losses.append(
                    f"{join(parts)}: an opaque mark, which a flat tree has not"
                )
    view = fold([layer.root], below or NOTHING, Rules(metacopy=True))
    return Encoded(flatten(view, layer.label), tuple(losses))


FLAT: Final = Dialect(
    name="flat",
    about="one merged tree, without marks",
    policy=Policy(),
    decode=decode,
    encode=encode,
    options=lambda directories: "",
)
