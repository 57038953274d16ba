"""What each command shows, plain and as data; the two agree."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Golden
from unionfs_sim import UnionFS
from unionfs_sim.cli import source
from unionfs_sim.cli.commands.differences import compare
from unionfs_sim.cli.history import BRIEF_MAX
from unionfs_sim.core.diff import changes
from unionfs_sim.core.stack import Stack
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

TOUR = source.locate(source.TOUR)[0]
MOTD = "/etc/motd"

#: Every way of looking has a golden file.
VIEWS = {
    "layers": ["layers", "@tour"],
    "ls": ["ls", "@tour", "/etc"],
    "ls-file": ["ls", "@tour", MOTD],
    "ls-layer": ["ls", "@tour", "/etc", "--layer", "3"],
    "ls-recursive": ["ls", "@tour", "/srv", "-R"],
    "tree": ["tree", "@tour"],
    "tree-depth": ["tree", "@tour", "--depth", "1"],
    "tree-layer": ["tree", "@tour", "--layer", "4"],
    "tree-upto": ["tree", "@tour", "/etc", "--upto", "4"],
    "stat-file": ["stat", "@tour", MOTD],
    "stat-merged": ["stat", "@tour", "/etc"],
    "stat-link": ["stat", "@tour", "/var/www"],
    "find": ["find", "@tour", "/srv"],
    "diff": ["diff", "@tour"],
    "manifest": ["manifest", "@tour"],
    "tour": ["tour"],
}


@pytest.mark.parametrize("name", VIEWS)
def test_plain(name: str, cli: Cli, golden: Golden) -> None:
    """The plain output is the one that was looked at and found good."""
    outcome = cli(*VIEWS[name])

    golden(f"{name}.txt", outcome.out)
    assert (0, "") == (outcome.status, outcome.err)


@pytest.mark.parametrize("name", VIEWS)
def test_plain_is_tidy(name: str, cli: Cli) -> None:
    """No line ends in blanks, and nothing is colored."""
    lines = cli(*VIEWS[name]).out.splitlines()

    assert lines == [line.rstrip() for line in lines]
    assert not any("\x1b" in line for line in lines)


def test_layers(cli: Cli) -> None:
    """`layers --json` has the digests, sizes and counts of the table."""
    document = cli("layers", "@tour", "--json").json
    rows = cli("layers", "@tour", "--full").out.splitlines()[2:]

    assert ["latest"] == document["names"]
    assert len(rows) == len(document["layers"])
    for row, layer in zip(rows, document["layers"], strict=True):
        number, digest, size, unit, entries, whiteouts, opaques, *_ = row.split()
        counts = (layer["entries"], layer["whiteouts"], layer["opaques"])

        assert (layer["layer"], f"sha256:{digest}") == (
            int(number),
            layer["digest"][:19],
        )
        assert (f"{layer['size']} B", counts) == (
            f"{size} {unit}",
            (int(entries), int(whiteouts), int(opaques)),
        )


def test_long_commands(whiteouts: Path, cli: Cli) -> None:
    """Commands are shortened unless they are asked for in full."""
    brief = cli("layers", whiteouts).out
    full = cli("layers", whiteouts, "--full").out

    assert max(map(len, brief.splitlines())) <= 58 + BRIEF_MAX
    assert "touch -d '2001-02-03 04:05:06' /c" in full
    assert "touch -d" not in brief


def test_oddities_are_told(images: Path, cli: Cli) -> None:
    """What is odd in an image is told below its layers."""
    file = images / "metadata" / "metadata-gnutar-posix.oci.tar"
    lines = cli("layers", file).out.splitlines()
    odd = cli("layers", file, "--json").json["oddities"]

    assert ["", *(f"odd: {each}" for each in odd)] == lines[-1 - len(odd) :]
    assert 4 == len(odd)  # three sparse files, and an empty xattr
    assert all(each.startswith("layer 0 (") for each in odd)


def test_ls(cli: Cli) -> None:
    """`ls --json` has the names of the plain list, and the layers that show."""
    entries = cli("ls", "@tour", "/etc", "--json").json["entries"]
    rows = cli("ls", "@tour", "/etc").out.splitlines()[1:]

    assert ["hosts", "motd", "os-release", "passwd", "tinyhttpd"] == [
        entry["name"] for entry in entries
    ]
    assert [",".join(map(str, entry["layers"])) for entry in entries] == [
        row[45:].split()[0] for row in rows
    ]
    assert [[0], [5], [0], [1], [3, 2, 1]] == [entry["layers"] for entry in entries]


def test_ls_of_a_link(cli: Cli) -> None:
    """A link to a directory is listed as the directory, one to a file as itself."""
    assert cli("ls", "@tour", "/srv/www").out == cli("ls", "@tour", "/var/www").out
    assert "/etc/os-release -> ../usr/lib/os-release" in (
        cli("ls", "@tour", "/etc/os-release").out
    )


def test_ls_of_nothing(cli: Cli) -> None:
    """An empty directory lists as nothing."""
    assert "" == cli("ls", "@tour", "/tmp").out
    assert [] == cli("ls", "@tour", "/tmp", "--json").json["entries"]


def test_relative_paths_start_at_the_root(cli: Cli) -> None:
    """A path without a slash in front starts at the image's root."""
    assert cli("ls", "@tour", "/etc").out == cli("ls", "@tour", "etc").out


