"""
Lookups over more and more layers: what they cost, in time and in probes.

A run is a list of points, one for each number of layers, place and way of looking;
each is written to a file as soon as it is measured, and a run that is started again
goes on where it stopped.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from typing import Any, Final, Self, TypeAlias, final

import attrs

from unionfs_sim.bench.counting import Counts
from unionfs_sim.bench.measure import BATCH_NS, ROUNDS, Growth, Task, growth, time_tasks
from unionfs_sim.bench.peer import Peer
from unionfs_sim.bench.strategies import STRATEGIES, Strategy
from unionfs_sim.bench.workload import PLACES, Subject
from unionfs_sim.core.stack import Stack

#: The numbers of layers that are measured if nothing else is said.
LAYERS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 500)

#: The places, likewise.
WHERE: Final = PLACES[:5]

#: How many lookups of a point are counted; they take the same number of probes.
COUNTED: Final = 10

#: Places where nothing is.
ABSENT: Final = frozenset({"miss", "whiteout"})

#: How few rounds the slow strategies need: they are far above the noise.
SLOW_ROUNDS: Final = 7

#: Gives the layers and paths for a number of layers.
Subjects: TypeAlias = Callable[[int], Subject]

#: Told how many points are done, how many there are, and what comes next.
Progress: TypeAlias = Callable[[int, int, str], None]


@final
@attrs.frozen(order=True)
class Point:
    """
    One thing to measure.

    Attributes:
        way: The strategy or the peer.
        where: Where the paths lead.
        layers: How many layers there are.
    """

    way: str
    where: str
    layers: int

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.way}, {self.where}, {self.layers} layers"


@final
@attrs.frozen
class Measured:
    """
    What came of one point.

    Attributes:
        point: The point.
        skipped: Why it was not measured, or ``None``.
        figures: What `Timing.to_json` gives.
        counts: What was counted; ``None`` for peers, whose insides are not ours.
    """

    point: Point
    skipped: str | None = None
    figures: Mapping[str, Any] = attrs.field(factory=dict)
    counts: Counts | None = None

    @property
    def ratios(self) -> Sequence[float]:
        """The ratio to `dict.get` in each round."""
        ratios: Sequence[float] = self.figures.get("ratios", ())
        return ratios

    def to_json(self) -> dict[str, Any]:
        """Give a value for ``json.dumps``."""
        value: dict[str, Any] = attrs.asdict(self.point)
        if self.skipped is not None:
            value["skipped"] = self.skipped
        value.update(self.figures)
        if self.counts is not None:
            value.update(attrs.asdict(self.counts))
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        point = Point(value["way"], value["where"], value["layers"])
        counts = None
        if "layer_probes" in value:
            names = [field.name for field in attrs.fields(Counts)]
            counts = Counts(**{name: value[name] for name in names})
        known = {"way", "where", "layers", "skipped"} | {
            field.name for field in attrs.fields(Counts)
        }
        figures = {key: each for key, each in value.items() if key not in known}
        return cls(point, value.get("skipped"), figures, counts)


@final
@attrs.frozen(kw_only=True)
class Settings:
    """
    What is measured, and how.

    Attributes:
        layers: The numbers of layers.
        where: The places.
        strategies: The strategies.
        peers: The peers.
        rounds: How many rounds a median is taken over.
        batch_ns: How long a batch should take.
    """

    layers: tuple[int, ...] = LAYERS
    where: tuple[str, ...] = WHERE
    strategies: tuple[str, ...] = tuple(STRATEGIES)
    peers: tuple[Peer, ...] = ()
    rounds: int = ROUNDS
    batch_ns: int = BATCH_NS

    def points(self) -> list[Point]:
        """Give all points, in the order that they are measured in."""
        ways = [*self.strategies, *(peer.name for peer in self.peers)]
        return [
            Point(way, where, count)
            for way in ways
            for where in self.where
            for count in self.layers
        ]


def run(
    subjects: Subjects,
    settings: Settings,
    *,
    known: Iterable[Measured] = (),
    keep: Callable[[Measured], None] = lambda _: None,
    progress: Progress = lambda _done, _of, _next: None,
) -> list[Measured]:
    """
    Measure all points that are not known yet.

    The strategies are measured with all numbers of layers interleaved, so that the
    ratios between them are those of one moment; peers, which take more memory, one
    number of layers after the other, all peers interleaved.

    Args:
        subjects: Gives the layers and paths for a number of layers.
        settings: What is measured, and how.
        known: What an earlier run measured.
        keep: Called with each point once it is measured.
        progress: Called before each group of points.

    Returns:
        All points, in the order of `Settings.points`.

    >>> from unionfs_sim.bench.workload import Workload
    >>> settings = Settings(layers=(1, 2), where=("miss",), rounds=1, batch_ns=1)
    >>> for found in run(Workload().subject, settings):
    ...     print(found.point, found.counts.layer_probes, found.counts.dictionary_probes)
    linear, miss, 1 layers 4 4
    linear, miss, 2 layers 8 8
    folded, miss, 1 layers 0 5
    folded, miss, 2 layers 0 5
    cached, miss, 1 layers 0 1
    cached, miss, 2 layers 0 1
    """
    work = _Run(subjects, settings, known, keep, progress)
    work.strategies()
    work.peers()
    return [work.found[point] for point in settings.points()]


class _Run:
    """A run under way."""

    def __init__(
        self,
        subjects: Subjects,
        settings: Settings,
        known: Iterable[Measured],
        keep: Callable[[Measured], None],
        progress: Progress,
    ) -> None:
        self._subjects = subjects
        self._settings = settings
        self._keep = keep
        self._progress = progress
        self._wanted = settings.points()
        wanted = set(self._wanted)
        self.found = {each.point: each for each in known if each.point in wanted}

    def _add(self, measured: Measured) -> None:
        self.found[measured.point] = measured
        self._keep(measured)

    def _missing(self, points: Iterable[Point]) -> list[Point]:
        return [point for point in points if point not in self.found]

    def strategies(self) -> None:
        """Measure the strategies."""
        settings = self._settings
        ready: dict[int, tuple[Subject, Stack]] = {}
        for way in settings.strategies:
            for where in settings.where:
                made: dict[int, Strategy] = {}  # anew: what is remembered weighs
                group = self._missing(Point(way, where, n) for n in settings.layers)
                if group:
                    self._tell(f"{way}, {where}")
                for point in group:
                    count = point.layers
                    if count not in ready:
                        subject = self._subjects(count)
                        ready[count] = (subject, Stack(subject.layers_top_first))
                    if count not in made:
                        made[count] = STRATEGIES[way](ready[count][1])
                self._strategy(group, made, {n: each[0] for n, each in ready.items()})

    def _strategy(
        self,
        group: Sequence[Point],
        made: Mapping[int, Strategy],
        subjects: Mapping[int, Subject],
    ) -> None:
        tasks: dict[str, Task] = {}
        counts: dict[Point, Counts] = {}
        for point in group:
            paths = subjects[point.layers].paths.get(point.where)
            if not paths:
                self._add(Measured(point, "these layers have no such path"))
                continue
            strategy = made[point.layers]
            counts[point] = strategy.count(paths[:COUNTED])
            tasks[str(point)] = Task(strategy.batch(), paths)
        if not tasks:
            return
        settings = self._settings
        slow = "linear" in {point.way for point in group}
        rounds = min(settings.rounds, SLOW_ROUNDS) if slow else settings.rounds
        timings = time_tasks(tasks, rounds=rounds, batch_ns=settings.batch_ns)
        for point, counted in counts.items():
            figures = timings[str(point)].to_json()
            self._add(Measured(point, None, figures, counted))

    def peers(self) -> None:
        """Measure the peers."""
        settings = self._settings
        reasons = {peer.name: peer.missing() for peer in settings.peers}
        for count in settings.layers:
            with ExitStack() as resources:
                opened: dict[str, Any] = {}
                for where in settings.where:
                    tasks: dict[str, Task] = {}
                    for peer in settings.peers:
                        point = Point(peer.name, where, count)
                        if point in self.found:
                            continue
                        refusal = reasons[peer.name] or peer.refusal(count, where)
                        if refusal is None and peer.name not in opened:
                            self._tell(f"{peer.name}, {count} layers")
                            opened[peer.name] = self._open(peer, count, resources)
                        state = opened.get(peer.name)
                        if refusal is not None or isinstance(state, str):
                            self._add(Measured(point, refusal or state))
                            continue
                        assert state is not None, "a peer that is not refused is open"
                        paths = self._subjects(count).paths[where]
                        absent = where in ABSENT
                        tasks[peer.name] = state.task(paths, absent=absent)
                    self._time_peers(tasks, where, count)

    def _open(self, peer: Peer, count: int, resources: ExitStack) -> object:
        """Open a peer, or say why not; what it prints is not ours to show."""
        try:
            with redirect_stdout(io.StringIO()):
                return peer.open(self._subjects(count), resources)
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]

    def _time_peers(self, tasks: Mapping[str, Task], where: str, count: int) -> None:
        if not tasks:
            return
        settings = self._settings
        rounds = min(settings.rounds, SLOW_ROUNDS)
        timings = time_tasks(tasks, rounds=rounds, batch_ns=settings.batch_ns)
        for name, timing in timings.items():
            self._add(Measured(Point(name, where, count), None, timing.to_json()))

    def _tell(self, what: str) -> None:
        self._progress(len(self.found), len(self._wanted), what)


@final
@attrs.frozen
class Line:
    """
    One way of looking, in one place, over all numbers of layers.

    Attributes:
        way: The strategy or the peer.
        where: Where the paths lead.
        points: What was measured, by the number of layers.
        growth: How it grows; ``None`` if there are too few points.
    """

    way: str
    where: str
    points: Mapping[int, Measured]
    growth: Growth | None

    @property
    def last_to_first(self) -> float | None:
        """How many times the most layers cost what the fewest do."""
        counts = sorted(self.points)
        if len(counts) < 2:
            return None
        last, first = self.points[counts[-1]], self.points[counts[0]]
        ratio: float = last.figures["x_dict_get"] / first.figures["x_dict_get"]
        return ratio


def lines(results: Iterable[Measured], *, seed: int = 0) -> list[Line]:
    """Put the points of each way and place together, and fit their growth."""
    groups: dict[tuple[str, str], dict[int, Measured]] = {}
    for each in results:
        if each.skipped is None:
            point = each.point
            groups.setdefault((point.way, point.where), {})[point.layers] = each
    return [
        Line(
            way,
            where,
            points,
            growth({n: each.ratios for n, each in points.items()}, seed=seed),
        )
        for (way, where), points in groups.items()
    ]
