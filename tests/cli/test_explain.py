"""`explain` tells the right story: for a real build, word by word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Golden

#: Golden file, path, and the last line of the story.
STORIES = [
    ("deleted", "/etc/motd", "= No such file or directory: hidden by a whiteout in layer 3; 13 probes"),
    ("recreated", "/a/f1", "= file in layer 8; 15 probes"),
    ("under-opaque", "/b/x", "= No such file or directory: hidden by the opaque directory in layer 11; 2 probes"),
    ("under-opaque-again", "/h2/sub/two", "= No such file or directory: hidden by the opaque directory in layer 10; 14 probes"),
    ("file-over-directory", "/e", "= file in layer 11; 1 probe"),
    ("through-file-over-directory", "/e/deep/er/file", "= Not a directory: /e is a file; 1 probe"),
    ("directory-over-file", "/c", "= No such file or directory: hidden by a whiteout in layer 11; 1 probe"),
    ("miss", "/nope", "= No such file or directory: no layer has it; 12 probes"),
    ("through-link", "/usr/bin/app", "= file in layer 4; 33 probes"),
    ("link-over-directory", "/g/f1", "= file in layer 8; 17 probes"),
    ("through-file", "/a/f1/x", "= Not a directory: /a/f1 is a file; 15 probes"),
    ("merged", "/etc", "= directory merged from layer 3 + layer 1 + layer 0; 12 probes"),
    ("moved", "/h/one", "= No such file or directory: /h is hidden by a whiteout in layer 9; 3 probes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "end"), STORIES, ids=[name for name, *_ in STORIES]
)
def test_story(
    name: str, path: str, end: str, whiteouts: Path, cli: Cli, golden: Golden
) -> None:
    """Each way in which a name can be there or not has its story."""
    outcome = cli("explain", whiteouts, path)

    golden(f"explain-{name}.txt", outcome.out)
    assert end in outcome.out.splitlines()
    assert (0, "") == (outcome.status, outcome.err)


def test_directory_over_file(whiteouts: Path, cli: Cli) -> None:
    """A directory that took a file's place is found, and the file named as hidden."""
    lines = cli("explain", whiteouts, "/c", "--upto", "10").out.splitlines()

    assert [
        "/c",
        "  layer 9  directory: merges",
        "  layer 8  directory: merges",
        "  layer 7  whiteout: hidden from here on down",
        "  layer 6  (file, hidden by a whiteout in layer 7)",
        "= directory merged from layer 9 + layer 8; 3 probes",
    ] == lines[:6]


@pytest.mark.parametrize(
    ("name", "path", "end"), STORIES, ids=[name for name, *_ in STORIES]
)
def test_story_as_data(
    name: str, path: str, end: str, whiteouts: Path, cli: Cli
) -> None:
    """The JSON story has the numbers, the probes and the verdict of the plain one."""
    plain = cli("explain", whiteouts, path).out
    story = cli("explain", whiteouts, path, "--json").json

    assert path == story["path"]
    assert end == story["text"].splitlines()[-1]
    assert plain.startswith(story["text"])
    assert story["probes"] == sum(len(each["probes"]) for each in story["components"])
    for component in story["components"]:
        for probe in (*component["probes"], *component["hidden"]):
            assert f"layer {probe['layer']}" == probe["label"]
    for number, command in story["layers"].items():
        assert f"layer {number}".ljust(7) in plain
        assert command


def test_no_follow(cli: Cli) -> None:
    """Without following, the story ends at the link."""
    followed = cli("explain", "@tour", "/var/www", "--json").json
    kept = cli("explain", "@tour", "/var/www", "--no-follow", "--json").json

    assert ("/srv/www", "dir") == (followed["resolved"], followed["type"])
    assert ("/var/www", "symlink") == (kept["resolved"], kept["type"])


def test_hider_above_is_named(cli: Cli) -> None:
    """What made the layer that hides is told, also if it hides a directory above."""
    outcome = cli("explain", "@tour", "/srv/www/manual/setup.html")

    assert "layer 4 was made by RUN rm -r /srv/www && site-build" in outcome.out


def test_image_without_history(images: Path, cli: Cli) -> None:
    """A story has no last part where nothing says what made the layers."""
    layer = images / "forms" / "rules-main.layer0.tar"
    outcome = cli("explain", layer, "/")

    assert "= directory in layer 0; 0 probes\n" == outcome.out