def test_tree(cli: Cli) -> None:
    """`tree --json` lists just the entries that are drawn."""
    entries = cli("tree", "@tour", "--json").json["entries"]
    drawn = cli("tree", "@tour").out.splitlines()

    assert len(entries) == len(drawn) - 2
    assert [entry["name"] or "/" for entry in entries] == [
        line.lstrip("│├└─ ").split(" -> ")[0].removesuffix("/") or "/"
        for line in drawn[:-2]
    ]


def test_tree_of_marks_alone(cli: Cli) -> None:
    """A directory that a layer has only for a whiteout is drawn, and can be entered."""
    assert ["/etc/tinyhttpd", "└── mime.types (whiteout)", "", "1 whiteout"] == (
        cli("tree", "@tour", "/etc/tinyhttpd", "--layer", "3").out.splitlines()
    )


def test_tree_of_little(cli: Cli) -> None:
    """An empty directory has nothing in it, and of a file there is nothing to say."""
    assert "/var/log\n\nnothing in it\n" == cli("tree", "@tour", "/var/log").out
    assert "/etc/motd\n" == cli("tree", "@tour", MOTD).out


def test_cat(cli: Cli) -> None:
    """`cat` gives the bytes, and as data their digest as well."""
    document = cli("cat", "@tour", MOTD, "--json").json

    assert "Patched.\n" == cli("cat", "@tour", MOTD).out
    assert "Patched.\n" == document["text"]
    assert hashlib.sha256(b"Patched.\n").hexdigest() == document["sha256"]


def test_cat_of_an_older_layer(cli: Cli) -> None:
    """What is hidden can still be read where it is."""
    assert (
        "Welcome to TinyLinux 1.0.\n" == cli("cat", "@tour", MOTD, "--layer", "0").out
    )
    assert "Welcome to TinyLinux 1.0.\n" == cli("cat", "@tour", MOTD, "--upto", "3").out


def test_stat(cli: Cli) -> None:
    """`stat --json` has the attributes in the words of `manifest`."""
    status = cli("stat", "@tour", MOTD, "--json").json
    entry = cli("manifest", "@tour", "--json").json["root"][MOTD]

    assert {**entry, **status} == {**status, "sha256": entry["sha256"]}
    assert [5] == status["layers"]


def test_stat_follows_on_request(cli: Cli) -> None:
    """`stat` describes a link, and with `-L` what it leads to."""
    assert "symlink" == cli("stat", "@tour", "/var/www", "--json").json["type"]
    assert "/srv/www" == cli("stat", "-L", "@tour", "/var/www", "--json").json["path"]


@pytest.mark.parametrize("name", ["metadata-umoci", "metadata-gnutar-posix"])
def test_stat_of_everything(name: str, images: Path, cli: Cli) -> None:
    """Every kind of entry can be described: devices, pipes, xattrs, odd names."""
    file = images / "metadata" / f"{name}.oci.tar"
    root = cli("manifest", file, "--json", "--no-digests").json["root"]
    for path, entry in root.items():
        outcome = cli("stat", file, path, "--json")

        assert 0 == outcome.status, path
        assert entry["type"] == outcome.json["type"]
        assert entry.get("xattrs", {}) == outcome.json["xattrs"]
        assert 0 == cli("stat", file, path).status


def test_names_that_are_not_utf8(images: Path, cli: Cli) -> None:
    """Names that are not UTF-8 or not printable survive JSON, and are escaped in text."""
    file = images / "metadata" / "metadata-umoci.oci.tar"
    paths = {item["path"] for item in cli("find", file, "--json").json["found"]}
    with open_image(file) as image:
        expected = set(manifest(image, digests=False)["root"])

    assert expected == paths
    assert any("\udc80" <= char <= "\udcff" for path in paths for char in path)
    assert cli("find", file).out.encode()
    assert len(paths) == len(cli("find", file).out.splitlines())


def test_find(cli: Cli) -> None:
    """`find` fits names and types, and walks from where it is told."""
    assert "/srv/www/about.html\n/srv/www/index.html\n" == (
        cli("find", "@tour", "/", "--name", "*.html", "--type", "f").out
    )
    assert ["/var/www"] == cli("find", "@tour", "/var", "--type", "lc").out.split()
    assert "" == cli("find", "@tour", "--name", "none").out


def test_find_whiteouts(cli: Cli) -> None:
    """In one layer, whiteouts can be found as well."""
    assert ["/etc/motd", "/etc/tinyhttpd/mime.types", "/var/cache/pkg"] == (
        cli("find", "@tour", "--layer", "3", "--type", "w").out.split()
    )


