"""
Three ways to look a path up, each of them code that the library runs.

`linear` asks layer by layer, as the definition of a union says; `folded` walks the one
merged view that all layers were folded into; `cached` is the public method.  A learner
sees from them why depth costs, and what takes the cost away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, final

from unionfs_sim.bench.counting import Counts, bytes_copied, counted
from unionfs_sim.bench.measure import Batch, Looker, lookups
from unionfs_sim.core import walk
from unionfs_sim.core.lookup import Found, Resolver
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS


class Strategy(Protocol):
    """A way to look paths up in one stack."""

    def lookup(self, path: str, /) -> object:
        """Look a path up; what is given back is false if it leads nowhere."""
        ...  # pragma: no cover

    def batch(self) -> Batch:
        """Give what is timed."""
        ...  # pragma: no cover

    def count(self, paths: Sequence[str]) -> Counts:
        """Give what the costliest of some lookups takes, exactly."""
        ...  # pragma: no cover


@final
class Linear:
    """The reference resolver: every layer that takes part is asked, top first."""

    def __init__(self, stack: Stack) -> None:
        self._layers = stack.layers
        roots = [layer.root for layer in stack.layers]
        labels = [layer.label for layer in stack.layers]
        self._resolver = Resolver(roots, labels, stack.rules)
        self._root = self._resolver.root(0)
        self.probes = 0

    def lookup(self, path: str, /) -> object:
        """Look a path up that crosses no symbolic link."""
        found: Found | None = self._root
        for name in path.split("/"):
            if name and found is not None:
                found, probes, _ = self._resolver.name(found, name)
                self.probes += len(probes)
        return found

    def batch(self) -> Batch:
        """Give what is timed."""
        return lookups(self)

    def count(self, paths: Sequence[str]) -> Counts:
        """Give what the costliest of some lookups takes, exactly."""
        layers = dictionaries = 0
        with counted(self._layers) as probes:
            for path in paths:
                self.probes = probes.count = 0
                self.lookup(path)
                layers = max(layers, self.probes)
                dictionaries = max(dictionaries, probes.count)
        return Counts(layers, dictionaries)


@final
class Folded:
    """The walk over the merged view: one or two dictionaries for each component."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._fs = UnionFS(stack)

    def lookup(self, path: str, /) -> object:
        """Look a path up; nothing is remembered."""
        return walk.find(self._fs.space, path, follow=False, op="lookup").live

    def batch(self) -> Batch:
        """Give what is timed."""
        return lookups(self)

    def count(self, paths: Sequence[str]) -> Counts:
        """Give what the costliest of some lookups takes, exactly."""
        twin = Folded(self._stack)
        return _count(twin._fs, twin, paths)


@final
class Cached:
    """The public method, for paths that were asked for before."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._fs = UnionFS(stack)

    def lookup(self, path: str, /) -> object:
        """Look a path up as users do."""
        return self._fs.lookup(path)

    def batch(self) -> Batch:
        """Give what is timed: the union itself, and no call around it."""
        return lookups(self._fs)

    def count(self, paths: Sequence[str]) -> Counts:
        """Give what the costliest of some lookups takes, exactly."""
        twin = UnionFS(self._stack)
        for path in paths:
            twin.lookup(path)
        return _count(twin, twin, paths)


def _count(fs: UnionFS, looker: Looker, paths: Sequence[str]) -> Counts:
    """Count on a union of its own: one that was looked into is never timed again."""
    worst = 0
    with counted(fs) as probes:
        for path in paths:
            probes.count = 0
            looker.lookup(path)
            worst = max(worst, probes.count)
    return Counts(0, worst, bytes_copied(fs))


#: The strategies, from the plain one to the fast one.
STRATEGIES: Final[Mapping[str, type[Linear] | type[Folded] | type[Cached]]] = {
    "linear": Linear,
    "folded": Folded,
    "cached": Cached,
}
