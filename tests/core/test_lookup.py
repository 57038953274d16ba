"""The reference resolver: who was asked, what they said, and what hides what."""

from __future__ import annotations

import errno
import json

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Kind,
    Layer,
    Meta,
    Negative,
    Regular,
    Socket,
    Stack,
    Symlink,
    UnionFS,
)
from unionfs_sim.core.fold import Rules
from unionfs_sim.core.layer import Spec, SpecValue
from unionfs_sim.core.lookup import trace
from unionfs_sim.core.story import Answer, Trace, Verdict


def story(path: str, *specs_top_first: Spec, follow: bool = True) -> Trace:
    """Look a path up in layers that are called by numbers, the base being 0."""
    count = len(specs_top_first)
    layers = [
        Layer.build(spec, label=str(count - 1 - index))
        for index, spec in enumerate(specs_top_first)
    ]
    return trace(layers, path, follow=follow)


FILE, DIR, CUT = Answer.FOUND, Answer.DIRECTORY, Answer.CUT_OFF
NONE, GONE, SHUT = Answer.ABSENT, Answer.WHITEOUT, Answer.OPAQUE


@pytest.mark.parametrize(
    ("values", "answers", "verdict", "found_in", "hidden_by"),
    [
        # What the layers have under one name, top first; overlayfs.md, 1.1.
        ([None], [NONE], Verdict.ABSENT, "", None),
        ([None, None], [NONE, NONE], Verdict.ABSENT, "", None),
        (["x"], [FILE], Verdict.FOUND, "0", None),
        (["x", None], [FILE], Verdict.FOUND, "1", None),
        ([None, "x"], [NONE, FILE], Verdict.FOUND, "0", None),
        (["x", "y"], [FILE], Verdict.FOUND, "1", "the file in 1"),
        ([WHITEOUT], [GONE], Verdict.ABSENT, "", None),
        ([WHITEOUT, "x"], [GONE], Verdict.HIDDEN, "", "a whiteout in 1"),
        ([None, WHITEOUT, "x"], [NONE, GONE], Verdict.HIDDEN, "", "a whiteout in 1"),
        (["x", WHITEOUT], [FILE], Verdict.FOUND, "1", None),
        (["x", WHITEOUT, "y"], [FILE], Verdict.FOUND, "2", "the file in 2"),
        ([{}], [DIR], Verdict.FOUND, "0", None),
        ([{}, {}], [DIR, DIR], Verdict.MERGED, "10", None),
        ([{}, None, {}], [DIR, NONE, DIR], Verdict.MERGED, "20", None),
        ([OPAQUE, {}], [SHUT], Verdict.FOUND, "1", "the opaque directory in 1"),
        (
            [{}, OPAQUE, {}],
            [DIR, SHUT],
            Verdict.MERGED,
            "21",
            "the opaque directory in 1",
        ),
        ([{}, WHITEOUT, {}], [DIR, GONE], Verdict.FOUND, "2", "a whiteout in 1"),
        (
            [{}, "x", {}],
            [DIR, CUT],
            Verdict.FOUND,
            "2",
            "the file in 1, which ends the merge",
        ),
        (
            [{}, "x"],
            [DIR, CUT],
            Verdict.FOUND,
            "1",
            "the file in 0, which ends the merge",
        ),
        (["x", {}], [FILE], Verdict.FOUND, "1", "the file in 1"),
        ([Symlink("y"), "x"], [FILE], Verdict.FOUND, "1", "the symbolic link in 1"),
        ([Fifo(), "x"], [FILE], Verdict.FOUND, "1", "the fifo in 1"),
        ([Socket(), "x"], [FILE], Verdict.FOUND, "1", "the socket in 1"),
        ([Device(1, 3), "x"], [FILE], Verdict.FOUND, "1", "the character device in 1"),
        (
            [Device(0, 0, block=True), "x"],
            [FILE],
            Verdict.FOUND,
            "1",
            "the block device in 1",
        ),
    ],
)
def test_one_name(
    values: list[SpecValue | None],
    answers: list[Answer],
    verdict: Verdict,
    found_in: str,
    hidden_by: str | None,
) -> None:
    """Layers are asked from the top until one settles it; the story says which."""
    specs: list[Spec] = [{} if value is None else {"n": value} for value in values]
    got = story("/n", *specs, follow=False)

    (component,) = got.components
    assert answers == [probe.answer for probe in component.probes]
    assert (verdict, hidden_by) == (got.verdict, component.hidden_by)
    assert found_in == "".join(got.found_in)
    assert len(answers) == got.probes
    assert (errno.ENOENT if not found_in else None) == got.error