def test_find_with_nul(cli: Cli) -> None:
    """With `-0` paths end in NUL."""
    assert "/srv/www/css\0/srv/www/css/site.css\0" == (
        cli("find", "@tour", "/srv/www/css", "-0").out
    )


def test_diff_of_one_layer(cli: Cli) -> None:
    """`diff --layer` tells what one layer did."""
    assert ["C /srv", "C /srv/www", "A /srv/www/about.html", "A /srv/www/css",
            "A /srv/www/css/site.css", "C /srv/www/index.html", "D /srv/www/manual"] == (
        cli("diff", "@tour", "--layer", "4").out.splitlines()
    )  # fmt: skip


def test_diff_as_data(cli: Cli) -> None:
    """`diff --json` has the changes of the plain one, with their layers."""
    found = cli("diff", "@tour", "--json").json["changes"]
    lines = [line for line in cli("diff", "@tour").out.splitlines() if line[1:2] == " "]

    assert lines == [f"{change['kind']} {change['path']}" for change in found]
    assert {1, 2, 3, 4, 5} == {change["layer"] for change in found}


def test_diff_of_a_base_alone(images: Path, cli: Cli) -> None:
    """An image of one layer shows what that adds."""
    outcome = cli("diff", images / "forms" / "rules-main.layer0.tar")

    assert {"A"} == {line[0] for line in outcome.out.splitlines()}


@pytest.mark.parametrize(
    "image", ["rules-main.oci.tar", "churn/churn-umoci-21.oci.tar"]
)
def test_diff_between_is_diff_of_layers(image: str, images: Path) -> None:
    """Comparing two views that differ by one layer is what that layer did."""
    with open_image(images / image) as opened:
        layers = opened.layers_base_first
        for number, layer in enumerate(layers):
            below = Stack(layers[:number][::-1])
            alone = changes(layer.root, below.root)

            assert alone == compare(layers[:number], [layer])


@pytest.mark.parametrize(
    "image", ["rules-main.oci.tar", "churn/churn-umoci-21.oci.tar"]
)
def test_diff_from_nothing(image: str, images: Path) -> None:
    """Comparing with nothing adds every path of the image."""
    with open_image(images / image) as opened:
        fs = UnionFS(opened.layers_top_first(), read_only=True)
        paths = sorted(
            f"{directory.rstrip('/')}/{name}"
            for directory, directories, files in fs.walk()
            for name in (*directories, *files)
        )

        assert paths == sorted(
            change.path for change in compare([], opened.layers_base_first)
        )


def test_diff_of_nothing(cli: Cli) -> None:
    """No layers between two views: nothing changed."""
    assert "" == cli("diff", "@tour", "--from", "3", "--to", "3").out


def test_manifest(cli: Cli) -> None:
    """`manifest --json` is the library's document, and the table has its paths."""
    document = cli("manifest", "@tour", "--json").json
    rows = cli("manifest", "@tour").out.splitlines()[1:]
    with open_image(TOUR) as image:
        assert manifest(image) == document

    assert list(document["root"]) == [row[60:].split(" -> ")[0] for row in rows]


def test_manifest_without_digests(cli: Cli) -> None:
    """Without digests no file is read."""
    root = cli("manifest", "@tour", "--json", "--no-digests").json["root"]

    assert "sha256" not in root[MOTD]
    assert root[MOTD]["size"] == 9


def test_tour_is_short_enough_and_runs_what_it_shows(cli: Cli) -> None:
    """The tour fits in a few screens, and what it shows is what its code printed."""
    text = cli("tour").out
    acts = cli("tour", "--json").json["acts"]

    assert len(text.splitlines()) <= 100
    assert 8 == len(acts)
    for act in acts:
        assert act["title"] in text
        for step in act["steps"]:
            for line in (*step["code"], *step["output"]):
                assert line in text


def test_commands_of_the_tour(cli: Cli) -> None:
    """Each command line that the tour names works."""
    acts = cli("tour", "--json").json["acts"]
    commands = [act["command"] for act in acts if act["command"]]

    assert 5 == len(commands)
    for command in commands:
        assert 0 == cli(*command.split()[1:]).status, command


def test_index_changes_nothing_but_the_time(
    cli: Cli, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an index each command says what it says without one."""
    monkeypatch.setattr("unionfs_sim.image.index.SETTLED_NS", -1_000_000_000)
    monkeypatch.setenv(source.INDEX_VARIABLE, str(tmp_path))
    for _ in range(2):
        for name in ("layers", "diff", "manifest"):
            golden(f"{name}.txt", cli(*VIEWS[name]).out)
        assert 6 == len(list(tmp_path.glob("*.layer")))
    tmp_path.chmod(0o777)
    outcome = cli("layers", "@tour")

    assert 2 == outcome.status
    assert "others can write there" in outcome.err
