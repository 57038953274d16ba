"""
What Hypothesis loads by its entry point ``hypothesis``, when it is imported.

The library itself never imports Hypothesis: nothing of this runs unless somebody does.
What is registered is light; the strategies are loaded when one of the types is asked
for.

>>> from hypothesis import find
>>> from hypothesis import strategies as st
>>> from unionfs_sim import Layer
>>> register()
>>> find(st.from_type(Layer), lambda layer: len(layer) > 0)
<Layer '': 1 entries>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def register() -> None:
    """Tell `hypothesis.strategies.from_type` how layers, stacks and so on are drawn."""
    from hypothesis.strategies import register_type_strategy  # noqa: PLC0415 - it loads us

    from unionfs_sim.core.layer import Layer  # noqa: PLC0415 - likewise
    from unionfs_sim.core.stack import Stack  # noqa: PLC0415 - likewise
    from unionfs_sim.image.image import Image  # noqa: PLC0415 - likewise
    from unionfs_sim.testing.operations import Operation  # noqa: PLC0415 - likewise

    for known, name in (
        (Layer, "layers"),
        (Stack, "stacks"),
        (Image, "images"),
        (Operation, "ops"),
    ):
        register_type_strategy(known, _later(name))


def _later(name: str) -> Any:  # noqa: ANN401 - what Hypothesis calls with a type
    def strategy(_: type) -> SearchStrategy[Any]:
        from unionfs_sim.testing import strategies  # noqa: PLC0415 - loaded late

        found: SearchStrategy[Any] = getattr(strategies, name)()
        return found

    return strategy