@pytest.mark.parametrize(
    ("path", "specs", "hidden_by"),
    [
        ("/d/x", [{"d": OPAQUE}, {"d/x": "1"}], "the opaque directory in 1"),
        ("/d/x", [{"d": {}}, {"d": WHITEOUT}, {"d/x": "1"}], "a whiteout in 1"),
        (
            "/d/x",
            [{"d": {}}, {"d": "f"}, {"d/x": "1"}],
            "the file in 1, which ends the merge",
        ),
        (
            "/d/e/x",
            [{"d/e": {}}, {"d": OPAQUE}, {"d/e/x": "1"}],
            "the opaque directory in 1",
        ),
    ],
)
def test_what_is_above_hides_what_is_below(
    path: str, specs: list[Spec], hidden_by: str
) -> None:
    """What a directory above keeps out is out for all that is in it."""
    got = story(path, *specs)

    assert (Verdict.HIDDEN, hidden_by) == (
        got.verdict,
        got.components[-1].hidden_by,
    )


@pytest.mark.parametrize(
    ("path", "verdict", "number", "resolved"),
    [
        ("/", Verdict.MERGED, None, "/"),
        ("/d", Verdict.FOUND, None, "/d"),
        ("/d/f", Verdict.FOUND, None, "/d/f"),
        ("d/./f", Verdict.FOUND, None, "/d/f"),
        ("/d/../d/f", Verdict.FOUND, None, "/d/f"),
        ("/../..", Verdict.MERGED, None, "/"),
        ("/link", Verdict.FOUND, None, "/d"),
        ("/link/f", Verdict.FOUND, None, "/d/f"),
        ("/link/../top", Verdict.FOUND, None, "/top"),
        ("/abs", Verdict.FOUND, None, "/d/f"),
        ("/d/f/x", Verdict.NOT_A_DIRECTORY, errno.ENOTDIR, "/d/f"),
        ("/d/f/", Verdict.NOT_A_DIRECTORY, errno.ENOTDIR, "/d/f"),
        ("/none", Verdict.ABSENT, errno.ENOENT, "/none"),
        ("/none/x", Verdict.ABSENT, errno.ENOENT, "/none"),
        ("/dangling", Verdict.ABSENT, errno.ENOENT, "/none"),
        ("/loop", Verdict.LOOP, errno.ELOOP, "/loop"),
        ("", Verdict.ABSENT, errno.ENOENT, "/"),
        ("/" + "x" * 256, Verdict.NAME_TOO_LONG, errno.ENAMETOOLONG, "/" + "x" * 256),
        ("x" * 4096, Verdict.NAME_TOO_LONG, errno.ENAMETOOLONG, "/"),
    ],
)
def test_whole_path(
    path: str, verdict: Verdict, number: int | None, resolved: str
) -> None:
    """A path is walked over links and dots; where it ends is told."""
    base: Spec = {
        "d/f": "x",
        "link": Symlink("d"),
        "abs": Symlink("/d/f"),
        "dangling": Symlink("none"),
        "loop": Symlink("loop"),
    }
    got = story(path, {"top": "x"}, base)

    assert (verdict, number, resolved) == (got.verdict, got.error, got.resolved)


def private(**marks: bytes) -> Meta:
    """Make attributes with private marks."""
    return Meta(mode=0o755, private=marks)


DATA: dict[str, SpecValue] = {"p/d/f": "data", "g": "other", "e/x": ""}
FAR = Layer.build({"far": "far"}, label="far")

MARKED: list[tuple[str, SpecValue, Rules, str]] = [
    # Sections 7 and 8: a path in the top layer, what is there, and what shows.
    ("/p/r", Directory(private(redirect=b"d")), Rules(), "10"),
    ("/p/r", Directory(private(redirect=b"/e")), Rules(), "10"),
    ("/p/r", Directory(private(redirect=b"none")), Rules(), "1"),
    ("/p/r", Directory(private(redirect=b"/none/x")), Rules(), "1"),
    ("/p/r", Directory(private(redirect=b"/g/x")), Rules(), "1"),
    ("/p/r", Directory(private(redirect=b"a/b")), Rules(), "EINVAL"),
    ("/p/r", Directory(private(redirect=b"d")), Rules(follows=False), "EPERM"),
    ("/p/r", Directory(private(redirect=b"d"), opaque=True), Rules(), "1"),
    ("/g", Regular("", private(metacopy=b"")), Rules(metacopy=True), "1"),
    ("/g", Regular("", private(metacopy=b"")), Rules(), "EPERM"),
    ("/n", Regular("", private(metacopy=b"")), Rules(metacopy=True), "EIO"),
    (
        "/n",
        Regular("", private(metacopy=b"", redirect=b"g")),
        Rules(metacopy=True),
        "1",
    ),
    (
        "/n",
        Regular("", private(metacopy=b"", redirect=b"/p/d/f")),
        Rules(metacopy=True),
        "1",
    ),
    (
        "/n",
        Regular("", private(metacopy=b"", redirect=b"/none")),
        Rules(metacopy=True),
        "EIO",
    ),
    (
        "/n",
        Regular("", private(metacopy=b"", redirect=b"a/b")),
        Rules(metacopy=True),
        "EINVAL",
    ),
    (
        "/n",
        Regular("", private(metacopy=b"", redirect=b"/far")),
        Rules(metacopy=True, data_only=(FAR,)),
        "1",
    ),
    (
        # There, though its data is not (found-100).
        "/n",
        Regular("", private(metacopy=b"", redirect=b"/none")),
        Rules(metacopy=True, data_only=(FAR,)),
        "1",
    ),
    (
        # Without metacopy=on only the lowest layer may lead there (found-101).
        "/n",
        Regular("", private(metacopy=b"", redirect=b"/far")),
        Rules(data_only=(FAR,)),
        "EPERM",
    ),
    ("/g", Regular("", private(whiteout=b"")), Rules(), "ENOENT"),
]


