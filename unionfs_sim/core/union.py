"""`UnionFS`: a writable upper on a stack of layers, behind the verbs of `os`."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import final

from unionfs_sim.core import upper as uppers
from unionfs_sim.core.cache import Negative, PathCache, Resolved
from unionfs_sim.core.changing import Observer
from unionfs_sim.core.clock import Clock, TickClock
from unionfs_sim.core.descriptors import UnionDescriptors
from unionfs_sim.core.diff import Change, changes
from unionfs_sim.core.fold import Rules
from unionfs_sim.core.layer import Layer, LayerView
from unionfs_sim.core.meta import ROOT, Credentials
from unionfs_sim.core.paths import StrPath, fspath
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.space import Space, mount
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.walk import find
from unionfs_sim.errors import UnionFSError


@final
class UnionFS(UnionDescriptors):
    """
    A union file system: immutable layers under one copy-on-write upper.

    Args:
        layers: The layers, top first, or a `Stack` of them; none at all makes a plain
            file system in memory.
        upper: A layer that the upper starts as; the layer itself never changes.
        read_only: Whether there is no upper, so that every change is EROFS.
        policy: The mount options; by default the kernel's.
        clock: Where times come from; by default the same in every run.
        credentials: Whose files new ones are, and the umask; root by default.
        observer: Called with each plan once it is done.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello", "etc/hosts": "lo"}, label="base")
    >>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
    >>> fs = UnionFS([web, base])
    >>> fs.listdir("/etc")
    ['hosts']
    >>> fs.write_text("/etc/motd", "back")
    4
    >>> [str(change) for change in fs.changes()]
    ['C /etc', 'A /etc/motd']
    """

    def __init__(
        self,
        layers: Stack | Iterable[LayerView] = (),
        *,
        upper: Layer | None = None,
        read_only: bool = False,
        policy: Policy | None = None,
        clock: Clock | None = None,
        credentials: Credentials = ROOT,
        observer: Observer | None = None,
    ) -> None:
        policy = policy or _DEFAULTS
        if isinstance(layers, Stack):
            self._stack = layers
        else:
            rules = Rules(follows=policy.follows, metacopy=policy.metacopy)
            self._stack = Stack(layers, rules=rules)
        self._clock = clock or TickClock()
        self._caller = credentials
        self._observer = observer
        self._restart(mount(self._stack, upper, policy, read_only=read_only))

    def as_user(
        self,
        uid: int,
        gid: int,
        groups: Iterable[int] = (),
        umask: int = 0o022,
        *,
        searches: bool = False,
    ) -> UnionFS:
        """
        Give the same union as another user sees and may change it.

        Descriptors are shared.  Lookups of users other than root are walked each
        time, for a directory may keep them out; with *searches* none does.

        >>> fs = UnionFS()
        >>> fs.mkdir("/private", 0o700)
        >>> fs.as_user(1000, 1000).exists("/private/x")
        False
        """
        caller = Credentials(
            uid=uid,
            gid=gid,
            groups=frozenset(groups),
            umask=umask,
            searches=searches,
        )
        return self._twin()._become(caller)  # noqa: SLF001 - the same class

    def _twin(self) -> UnionFS:
        """
        Give a second object with the same attributes.

        Not by `copy.copy`: that reads ``__dict__``, after which CPython finds the
        attributes of both objects more slowly.
        """
        twin = object.__new__(UnionFS)
        for name in _ATTRIBUTES:
            setattr(twin, name, getattr(self, name))
        return twin

    def _become(self, caller: Credentials) -> UnionFS:
        """Go on as another caller."""
        self._caller = caller
        if not caller.is_root:
            self._answers = _Walked(self._space, caller)
            self._stat = PathCache(self._space).stats.get
        return self

    def changes(self) -> list[Change]:
        """
        List what the upper changed against the layers, as ``docker diff`` does.

        Takes O(n log n) for the n entries of the upper.
        """
        return changes(self._space.root, self._stack.root)

    def commit(self, label: str = "") -> Layer:
        """
        Freeze the upper into a layer; the union goes on unchanged.

        What overlayfs keeps for itself stays out, but for redirects and what has its
        data below.  Takes O(entries of the upper); content is shared.

        >>> fs = UnionFS()
        >>> fs.write_text("/motd", "hello")
        5
        >>> fs.commit(label="patch")
        <Layer 'patch': 1 entries>
        """
        return uppers.freeze(self._space.root, label)

    def fork(self) -> UnionFS:
        """
        Give a second union that starts as this one is; both go their own way.

        Takes O(1), and O(entries of the index) with ``index=on``: layers and content
        are shared, and each directory that was changed is copied when it is first looked
        into.  Open files stay behind.
        """
        return self._twin()._restart(self._space.fork())  # noqa: SLF001 - likewise

    def _restart(self, space: Space) -> UnionFS:
        """Go on in another name space, with no file open."""
        self._files = {}
        self._pipes = {}
        self._start(space)
        return self

    @property
    def space(self) -> Space:
        """The live name space, for adapters and dialects."""
        return self._space

    def __repr__(self) -> str:
        """Show the layers."""
        return f"<UnionFS {[layer.label for layer in self._stack.layers]!r}>"

    def _repr_html_(self) -> str:
        """Draw the upper for a notebook."""
        return self.commit("upper")._repr_html_()


_DEFAULTS = Policy()

#: What a union is made of; all of it is set when one is made.
_ATTRIBUTES = (
    "_stack",
    "_clock",
    "_caller",
    "_observer",
    "_files",
    "_pipes",
    "_space",
    "_dev",
    "_cache",
    "_answers",
    "_stat",
)


@final
class _Walked(dict[StrPath, Resolved | Negative]):
    """The answers of a user whom directories may keep out: walked each time."""

    def __init__(self, space: Space, caller: Credentials) -> None:
        super().__init__()
        self._space = space
        self._caller = caller

    def __missing__(self, path: StrPath) -> Resolved | Negative:
        text = fspath(path)
        try:
            place = find(
                self._space, text, follow=False, op="lookup", caller=self._caller
            )
        except UnionFSError as error:
            number = error.errno or errno.EIO
        else:
            number = errno.ENOENT
            if place.live is not None:
                return place.live
        return Negative(number)
