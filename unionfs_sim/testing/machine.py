"""
A machine that drives a union and the reference union side by side.

Hypothesis draws layers and calls; after each call both must show the same tree, and
after each failure both must give the same errno.  A run that fails is shrunk to the
shortest list of calls.  Needs the extra ``testing``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unionfs_sim.core import nodes
from unionfs_sim.core.cache import Negative
from unionfs_sim.core.layer import Layer, SpecValue
from unionfs_sim.core.nodes import Kind
from unionfs_sim.core.union import UnionFS
from unionfs_sim.testing.model import (
    DIR,
    DIRECTORIES,
    OPAQUE,
    WHITEOUT,
    Entry,
    Link,
    ModelLayer,
    ModelUnion,
    below,
    parent,
)

_T = TypeVar("_T")

#: Paths of up to three of three names, so that they collide.
PATHS: Final = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(
    lambda names: "/" + "/".join(names)
)

#: Paths as callers write them: with dots, slashes and steps back.
ODD_PATHS: Final = PATHS | st.lists(
    st.sampled_from(["a", "b", "c", ".", "..", ""]), min_size=1, max_size=4
).map(lambda names: "/" + "/".join([*names, "a"]))

#: Texts of links.
TARGETS: Final = st.sampled_from(["a", "b", "../c", "/a/b", "..", "/c", "./a"])

_ENTRIES: Final[st.SearchStrategy[Entry]] = st.one_of(
    st.sampled_from([b"", b"x", b"longer"]),
    st.just(DIR),
    st.just(OPAQUE),
    st.just(WHITEOUT),
    TARGETS.map(Link),
)


def _with_parents(drawn: list[tuple[str, Entry]]) -> ModelLayer:
    """Make a layer of what was drawn: parents are directories."""
    layer: ModelLayer = {}
    for path, entry in drawn:
        above = []
        at = parent(path)
        while at != "/":
            above.append(at)
            at = parent(at)
        if any(layer.get(at, DIR) not in DIRECTORIES for at in above):
            continue  # a file is in the way
        layer.update({at: layer.get(at, DIR) for at in reversed(above)})
        if layer.get(path) not in DIRECTORIES:
            layer[path] = entry
    return layer


#: Layers as the model has them.
MODEL_LAYERS: Final = st.lists(st.tuples(PATHS, _ENTRIES), max_size=7).map(
    _with_parents
)


def to_layer(model: ModelLayer, label: str = "") -> Layer:
    """
    Make a layer of the model's form of one.

    >>> to_layer({"/a": DIR, "/a/b": b"x"})
    <Layer '': 2 entries>
    """
    spec: dict[str, SpecValue] = {}
    for path, entry in model.items():
        match entry:
            case bytes():
                spec[path] = entry
            case Link(target):
                spec[path] = nodes.Symlink(target)
            case _ if entry is WHITEOUT:
                spec[path] = nodes.WHITEOUT
            case _ if entry is OPAQUE:
                spec[path] = nodes.OPAQUE
            case _:
                spec[path] = {}
    return Layer.build(spec, label=label)


class UnionMachine(RuleBasedStateMachine):
    """
    Random calls on a union and on its model.

    A subclass for another union gives it in `make_union`.
    """

    fs: UnionFS
    model: ModelUnion

    def make_union(self, layers_top_first: list[Layer]) -> UnionFS:
        """Give the union under test."""
        return UnionFS(layers_top_first)

    @initialize(models=st.lists(MODEL_LAYERS, max_size=4))
    def start(self, models: list[ModelLayer]) -> None:
        """Stack the layers of a run."""
        self.lowers = [to_layer(model, str(n)) for n, model in enumerate(models)]
        self.before = [list(layer.items()) for layer in self.lowers]
        self.model = ModelUnion(models)
        self.fs = self.make_union(self.lowers)

    def _same(self, wanted: Callable[[], _T], got: Callable[[], _T]) -> None:
        """Carry a call out on both; results, or error numbers, must agree."""
        expected: object
        try:
            expected = wanted()
        except OSError as error:
            expected = error.errno
        answer: object
        try:
            answer = got()
        except OSError as error:
            answer = error.errno
        assert expected == answer

    @rule(path=ODD_PATHS)
    def read(self, path: str) -> None:
        """Read a file."""
        self._same(lambda: self.model.read(path), lambda: self.fs.read_bytes(path))

    @rule(path=ODD_PATHS)
    def listdir(self, path: str) -> None:
        """List a directory."""
        self._same(lambda: self.model.listdir(path), lambda: self.fs.listdir(path))

    @rule(path=ODD_PATHS)
    def readlink(self, path: str) -> None:
        """Read a link."""
        self._same(lambda: self.model.readlink(path), lambda: self.fs.readlink(path))

    @rule(path=ODD_PATHS, data=st.sampled_from([b"", b"new", b"newer"]))
    def write(self, path: str, data: bytes) -> None:
        """Write a whole file."""

        def write() -> None:
            self.fs.write_bytes(path, data)

        self._same(lambda: self.model.write(path, data), write)

    @rule(path=ODD_PATHS)
    def mkdir(self, path: str) -> None:
        """Make a directory."""
        self._same(lambda: self.model.mkdir(path), lambda: self.fs.mkdir(path))

    @rule(path=ODD_PATHS)
    def unlink(self, path: str) -> None:
        """Remove a file."""
        self._same(lambda: self.model.unlink(path), lambda: self.fs.unlink(path))

    @rule(path=ODD_PATHS)
    def rmdir(self, path: str) -> None:
        """Remove a directory."""
        self._same(lambda: self.model.rmdir(path), lambda: self.fs.rmdir(path))

    @rule(text=TARGETS, path=ODD_PATHS)
    def symlink(self, text: str, path: str) -> None:
        """Make a link."""
        self._same(
            lambda: self.model.symlink(text, path),
            lambda: self.fs.symlink(text, path),
        )

    @rule(source=ODD_PATHS, new=ODD_PATHS)
    def rename(self, source: str, new: str) -> None:
        """Move a file; the model knows nothing of moving directories."""
        if not self.fs.isdir(source) or self.fs.islink(source):
            self._same(
                lambda: self.model.rename(source, new),
                lambda: self.fs.rename(source, new),
            )

    @rule()
    def restack(self) -> None:
        """Freeze the upper into a layer, and go on with a fresh one above it."""
        self.lowers = [self.fs.commit("frozen"), *self.lowers]
        self.before = [list(layer.items()) for layer in self.lowers]
        model = ModelUnion([])
        model.lowers = [self.model.upper, *self.model.lowers]
        self.model = model
        self.fs = self.make_union(self.lowers)

    @rule()
    def fork(self) -> None:
        """Go on with a fork."""
        self.fs = self.fs.fork()

    @invariant()
    def trees_agree(self) -> None:
        """Both show the same tree."""
        found: dict[str, object] = {"/": DIR}
        for directory, directories, files in self.fs.walk():
            for name in (*directories, *files):
                path = below(directory, name)
                kind = self.fs.explain(path, follow_symlinks=False).kind
                if kind is Kind.DIRECTORY:
                    found[path] = DIR
                elif kind is Kind.SYMLINK:
                    found[path] = Link(self.fs.readlink(path))
                else:
                    found[path] = self.fs.read_bytes(path)
        assert self.model.tree() == found

    @invariant()
    def stories_agree(self) -> None:
        """The union's fast answers are those of its layer by layer story."""
        for path in self.model.tree():
            story = self.fs.explain(path, follow_symlinks=False)
            found = self.fs.lookup(path)
            assert not isinstance(found, Negative), path
            assert story.kind is found.kind

    def teardown(self) -> None:
        """No layer below has changed."""
        if hasattr(self, "lowers"):
            assert self.before == [list(layer.items()) for layer in self.lowers]