@pytest.mark.parametrize(("path", "value", "rules", "expected"), MARKED)
def test_marked_objects(
    path: str, value: SpecValue, rules: Rules, expected: str
) -> None:
    """Redirects and metadata-only files are followed, and the union agrees."""
    layers = [
        Layer.build({path: value}, label="1"),
        Layer.build(DATA, label="0"),
    ]
    got = trace(layers, path, rules=rules)

    number = None if got.error is None else errno.errorcode[got.error]
    assert expected == (number or "".join(got.found_in))
    found = UnionFS(Stack(layers, rules=rules), read_only=True).lookup(path)
    assert got.error == (found.errno if isinstance(found, Negative) else None)


def test_last_link_is_not_followed_if_asked() -> None:
    """A link at the end can be looked at itself."""
    got = story("/link", {"link": Symlink("none")}, follow=False)

    assert (Kind.SYMLINK, None) == (got.kind, got.components[0].target)


def test_followed_link_is_told() -> None:
    """The text of a link that was followed is in the story."""
    got = story("/link/f", {"link": Symlink("d"), "d/f": "x"})

    assert ["d", None, None] == [item.target for item in got.components]
    assert ["/link", "/d", "/d/f"] == [item.path for item in got.components]


def test_implied_directory_shows_what_is_below() -> None:
    """A directory that a layer only implies looks like the one below it."""
    top = Layer(
        "top",
        Directory(
            implied=True,
            entries={"d": Directory(implied=True, entries={"x": Regular()})},
        ),
    )
    base = Layer.build({"d": OPAQUE})

    assert ("top", "") == trace([top, base], "/d").found_in


def test_probes_do_not_exceed_depth_times_layers() -> None:
    """A lookup of three names in ten layers asks at most thirty times."""
    specs: list[Spec] = [{"a/b": {str(n): ""}} for n in range(10)]

    assert 30 == story("/a/b/9", *specs).probes
    assert 30 == story("/a/b/none", *specs).probes


def test_upper_is_asked_first() -> None:
    """A writable union has one layer more, called upper."""
    fs = UnionFS([Layer.build({"f": "x"}, label="base")])
    fs.write_text("/f", "y")

    assert ("upper",) == fs.explain("/f").found_in
    assert ("base",) == UnionFS(fs.stack, read_only=True).explain("/f").found_in


def test_story_is_json() -> None:
    """A story can be dumped, and says what it says in words."""
    got = story("/d/x", {"d": {"x": WHITEOUT}}, {"d/x": "1"})
    read = json.loads(json.dumps(got.to_json()))

    assert ("hidden", "ENOENT", None, 4) == (
        read["verdict"],
        read["errno"],
        read["type"],
        read["probes"] + 1,
    )
    assert "a whiteout in 1" == read["components"][-1]["hidden_by"]


def test_story_is_text() -> None:
    """A story, and each part of it, can be printed; a notebook shows it as well."""
    got = story("/f", {"f": "x"}, {})

    assert "= file in 1; 1 probe" == str(got).splitlines()[-1]
    assert str(got.components[0]) in str(got)
    assert "<pre>/f" in got._repr_html_()


@pytest.mark.parametrize("answer", Answer)
def test_answers_that_stop(answer: Answer) -> None:
    """A layer further down is asked only after some answers."""
    goes_on = {Answer.ABSENT, Answer.DIRECTORY, Answer.METADATA}

    assert (answer not in goes_on) is answer.stops
