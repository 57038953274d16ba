"""A planted bug is wrong in the way that its switch says, and in no other."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File, Stack, stack
from unionfs_sim.teaching.lab.resolve import Step


def planted(switch: str, layers: str) -> Stack:
    """Give a union with one bug."""
    return Stack(stack(layers), {switch}.__contains__)


@pytest.mark.parametrize(
    ("switch", "layers", "at", "kind"),
    [
        ("wh_by_name", "d/ d/a=1 | f/ ~f/a", "d/a", None),
        ("wh_by_name", "d/ d/a=1 | f/ ~f/a", "d", "dir"),
        ("wh_by_name", "d/ d/a=1 | f/ ~f/a | d/", "d/a", None),
        ("reverse_order", "a=1 | b=2 | c=3", "c", "file"),
        ("empty_layer_ends", "a=1", "a", "file"),
        ("empty_layer_ends", "d/ | | d/", "d", "dir"),
        ("dir_first_only", "d/", "d", "dir"),
    ],
)
def test_lookup(switch: str, layers: str, at: str, kind: str | None) -> None:
    """What a wrong lookup still finds, and what not."""
    assert planted(switch, layers).kind(at) == kind


@pytest.mark.parametrize(
    ("switch", "layers", "at", "names"),
    [
        ("readdir_first_only", "a=1 | b=2", "", []),
        ("readdir_ignores_opaque", "d/ d/a=1 | d! d/b=2", "d", ["a", "b"]),
        ("readdir_union", "a=1 b=2 | ~a d=4", "", ["a", "b", "d"]),
        ("readdir_upper_wh_only", "a=1 | ~a d=4", "", ["a", "d"]),
        ("readdir_stops_at_wh", "a=1 | ~a", "", ["a"]),
    ],
)
def test_readdir(switch: str, layers: str, at: str, names: list[str]) -> None:
    """What a wrong listing lists."""
    assert planted(switch, layers).readdir(at) == names


def test_whiteouts() -> None:
    """Bugs of whiteouts in one place leave those of the others right."""
    assert planted("wh_one_level", "a=1 | a=2 | ~a").read("a") == b"1"
    for switch in ("wh_only_upper", "readdir_upper_wh_only", "wh_top_lower_only"):
        union = planted(switch, "a=1")
        union.unlink("a")
        assert union.readdir("") == []
        assert union.kind("a") is None
    union = planted("opaque_upper_only", "d/ d/a=1")
    union.rmtree("d")
    union.mkdir("d")
    assert union.kind("d/a") is None


def test_story_and_tree() -> None:
    """The story is told of a wrong lookup too, and a tree shows what is not there."""
    union = planted("whole_path", "d/ d/a=1")
    assert union.explain("d/a") == [Step(("d", "a"), 0, "file")]
    tree = planted("wh_by_name", "d/ d/a=1 | f/ ~f/a").tree()
    assert tree["d", "a"] == (b"listed, but not there", -1)


def test_changing_files() -> None:
    """What a wrong copy-up, write or chmod loses, and what it keeps."""
    union = planted("cow_no_copy", "a=1:600")
    union.append("a", "x")
    assert union.upper["a",] == File("x", 0o600)
    union = planted("write_to_lower", "a=1")
    union.write("a", "2")
    assert union.lowers[0]["a",] == File("2")
    union.write("n", "1")
    union.write("n", "2")
    assert union.upper["n",] == File("2")
    union = planted("chmod_truncates", "a=1")
    union.chmod("a", 0o600)
    assert union.upper["a",] == File("", 0o600)
    union = planted("chmod_resurrects", "a=1")
    union.unlink("a")
    union.chmod("a", 0o600)
    assert union.upper["a",] == File("1", 0o600)
    with pytest.raises(FileNotFoundError):
        union.chmod("b", 0o600)


def test_removing() -> None:
    """Where a wrong removal leaves its marks."""
    deep = "d/ d/e/ d/e/a=1 b=2"
    union = planted("wh_at_root", deep)
    union.unlink("d/e/a")
    assert union.upper == {("a",): WHITEOUT}
    union = planted("unlink_kills_siblings", deep)
    union.unlink("d/e/a")
    assert union.upper == {("d",): Dir(), ("d", "e"): Dir(opaque=True)}
    union.unlink("b")
    assert union.upper["b",] is WHITEOUT
    union = planted("unlink_lower_too", "a=1 | b=2")
    union.unlink("a")
    assert [len(layer) for layer in union.lowers] == [0, 1]
    union = planted("whole_path", "d/ d/a=1 | ~d")
    union.unlink("d/a")
    assert union.upper == {}
    union = planted("rmdir_upper_only_check", "d/")
    union.write("d/a", "1")
    with pytest.raises(OSError, match="not empty") as caught:
        union.rmdir("d")
    assert caught.value.errno == errno.ENOTEMPTY


def test_mkdir() -> None:
    """The missing EEXIST is missing for directories of read-only layers alone."""
    union = planted("mkdir_no_eexist", "a=1")
    union.mkdir("d")
    for at in ("a", "d"):
        with pytest.raises(FileExistsError):
            union.mkdir(at)


def test_layers() -> None:
    """What a wrong commit shares, and what a wrong diff drops."""
    union = planted("commit_shares_upper", "a=1")
    assert union.commit()[-1] is union.upper
    union = planted("diff_drops_empty_dir", "")
    union.mkdir("d")
    union.write("d/a", "1")
    union.mkdir("e")
    assert union.diff() == {("d",): Dir(), ("d", "a"): File("1")}
