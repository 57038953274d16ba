"""Folding shares what a new layer does not touch, and follows redirects."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Layer,
    Meta,
    Negative,
    Regular,
    UnionFS,
)
from unionfs_sim.core import fold
from unionfs_sim.core.fold import NOTHING, Rules
from unionfs_sim.core.layer import Spec, SpecValue
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.records import Broken, MergedDirectory, Record


def private(**marks: bytes) -> Meta:
    """Make attributes with private marks."""
    return Meta(mode=0o644, private=marks)


def folded(*specs_top_first: Spec, rules: Rules = fold.PLAIN) -> Record:
    """Fold layers that are described."""
    layers = [Layer.build(spec) for spec in reversed(specs_top_first)]
    return fold.fold((layer.root for layer in layers), rules=rules)


def tree(record: Record) -> dict[str, object]:
    """Give what a view shows: paths with contents, directories, or broken names."""
    found: dict[str, object] = {}
    pending = [("", record)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, Broken):
            found[path] = errno.errorcode[item.errno]
        elif isinstance(item, Regular):
            found[path] = item.content.read_all().decode()
        elif isinstance(item, (Directory, MergedDirectory)):
            found[path] = len(item.hits)
            pending.extend((f"{path}/{n}", x) for n, x in fold.visible(item).items())
    del found[""]
    return dict(sorted(found.items()))


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        # 1.1: the topmost file, a whiteout, directories that merge, the cut-off.
        ([{"a": "1"}, {"a": "2"}], {"/a": "1"}),
        ([{"a": WHITEOUT}, {"a": "2", "b": "3"}], {"/b": "3"}),
        ([{"a": WHITEOUT}], {}),
        ([{"a": "1"}, {"a": WHITEOUT}, {"a": "3"}], {"/a": "1"}),
        ([{}, {"a": WHITEOUT}, {"a": "3"}], {}),
        ([{"d/x": "1"}, {"d/y": "2"}], {"/d": 2, "/d/x": "1", "/d/y": "2"}),
        ([{"d/x": "1"}, {"d": "2"}], {"/d": 1, "/d/x": "1"}),
        ([{"d": "1"}, {"d/x": "2"}], {"/d": "1"}),
        ([{"d/x": "1"}, {"d": "2"}, {"d/y": "3"}], {"/d": 1, "/d/x": "1"}),
        ([{"d/x": "1"}, {"d": WHITEOUT}, {"d/y": "3"}], {"/d": 1, "/d/x": "1"}),
        ([{"d": OPAQUE}, {"d/y": "2"}], {"/d": 1}),
        ([{"d/x": "1"}, {"d": OPAQUE}, {"d/y": "3"}], {"/d": 2, "/d/x": "1"}),
        ([{"d": OPAQUE, "d/x": WHITEOUT}, {"d/x": "2"}], {"/d": 1}),
        ([{"d/e/x": WHITEOUT}, {"d/e/x": "2"}], {"/d": 2, "/d/e": 2}),
        ([{"d": {}}, {"d": WHITEOUT}, {"d/x": "3"}], {"/d": 1}),
    ],
)
def test_rules_of_lookup(specs: list[Spec], expected: dict[str, object]) -> None:
    """A view shows what the rules of lookup give (overlayfs.md, 1.1 and 1.3)."""
    assert expected == tree(folded(*specs))


def test_nothing_is_an_empty_directory() -> None:
    """No layers at all show an empty root."""
    assert NOTHING is fold.fold([])


def test_single_layer_is_its_own_view() -> None:
    """One layer without marks is not even wrapped."""
    layer = Layer.build({"d/x": "1"})

    assert layer.root is fold.fold([layer.root])


def test_untouched_directories_are_shared() -> None:
    """A new layer copies what it touches; all else is the same object."""
    base = fold.fold([Layer.build({"a/x": "", "b/c/y": "", "b/d/z": ""}).root])
    top = fold.fold([Layer.build({"b/c/new": ""}).root], base)

    assert top.entries["a"] is base.entries["a"]
    assert top.entries["b"] is not base.entries["b"]
    b, old = top.entries["b"], base.entries["b"]
    assert isinstance(b, MergedDirectory)
    assert isinstance(old, Directory)
    assert b.entries["d"] is old.entries["d"]
    assert b.entries["c"] is not old.entries["c"]


def test_view_below_never_changes() -> None:
    """Folding over a view leaves the view as it was."""
    base = fold.fold([Layer.build({"d/x": "1"}).root, Layer.build({"d/y": "2"}).root])
    before = tree(base)
    fold.fold([Layer.build({"d/x": WHITEOUT, "d/z": "3"}).root], base)

    assert before == tree(base)


def test_implied_directory_shows_the_attributes_below() -> None:
    """A directory that a layer only implies looks like the one below it."""
    below = Layer.build({"d": Directory(Meta(mode=0o700))})
    implied = Layer(
        "x",
        Directory(
            implied=True,
            entries={"d": Directory(implied=True, entries={"x": Regular()})},
        ),
    )
    view = fold.fold([below.root, implied.root])

    made = view.entries["d"]
    assert isinstance(made, MergedDirectory)
    assert (0o700, False) == (made.meta.mode, made.implied)
    assert made.kind.value == "dir"


def test_bare_directory_makes_nothing() -> None:
    """Whiteouts in a directory that is nowhere else make no directory (rule 5.8)."""
    eraser = Directory(
        implied=True, entries={"d": Directory(implied=True, entries={"x": WHITEOUT})}
    )

    assert {} == tree(fold.fold([Layer.build({}).root, eraser]))


DATA: dict[str, SpecValue] = {"p/d/f": "data", "g": "other"}


def redirected(value: bytes) -> Spec:
    """Describe a directory ``p/e`` that was renamed."""
    return {"p/e": Directory(Meta(mode=0o755, private={"redirect": value}))}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # Section 7: relative beside the name, absolute from the root.
        (b"d", {"/p/e": 2, "/p/e/f": "data"}),
        (b"/p/d", {"/p/e": 2, "/p/e/f": "data"}),
        (b"/p", {"/p/e": 2, "/p/e/d": 1, "/p/e/d/f": "data"}),
        (b"none", {"/p/e": 1}),
        (b"/g", {"/p/e": 1}),
        (b"/g/x", {"/p/e": 1}),
        (b"", {"/p/e": "EINVAL"}),
        (b"a/b", {"/p/e": "EINVAL"}),
        (b"//", {"/p/e": "EINVAL"}),
        (b"/p/d/", {"/p/e": "EINVAL"}),
    ],
)
def test_redirects(value: bytes, expected: dict[str, object]) -> None:
    """A redirected directory merges with what it was; malformed values break it."""
    shown = tree(folded(redirected(value), DATA))

    assert expected == {p: x for p, x in shown.items() if p.startswith("/p/e")}


def test_redirect_is_not_followed_where_it_may_not() -> None:
    """With redirect_dir=nofollow the directory cannot be looked up (S19)."""
    shown = tree(folded(redirected(b"d"), DATA, rules=Rules(follows=False)))

    assert "EPERM" == shown["/p/e"]


def test_opaque_wins_over_a_redirect() -> None:
    """An opaque directory merges with nothing, whatever it was called."""
    made = Directory(Meta(mode=0o755, private={"redirect": b"d"}), opaque=True)

    assert 1 == tree(folded({"p/e": made}, DATA))["/p/e"]


@pytest.mark.parametrize(
    ("marks", "rules", "expected"),
    [
        # Section 8: by the same name, by redirect, no data, not allowed.
        ({"metacopy": b""}, Rules(metacopy=True), "other"),
        ({"metacopy": b"", "redirect": b"/p/d/f"}, Rules(metacopy=True), "data"),
        ({"metacopy": b"", "redirect": b"none"}, Rules(metacopy=True), "EIO"),
        ({"metacopy": b"", "redirect": b"/p"}, Rules(metacopy=True), "EIO"),
        ({"metacopy": b"", "redirect": b"a/b"}, Rules(metacopy=True), "EINVAL"),
        ({"metacopy": b""}, Rules(), "EPERM"),
        (
            {"metacopy": b"", "redirect": b"/only/here"},
            Rules(metacopy=True, data_only=(Layer.build({"only/here": "far"}),)),
            "far",
        ),
        # Without metacopy=on, only from the lowest layer (found-101).
        (
            {"metacopy": b"", "redirect": b"/only/here"},
            Rules(data_only=(Layer.build({"only/here": "far"}),)),
            "EPERM",
        ),
        (
            {"metacopy": b"", "redirect": b"/g"},
            Rules(data_only=(Layer.build({"only": "far"}),)),
            "EPERM",
        ),
        (
            {"metacopy": b"", "redirect": b"/only/x"},
            Rules(data_only=(Layer.build({"only": "far"}),)),
            "EPERM",
        ),
    ],
)
def test_metadata_only_files(
    marks: dict[str, bytes], rules: Rules, expected: str
) -> None:
    """A metadata-only file takes its data from below, and its mode from above."""
    top: Spec = {"g": Regular(meta=Meta(mode=0o600, private=marks))}

    assert expected == tree(folded(top, DATA, rules=rules))["/g"]


FAR = Rules(data_only=(Layer.build({"only/here": "far"}),))


def test_data_only_layer_under_the_lowest() -> None:
    """The lowest layer may lead to a data-only layer without ``metacopy=on``."""
    private = {"metacopy": b"", "redirect": b"/only/here"}

    assert (
        "far"
        == tree(
            folded({"g": Regular(meta=Meta(mode=0o600, private=private))}, rules=FAR)
        )["/g"]
    )


def test_lost_data_is_found_out_by_reading() -> None:
    """A file whose data no data-only layer has is there, and cannot be read."""
    private = {"metacopy": b"", "redirect": b"/only/x"}
    layer = Layer.build({"g": Regular(meta=Meta(mode=0o600, private=private))})

    found = fold.visible(fold.fold([layer.root], rules=FAR))["g"]

    assert isinstance(found, Regular)
    with pytest.raises(FileNotFoundError):
        found.content.read(0, 1)


def test_metadata_only_file_loses_its_marks() -> None:
    """Once its data is found, a metadata-only file is a file like others."""
    top: Spec = {"g": Regular(meta=Meta(mode=0o600, private={"metacopy": b""}))}
    view = folded(top, DATA, rules=Rules(metacopy=True))

    assert isinstance(view, MergedDirectory)
    made = view.entries["g"]
    assert isinstance(made, Regular)
    assert (0o600, {}) == (made.meta.mode, made.meta.private)


XWHITEOUT = Regular(meta=private(whiteout=b""))
MARKED = Directory(Meta(mode=0o755, private={"opaque": b"x"}))

X_WHITEOUTS: list[tuple[list[Spec], Spec, list[str]]] = [
    # Section 1.5 in its order: lowers, upper, and what ``d`` lists.
    ([{"d": MARKED, "d/f": XWHITEOUT}, {"d/f": "x"}], {}, []),
    ([{"d/f": XWHITEOUT}, {"d/f": "x"}], {}, ["f"]),
    ([{"d/f": "x"}], {"d/f": XWHITEOUT}, ["f"]),
    ([{"d/f": "x"}], {"d": MARKED, "d/f": XWHITEOUT}, ["f"]),
    ([{"d/g": "x"}, {"d": MARKED, "d/f": XWHITEOUT}], {}, ["f", "g"]),
    ([{"d": MARKED, "d/f": XWHITEOUT}], {}, ["f"]),
    ([{"d": MARKED, "d/f": XWHITEOUT}, {}], {}, ["f"]),
]


@pytest.mark.parametrize(("lowers", "upper", "listed"), X_WHITEOUTS)
def test_xattr_whiteouts(lowers: list[Spec], upper: Spec, listed: list[str]) -> None:
    """An empty file with the mark hides, and is listed where the kernel lists it."""
    fs = UnionFS(
        [Layer.build(spec) for spec in lowers],
        upper=Layer.build(upper) if upper else None,
        policy=Policy.from_options({}),
    )

    assert listed == fs.listdir("/d")
    assert Negative(errno.ENOENT) == fs.lookup("/d/f")


def test_xattr_whiteouts_of_a_marked_root_are_not_listed() -> None:
    """Where the root of a layer is marked, its xattr whiteouts show nowhere (1.5)."""
    lowers: list[Spec] = [{".": MARKED, "f": XWHITEOUT}, {"f": "x", "g": ""}]
    fs = UnionFS(map(Layer.build, lowers), policy=Policy.from_options({}))

    assert ["g"] == fs.listdir("/")


def test_xattr_whiteout_with_content_is_a_file() -> None:
    """Only an empty file can be a whiteout."""
    top: Spec = {"f": Regular("full", private(whiteout=b""))}

    assert {"/f": "full"} == tree(folded(top, {"f": "x"}))


def test_broken_shows_what_is_there() -> None:
    """A name that cannot be looked up still has a kind for listings."""
    node = Regular(meta=Meta(mode=0o600))
    broken = Broken(node, errno.EIO)

    assert (node.kind, node.meta) == (broken.kind, broken.meta)
