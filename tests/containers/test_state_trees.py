"""Uppers in a state directory: all that is in them, at the cost of what changed."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unionfs_sim import WHITEOUT, Layer, Regular, UnionFS
from unionfs_sim.containers import Engine
from unionfs_sim.containers.statefiles import StateDirectory
from unionfs_sim.containers.statetrees import Trees, blobs_of
from unionfs_sim.errors import UnionFSError

BIG = bytes(range(256)) * 16


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    """Give an empty state."""
    made = StateDirectory(tmp_path)
    yield made
    made.close()


def kept(state: StateDirectory, trees: Trees, union: UnionFS) -> Layer:
    """Save a union, and read what another process would find."""
    trees.note("x", union.space.root)
    documents = dict(trees.documents())
    state.save(documents)
    trees.sweep()
    assert set(blobs_of(documents)) == {
        f"sha256:{path.name}" for path in state.blobs.iterdir()
    }
    return Trees(state).load("x", documents)


def test_every_kind_of_inode(state: StateDirectory) -> None:
    """Times, owners, xattrs, links, devices, sockets, marks and odd names too."""
    fs = UnionFS([Layer.build({"low/f": "1", "low/d/g": "2"})])
    fs.write_bytes("/big", BIG)
    fs.write_bytes("/small", b"\x00\xff")
    fs.chown("/small", 5, 6)
    fs.setxattr("/small", "user.k", b"\xfe")
    fs.utime("/small", ns=(1, 2))
    fs.link("/small", "/low/other")
    fs.symlink("target\udcff", "/link")
    fs.mkfifo("/fifo")
    fs.mknod("/socket", stat.S_IFSOCK | 0o755)
    fs.mknod("/null", stat.S_IFCHR | 0o666, 259)
    fs.unlink("/low/f")
    fs.rmtree("/low/d")
    fs.mkdir("/low/d")
    fs.write_text("/od\udc80d \n name", "x")

    found = kept(state, Trees(state), fs)

    assert fs.commit() == found
    assert WHITEOUT is found.get(("low", "f"))
    assert found.get(("small",)) is found.get(("low", "other"))


def test_a_second_name_in_another_directory(state: StateDirectory) -> None:
    """The directory of the first one is written anew, although it did not change."""
    fs, trees = UnionFS(), Trees(state)
    fs.mkdir("/a")
    fs.mkdir("/b")
    fs.write_text("/a/f", "1")
    kept(state, trees, fs)
    fs.link("/a/f", "/b/f")

    found = kept(state, trees, fs)

    assert found.get(("a", "f")) is found.get(("b", "f"))
    fs.unlink("/a/f")
    assert fs.commit() == kept(state, trees, fs)


def test_a_huge_hole_costs_nothing(state: StateDirectory) -> None:
    """It stays a hole."""
    fs = UnionFS()
    fs.write_bytes("/f", BIG)
    fs.truncate("/f", 1 << 40)

    node = kept(state, Trees(state), fs).get(("f",))

    assert isinstance(node, Regular)
    data, rest = node.content.extents()
    assert (BIG, None) == (data.read_all(), rest.source)
    assert 1 << 40 == node.content.size
    assert len(BIG) == sum(path.stat().st_size for path in state.blobs.iterdir())


def test_bytes_are_written_once(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save writes what is new: of an append to a big file the end alone."""
    written: list[int] = []
    put = StateDirectory.put

    def counted(directory: StateDirectory, data: bytes) -> str:
        written.append(len(data))
        return put(directory, data)

    monkeypatch.setattr(StateDirectory, "put", counted)
    fs, trees = UnionFS(), Trees(state)
    big = BIG * 1_000
    fs.write_bytes("/big", big)
    kept(state, trees, fs)
    assert [len(big)] == written
    with fs.open("/big", "ab") as file:
        file.write(b"x" * 600)
    fs.rename("/big", "/other")
    fs.write_text("/small", "inline")

    assert fs.commit() == kept(state, trees, fs)
    assert len(big) + 600 == sum(written)
    fs.truncate("/other", 5)
    assert fs.commit() == kept(state, trees, fs)
    assert not list(state.blobs.iterdir())


