"""Points of `lookup_depth` as tasks of a sweep: images, layers, places, strategies."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, final

import attrs

from unionfs_sim.bench import lookup_depth, workload
from unionfs_sim.bench.measure import BATCH_NS, ROUNDS
from unionfs_sim.core.layer import LayerView
from unionfs_sim.image.open import open_image

_ALONE = threading.Lock()


@final
@attrs.frozen(kw_only=True)
class DepthTask:
    """
    One point, and all that a worker needs to measure it.

    Attributes:
        image: The path of an image; ``None`` for the workload.
        name: Which image, if there are several.
        layers: How many of its layers, from the base up.
        where: Where the paths lead.
        strategy: How they are looked up.
        rounds: How many rounds a median is taken over.
        batch_ns: How long a batch should take.
        seed: Makes the choice of paths the same.
    """

    image: str | None = None
    name: str | None = None
    layers: int
    where: str
    strategy: str
    rounds: int = ROUNDS
    batch_ns: int = BATCH_NS
    seed: int = 0


def tasks(
    images: Sequence[tuple[str | None, str | None]],
    settings: lookup_depth.Settings,
    *,
    seed: int = 0,
) -> list[DepthTask]:
    """Give the tasks of a sweep: every image with every point."""
    return [
        DepthTask(
            image=image,
            name=name,
            layers=point.layers,
            where=point.where,
            strategy=point.way,
            rounds=settings.rounds,
            batch_ns=settings.batch_ns,
            seed=seed,
        )
        for image, name in images
        for point in settings.points()
    ]


def measure(task: DepthTask) -> dict[str, Any]:
    """
    Measure one point, wherever this runs.

    Threads of one process take turns: they share layers, which counting changes for
    a moment, and would disturb each other's times.

    >>> task = DepthTask(layers=2, where="top", strategy="cached", rounds=1, batch_ns=1)
    >>> measure(task)["dictionary_probes"]
    1
    """
    settings = lookup_depth.Settings(
        layers=(task.layers,),
        where=(task.where,),
        strategies=(task.strategy,),
        rounds=task.rounds,
        batch_ns=task.batch_ns,
    )
    with _ALONE, ExitStack() as resources:
        if task.image is None:
            subjects: lookup_depth.Subjects = _workload().subject
        else:
            image = resources.enter_context(open_image(task.image, name=task.name))
            subjects = of_image(image.layers_base_first, task.image, seed=task.seed)
        (found,) = lookup_depth.run(subjects, settings)
    return {"image": task.image, **found.to_json()}


@functools.cache
def _workload() -> workload.Workload:
    """Give the one workload of this process: its layers are made once."""
    return workload.Workload()


def of_image(
    layers_base_first: Sequence[LayerView], label: str, *, seed: int = 0
) -> lookup_depth.Subjects:
    """Give the subjects of an image: its first layers, from the base up."""

    @functools.cache
    def subject(count: int) -> workload.Subject:
        top_first = tuple(reversed(layers_base_first[:count]))
        return workload.of_layers(top_first, label=label, seed=seed)

    return subject


def counts_of(layers: int) -> Iterator[int]:
    """
    Give the numbers of layers that an image of so many is measured with.

    >>> list(counts_of(6)), list(counts_of(1))
    ([1, 2, 4, 6], [1])
    """
    yield from (count for count in lookup_depth.LAYERS if count < layers)
    yield layers
