"""What a peer is: something else that finds paths in the same layers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias, final

import attrs

from unionfs_sim.bench.measure import Batch, Task, Timer, calls
from unionfs_sim.bench.workload import Subject


@final
@attrs.frozen(eq=False)
class Opened:
    """
    A peer that is ready to be asked.

    Attributes:
        function: Looks a path up.
        errors: What it raises for a path that is not there.
        timer: Which time counts.
        batch: What is timed instead of a loop around *function*.
    """

    function: Callable[[str], object]
    errors: tuple[type[BaseException], ...] = ()
    timer: Timer = time.thread_time_ns
    batch: Batch | None = None

    def task(self, keys: Sequence[str], *, absent: bool) -> Task:
        """
        Give what is timed.

        Args:
            keys: The paths.
            absent: Whether they lead nowhere, so that errors are caught.
        """
        batch = self.batch or calls(self.function)
        if absent and self.errors:
            batch = _catching(self.function, self.errors)
        return Task(batch, keys, timer=self.timer)


def _catching(
    function: Callable[[str], object], errors: tuple[type[BaseException], ...]
) -> Batch:
    def batch(keys: Sequence[str]) -> None:
        for key in keys:
            try:  # noqa: SIM105 - nothing but the lookup is to be measured
                function(key)
            except errors:
                pass

    return batch


#: Opens a peer on layers.
Open: TypeAlias = Callable[[Subject, ExitStack], Opened]


@final
@attrs.frozen(eq=False)
class Peer:
    """
    Something else that finds paths in layers.

    Attributes:
        name: Its name.
        open: Opens it on layers.
        missing: Says why it cannot be measured here, or ``None``.
        layers_max: How many layers it is measured with at most.
        whiteouts: Whether it knows whiteouts.
    """

    name: str
    open: Open
    missing: Callable[[], str | None] = lambda: None
    layers_max: int | None = None
    whiteouts: bool = True

    def refusal(self, layers: int, place: str) -> str | None:
        """Say why one point cannot be measured, or ``None``."""
        if self.layers_max is not None and layers > self.layers_max:
            return f"measured with {self.layers_max} layers at most"
        if place == "whiteout" and not self.whiteouts:
            return "knows no whiteouts"
        return None


def needs(*modules: str) -> Callable[[], str | None]:
    """Make a function that says which of some modules cannot be imported."""

    def reason() -> str | None:
        import importlib  # noqa: PLC0415 - only needed here

        for module in modules:
            try:
                importlib.import_module(module)
            except Exception as error:
                return f"{module} cannot be imported: {type(error).__name__}"
        return None

    return reason


def load(module: str) -> Any:  # noqa: ANN401 - modules without types
    """Import an optional module."""
    import importlib  # noqa: PLC0415 - only needed here

    return importlib.import_module(module)