NAMES = ("a", "b", "d/a", "d/b", "d/e/a", "d", "d/e")
VERBS: dict[str, Callable[[UnionFS, str, str, int], Any]] = {
    "write": lambda fs, one, _, n: fs.write_bytes(f"/{one}", BIG[: n * 700]),
    "append": lambda fs, one, _, n: fs.open(f"/{one}", "ab").write(bytes(n * 600)),
    "mkdir": lambda fs, one, _, n: fs.mkdir(f"/{one}", 0o700 + n),
    "remove": lambda fs, one, *_: fs.unlink(f"/{one}"),
    "rmtree": lambda fs, one, *_: fs.rmtree(f"/{one}"),
    "rename": lambda fs, one, two, _: fs.rename(f"/{one}", f"/{two}"),
    "exchange": lambda fs, one, two, _: fs.renameat2(f"/{one}", f"/{two}", 2),
    "link": lambda fs, one, two, _: fs.link(f"/{one}", f"/{two}"),
    "symlink": lambda fs, one, two, _: fs.symlink(one, f"/{two}"),
    "chmod": lambda fs, one, _, n: fs.chmod(f"/{one}", 0o600 + n),
    "truncate": lambda fs, one, _, n: fs.truncate(f"/{one}", n * 900),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(VERBS)),
            st.sampled_from(NAMES),
            st.sampled_from(NAMES),
            st.integers(0, 5),
        ),
        max_size=12,
    )
)
def test_whatever_happens_it_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str, int]]
) -> None:
    """After each verb, as an engine saves."""
    state = StateDirectory(tmp_path_factory.mktemp("state"))
    trees = Trees(state)
    fs = UnionFS([Layer.build({"d/a": "lower", "d/e/a": "lower", "b": BIG})])
    try:
        for verb, one, two, number in steps:
            with contextlib.suppress(UnionFSError):
                VERBS[verb](fs, one, two, number)
            assert fs.commit() == kept(state, trees, fs)
    finally:
        state.close()


def test_a_save_looks_at_what_was_changed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that writes into one container has no other tree gone through."""
    noted: list[str] = []
    note = Trees.note

    def counted(trees: Trees, key: str, *args: Any) -> None:
        noted.append(key)
        note(trees, key, *args)

    with Engine.with_busybox(state=tmp_path) as engine:
        one, two = (
            engine.containers.run("busybox", "sleep 9", detach=True) for _ in range(2)
        )
        one.exec_run("true")  # the first one makes its files in the host's /var
        two.exec_run("true")
        monkeypatch.setattr(Trees, "note", counted)
        one.exec_run("true")
        assert not noted
        two.exec_run("touch /f")
        assert [two.id] == noted


def test_what_is_overwritten_leaves_no_blob(tmp_path: Path) -> None:
    """The directory does not grow with each write to a big file."""
    with Engine.with_busybox(state=tmp_path) as engine:
        for number in range(5):
            engine.containers.run(
                "busybox",
                f"dd if=/dev/zero of=/v/f bs=4096 count={100 + number}",
                volumes=["vol:/v"],
                remove=True,
            )
        blobs = list((tmp_path / "blobs").iterdir())

        assert 104 * 4096 >= sum(path.stat().st_size for path in blobs)


def test_a_socket_and_a_sparse_file_outlive_the_process(tmp_path: Path) -> None:
    """What no tar can hold does not stop a save."""
    with Engine.with_busybox(state=tmp_path) as engine:
        db = engine.containers.create("busybox", "true", name="db")
        db.rw.mknod("/tmp/db.sock", stat.S_IFSOCK | 0o777)
        db.rw.write_bytes("/tmp/sparse", b"")
        db.rw.truncate("/tmp/sparse", 1 << 40)
    with Engine(state=tmp_path) as engine:
        rw = engine.containers.get("db").rw

        assert stat.S_ISSOCK(rw.lstat("/tmp/db.sock").st_mode)
        assert 1 << 40 == rw.stat("/tmp/sparse").st_size
