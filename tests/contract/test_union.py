"""Unions keep the contract, whether their content was written or lies below."""

from __future__ import annotations

from unionfs_sim import Directory, FileSystem, Layer, UnionFS
from unionfs_sim.core.layer import SpecValue
from unionfs_sim.testing.contract import TREE, FilesystemContract, ReadingContract


def tree_layer(*prefixes: str) -> Layer:
    """Make a layer of the tree, or of the paths in it that start so."""
    spec: dict[str, SpecValue] = {
        path: Directory() if value is None else value
        for path, value in TREE.items()
        if path.startswith(prefixes)
    }
    return Layer.build(spec)


class TestEmpty(FilesystemContract):
    """A union without layers, and everything written to it."""

    def make_fs(self) -> FileSystem:
        return UnionFS()


class TestOneLayer(FilesystemContract):
    """Everything lies in one layer below."""

    def make_fs(self) -> FileSystem:
        return UnionFS([tree_layer("")])

    def with_tree(self) -> FileSystem:
        return self.make_fs()


class TestManyLayers(FilesystemContract):
    """Directories merge of three layers, and older versions lie hidden."""

    def make_fs(self) -> FileSystem:
        old: dict[str, SpecValue] = {"file": "old", "link": "old", "dir/inner": {}}
        return UnionFS(
            [
                tree_layer("dir/sub", "link", "up", "dangling", "loop"),
                tree_layer("dir/inner", "dirlink", "bare"),
                tree_layer("file", "empty"),
                Layer.build({**old, "bare/": {}, "dir/": {}}),
            ]
        )

    def with_tree(self) -> FileSystem:
        return self.make_fs()


class TestUpper(FilesystemContract):
    """Everything lies in the upper."""

    def make_fs(self) -> FileSystem:
        return UnionFS([Layer.build({})], upper=tree_layer(""))

    def with_tree(self) -> FileSystem:
        return self.make_fs()


class TestFork(FilesystemContract):
    """Everything was written to a union, of which a fork is asked."""

    def make_fs(self) -> FileSystem:
        return UnionFS()

    def with_tree(self) -> FileSystem:
        fs = super().with_tree()
        assert isinstance(fs, UnionFS)
        return fs.fork()


class TestReadOnly(ReadingContract):
    """A union without an upper."""

    def make_fs(self) -> FileSystem:
        return UnionFS([tree_layer("dir"), tree_layer("")], read_only=True)

    def with_tree(self) -> FileSystem:
        return self.make_fs()


class TestSubclassHooks:
    """The suite itself."""

    def test_tree_lists_parents_first(self) -> None:
        """Every path of the tree comes after the directory that it is in."""
        seen = {""}
        for path in TREE:
            assert path.rpartition("/")[0] in seen
            seen.add(path)
