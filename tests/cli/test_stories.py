"""The wording of stories, on small stacks that no image would have at once."""

from __future__ import annotations

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Layer,
    Symlink,
    UnionFS,
)
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.render import layer_text, trace_pieces


def story(*specs_top_first: Spec, path: str, follow: bool = True) -> list[str]:
    """Tell a lookup in layers that are called top, middle and base."""
    labels = ("top", "middle", "base") if len(specs_top_first) == 3 else ("top", "base")
    layers = [
        Layer.build(spec, label=label)
        for spec, label in zip(specs_top_first, labels, strict=True)
    ]
    trace = UnionFS(layers, read_only=True).explain(path, follow_symlinks=follow)
    return str(trace).splitlines()


CASES: list[tuple[str, list[Spec], str, list[str]]] = [
    (
        "a directory over a file over a directory: the file ends the merge",
        [{"d/a": ""}, {"d": ""}, {"d/b": ""}],
        "/d",
        [
            "/d",
            "  top     directory",
            "  middle  file: ends the merge of the directories above it",
            "  base    (directory, hidden by the file in middle, which ends the merge)",
            "= directory in top; 2 probes",
        ],
    ),
    (
        "an opaque directory between two others",
        [{"d/a": ""}, {"d": {".": OPAQUE, "b": ""}}, {"d/c": ""}],
        "/d/c",
        [
            "/d",
            "  top     directory: merges",
            "  middle  opaque directory: nothing below it merges",
            "  base    (directory, hidden by the opaque directory in middle)",
            "/d/c",
            "  top     not here",
            "  middle  not here",
            "  base    (file, hidden by the opaque directory in middle)",
            "= No such file or directory: hidden by the opaque directory in middle; 4 probes",
        ],
    ),
    (
        "a whiteout that hides nothing is no reason",
        [{"a": WHITEOUT}, {"b": ""}],
        "/a",
        [
            "/a",
            "  top  whiteout: hidden from here on down",
            "= No such file or directory: no layer has it; 1 probe",
        ],
    ),
    (
        "a missing directory on the way is named",
        [{"a": ""}, {"b": ""}],
        "/x/y",
        [
            "/x",
            "  top   not here",
            "  base  not here",
            "= No such file or directory: no layer has /x; 2 probes",
        ],
    ),
    (
        "a link to nothing",
        [{"l": Symlink("nowhere")}, {}],
        "/l",
        [
            "/l",
            "  top  symbolic link -> nowhere",
            "/nowhere",
            "  top   not here",
            "  base  not here",
            "= No such file or directory: no layer has /nowhere; 3 probes",
        ],
    ),
    (
        "other kinds by their names",
        [{"n": Device(1, 3)}, {"n": Fifo()}],
        "/n",
        [
            "/n",
            "  top   character device",
            "  base  (fifo, hidden by the character device in top)",
            "= character device in top; 1 probe",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "specs", "path", "lines"), CASES, ids=[case[0] for case in CASES]
)
def test_story(title: str, specs: list[Spec], path: str, lines: list[str]) -> None:
    """Each case is told as its title says."""
    assert lines == story(*specs, path=path), title


def test_loop() -> None:
    """A link to itself is followed forty times, and given up."""
    lines = story({"l": Symlink("l")}, {}, path="/l")

    assert 41 * ["/l", "  top  symbolic link -> l"] == lines[:-1]
    assert "= Too many levels of symbolic links; 41 probes" == lines[-1]


def test_link_that_is_not_followed() -> None:
    """A link at the end that is not followed is found as such."""
    assert ["/l", "  top  symbolic link", "= symbolic link in top; 1 probe"] == (
        story({"l": Symlink("x")}, {}, path="/l", follow=False)
    )


def test_long_name() -> None:
    """A name that is too long is not asked for."""
    assert ["= File name too long; 0 probes"] == story({}, {}, path="/" + "x" * 256)


@pytest.mark.parametrize(("absent", "shown"), [(2, 2), (3, 1), (50, 1)])
def test_row_of_layers_without_the_name(absent: int, shown: int) -> None:
    """Three layers or more in a row that do not have a name share a line."""
    layers = [Layer.build({}, label=f"layer {number}") for number in range(absent)]
    lines = str(UnionFS(layers, read_only=True).explain("/x")).splitlines()

    assert shown == len(lines) - 2
    if shown == 1:
        text = f"  layer 0 ... layer {absent - 1}  not here ({absent} layers)"
        assert text == lines[1]


def test_odd_names() -> None:
    """Names and targets are made fit for one line."""
    lines = story({"a\n": Symlink("\udce9 ")}, {}, path="/a\n", follow=True)

    assert [r"/a\n", r"  top  symbolic link -> \xe9\x20", r"/\xe9\x20"] == lines[:3]


def test_pieces_are_the_text() -> None:
    """The pieces with roles put together are the plain story."""
    layer = Layer.build({"a/b": ""}, label="only")
    trace = UnionFS([layer], read_only=True).explain("/a/b")
    lines = ["".join(text for text, _ in line) for line in trace_pieces(trace)]

    assert str(trace).splitlines() == lines
    assert "\n".join(lines[:2]) == str(trace.components[0])


def test_layer_as_a_tree() -> None:
    """A layer is drawn with its marks, links and kinds."""
    spec: Spec = {
        ".": OPAQUE,
        "a": {".": OPAQUE, "x": WHITEOUT},
        "b": Directory(),
        "l": Symlink("a"),
        "p": Fifo(),
    }

    assert [
        "/ (opaque)",
        "├── a/ (opaque)",
        "│   └── x (whiteout)",
        "├── b/",
        "├── l -> a",
        "└── p (fifo)",
    ] == layer_text(Layer.build(spec)).splitlines()
