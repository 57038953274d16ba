"""
Peers: what else a user might pick, on the same layers and the same paths.

Each is used as its own documentation shows.  What is not installed, or cannot be
measured here, is left out with the reason.
"""

from __future__ import annotations

import stat
from collections import ChainMap
from collections.abc import Mapping
from contextlib import ExitStack
from io import UnsupportedOperation
from typing import Any, Final

from unionfs_sim.bench import workload
from unionfs_sim.bench.hostpeers import HOST_PEERS
from unionfs_sim.bench.measure import OneCall, lookups
from unionfs_sim.bench.peer import Opened, Peer, load, needs


def _visible(subject: workload.Subject) -> dict[str, object]:
    """Give all that shows, as one dictionary of paths."""
    found: dict[str, object] = {}
    for layer in reversed(subject.layers_top_first):
        for path in workload.marks(layer):
            found.pop(path, None)
        found.update(workload.files(layer))
    return found


def _dict(subject: workload.Subject, _: ExitStack) -> Opened:
    return Opened(_visible(subject).get)


def _method(subject: workload.Subject, _: ExitStack) -> Opened:
    looker = OneCall(_visible(subject))
    return Opened(looker.lookup, batch=lookups(looker))


def _chain_map(subject: workload.Subject, _: ExitStack) -> Opened:
    maps = [dict(workload.files(layer)) for layer in subject.layers_top_first]
    return Opened(ChainMap(*maps).__getitem__, (KeyError,))


def _multifs(subject: workload.Subject, resources: ExitStack) -> Opened:
    memoryfs, multifs = load("fs.memoryfs"), load("fs.multifs")
    union = multifs.MultiFS()
    resources.callback(union.close)
    count = len(subject.layers_top_first)
    for number, layer in enumerate(subject.layers_top_first):
        each = memoryfs.MemoryFS()
        for path, data in workload.files(layer):
            folder = path.rpartition("/")[0]
            if folder:
                each.makedirs(folder, recreate=True)
            each.writebytes(path, data)
        union.add_fs(str(number), each, priority=count - number)
    return Opened(union.getinfo, (load("fs.errors").ResourceNotFound,))


def _fsspec_union(subject: workload.Subject, _: ExitStack) -> Opened:
    memory = load("fsspec.implementations.memory").MemoryFileSystem
    layers = []
    for layer in subject.layers_top_first:
        each = memory(skip_instance_cache=True)
        each.store, each.pseudo_dirs = {}, [""]  # else all instances share one
        for path, data in workload.files(layer):
            each.pipe_file(path, data)
        layers.append(each)
    union = load("fsspec_union.fs").UnionFileSystem(fs=layers[0])
    union.fss = layers
    return Opened(union.info, (FileNotFoundError,))


def _pyfakefs(subject: workload.Subject, _: ExitStack) -> Opened:
    fake = load("pyfakefs.fake_filesystem").FakeFilesystem(path_separator="/")
    for path, data in _visible(subject).items():
        fake.create_file(path, contents=data)
    return Opened(fake.stat, (OSError,))


def _ratarmount(subject: workload.Subject, _: ExitStack) -> Opened:
    module = load("ratarmountcore.mountsource")
    union = load("ratarmountcore.mountsource.compositing.union")
    info = module.FileInfo

    class Memory(module.MountSource):  # type: ignore[misc,name-defined]
        """An immutable source in memory."""

        def __init__(self, layer: Any) -> None:  # noqa: ANN401 - no types there
            self._nodes: dict[str, Any] = {}
            self._names: dict[str, dict[str, Any]] = {"/": {}}
            for path, data in workload.files(layer):
                self._add(path, stat.S_IFREG | 0o644, len(data))

        def _add(self, path: str, mode: int, size: int) -> None:
            head, _, name = path.rpartition("/")
            if head and head not in self._nodes:
                self._add(head, stat.S_IFDIR | 0o755, 0)
                self._names[head] = {}
            made = info(
                size=size, mtime=0, mode=mode, linkname="", uid=0, gid=0, userdata=[]
            )
            self._nodes[path] = made
            self._names[head or "/"][name] = made

        def list(self, path: str) -> Any:  # noqa: ANN401 - likewise
            return self._names.get(path)

        def lookup(self, path: str, fileVersion: int = 0) -> Any:  # noqa: ANN401, N803 - likewise
            del fileVersion
            return self._nodes.get(path)

        def open(self, fileInfo: Any, buffering: int = -1) -> Any:  # noqa: ANN401, N803 - likewise
            msg = "only lookups are measured"
            raise UnsupportedOperation(msg)

        def is_immutable(self) -> bool:
            return True

        def __exit__(self, *_: object) -> None:
            """Close nothing."""

    sources = [Memory(layer) for layer in reversed(subject.layers_top_first)]
    return Opened(union.UnionMountSource(sources).lookup)


#: All peers, the plain yardsticks first.
PEERS: Final[Mapping[str, Peer]] = {
    peer.name: peer
    for peer in (
        Peer("dict.get", _dict),
        Peer("method+dict.get", _method),
        Peer("ChainMap", _chain_map, whiteouts=False),
        Peer("MultiFS", _multifs, needs("fs.memoryfs", "fs.multifs"), whiteouts=False),
        Peer(
            "fsspec-union",
            _fsspec_union,
            needs("fsspec", "fsspec_union.fs"),
            whiteouts=False,
        ),
        Peer("pyfakefs", _pyfakefs, needs("pyfakefs.fake_filesystem"), layers_max=1),
        Peer(
            "ratarmount",
            _ratarmount,
            needs("ratarmountcore.mountsource.compositing.union"),
            whiteouts=False,
        ),
        *HOST_PEERS,
    )
}
