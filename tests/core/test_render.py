"""Stories and trees as text."""

from __future__ import annotations

import pytest

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Layer,
    Meta,
    Regular,
    Symlink,
)
from unionfs_sim.core import render
from unionfs_sim.core.fold import Rules
from unionfs_sim.core.layer import Spec
from unionfs_sim.core.lookup import trace


def told(path: str, *specs_top_first: Spec, rules: Rules | None = None) -> str:
    """Tell the story of a lookup in layers called by numbers."""
    layers = [Layer.build(x, label=f"l{n}") for n, x in enumerate(specs_top_first)]
    return render.trace_text(trace(layers, path, rules=rules or Rules()))


MOVED = Directory(Meta(mode=0o755, private={"redirect": b"old"}))
BARE = Regular("", Meta(mode=0o644, private={"metacopy": b""}))

VERDICTS: list[tuple[str, list[Spec], str]] = [
    ("/f", [{"f": ""}], "= file in l0; 1 probe"),
    ("/d", [{"d": {}}, {"d": {}}], "= directory merged from l0 + l1; 2 probes"),
    ("/f", [{}], "= No such file or directory: no layer has it; 1 probe"),
    ("/n/f", [{}], "= No such file or directory: no layer has /n; 1 probe"),
    (
        "/f",
        [{"f": WHITEOUT}, {"f": ""}],
        "= No such file or directory: hidden by a whiteout in l0; 1 probe",
    ),
    (
        "/d/f",
        [{"d": WHITEOUT}, {"d/f": ""}],
        "= No such file or directory: /d is hidden by a whiteout in l0; 1 probe",
    ),
    ("/f/x", [{"f": ""}], "= Not a directory: /f is a file; 1 probe"),
    (
        "/l",
        [{"l": Symlink("l")}],
        "= Too many levels of symbolic links; 41 probes",
    ),
    ("/" + "x" * 300, [{}], "= File name too long; 0 probes"),
    ("", [{}], "= No such file or directory; 0 probes"),
    (
        "/f",
        [{"f": BARE}, {"f": "x"}],
        "= Operation not permitted: what is there cannot be looked up; 1 probe",
    ),
]


@pytest.mark.parametrize(("path", "specs", "expected"), VERDICTS)
def test_verdicts(path: str, specs: list[Spec], expected: str) -> None:
    """The last line says how a lookup ended, and what it cost."""
    assert expected == told(path, *specs).splitlines()[-1]


LINES: list[tuple[str, list[Spec], str]] = [
    ("/l", [{"l": Symlink("f"), "f": ""}], "  l0  symbolic link -> f"),
    ("/d", [{"d": {}}, {"d": {}}], "  l0  directory: merges"),
    (
        "/d",
        [{"d": OPAQUE}, {"d": {}}],
        "  l0  opaque directory: nothing below it merges",
    ),
    (
        "/d",
        [{"d": OPAQUE}, {"d": {}}],
        "  l1  (directory, hidden by the opaque directory in l0)",
    ),
    (
        "/d",
        [{"d": OPAQUE}, {"d": OPAQUE}],
        "  l1  (opaque directory, hidden by the opaque directory in l0)",
    ),
    ("/f", [{"f": ""}, {"f": WHITEOUT}, {"f": ""}], "  l1  (whiteout, not asked)"),
    (
        "/d",
        [{"d": {}}, {"d": ""}, {"d": {}}],
        "  l1  file: ends the merge of the directories above it",
    ),
    ("/f", [{}, {}, {}, {"f": ""}], "  l0 ... l2  not here (3 layers)"),
    ("/f", [{}, {}, {"f": ""}], "  l1  not here"),
    ("/new", [{"new": MOVED}, {"old/x": ""}], "  l0  directory, redirected to old"),
]


@pytest.mark.parametrize(("path", "specs", "expected"), LINES)
def test_lines(path: str, specs: list[Spec], expected: str) -> None:
    """Each layer that matters has a line; layers in a row that do not share one."""
    assert expected in told(path, *specs).splitlines()


def test_tree() -> None:
    """A layer is drawn as a tree, marks and kinds included."""
    layer = Layer.build(
        {
            ".": OPAQUE,
            "d": {".": OPAQUE, "f": "", "w": WHITEOUT},
            "e": {"p": Fifo(), "n": Device(1, 3)},
            "l": Symlink("a\nb"),
            "x\n": "",
        }
    )

    assert [
        "/ (opaque)",
        "├── d/ (opaque)",
        "│   ├── f",
        "│   └── w (whiteout)",
        "├── e/",
        "│   ├── n (character device)",
        "│   └── p (fifo)",
        "├── l -> a\\nb",
        "└── x\\n",
    ] == render.layer_text(layer).splitlines()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain é", "plain é"),
        ("a\nb\t", "a\\nb\\t"),
        ("\x1b[31m", "\\x1b[31m"),
        ("caf\udce9", "caf\\xe9"),
        ("\u202e", "\\u202e"),
    ],
)
def test_printable(name: str, expected: str) -> None:
    """No name can move the cursor."""
    assert expected == render.printable(name)


def test_html_is_escaped() -> None:
    """A name is no markup."""
    assert "<pre>&lt;b&gt;</pre>" == render.html("<b>")
