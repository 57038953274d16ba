"""The tree of commands: help, version, wrong use, exit statuses."""

from __future__ import annotations

import errno
import os
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

import pytest

import unionfs_sim
from tests.cli.conftest import GOLDEN, UPDATE, Cli
from unionfs_sim.cli import main, table
from unionfs_sim.cli.commands import listing
from unionfs_sim.cli.report import Report
from unionfs_sim.errors import fs_error

#: The commands that look at images; all of them work on `@tour`.
NAMES = [
    "tour",
    "layers",
    "ls",
    "tree",
    "cat",
    "stat",
    "find",
    "explain",
    "diff",
    "manifest",
]
COMMANDS = [command for command in table.COMMANDS if command.name in NAMES]


def test_commands_are_in_the_order_of_a_first_visit() -> None:
    """The table has the commands that look at images, in order, and nothing twice."""
    names = [command.name for command in table.COMMANDS]

    assert [command.name for command in COMMANDS] == NAMES
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, cli: Cli) -> None:
    """Help says the golden words; argparse breaks lines in its own way each year."""
    outcome = cli(name, "--help")
    file = GOLDEN / f"help-{name}.txt"
    if os.environ.get(UPDATE):
        file.write_text(outcome.out, encoding="utf-8")

    assert file.read_text(encoding="utf-8").split() == outcome.out.split()
    assert (0, "") == (outcome.status, outcome.err)


def test_help_lists_every_command(cli: Cli) -> None:
    """The first help says what there is, and where to start."""
    words = cli("--help").out.split()

    for command in table.COMMANDS:
        assert set(command.name.split()) <= set(words)
        assert not set(command.help.split()) - set(words)
    assert ["unionfs-sim", "tour"] == words[-2:]


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_example_works(command: table.Command, cli: Cli) -> None:
    """The example that a command's help gives can be run as it stands."""
    outcome = cli(*command.example.replace("'", "").split())

    assert (0, "") == (outcome.status, outcome.err)
    assert outcome.out


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_every_command_has_json(command: table.Command, cli: Cli) -> None:
    """`--json` gives one document, whatever the command."""
    outcome = cli(*command.example.replace("'", "").split(), "--json")

    assert isinstance(outcome.json, dict)
    assert (0, "") == (outcome.status, outcome.err)


def test_version(cli: Cli) -> None:
    """`--version` names the package's version."""
    outcome = cli("--version")

    assert (0, f"unionfs-sim {unionfs_sim.__version__}\n") == (
        outcome.status,
        outcome.out,
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "unionfs-sim: the following arguments are required: COMMAND"),
        (["frob"], "unionfs-sim: argument COMMAND: invalid choice: 'frob'"),
        (["ls"], "unionfs-sim ls: the following arguments are required: IMAGE"),
        (["cat", "@tour"], "unionfs-sim cat: the following arguments are required: PATH"),
        (["ls", "@tour", "--layer", "x"], "unionfs-sim ls: argument --layer: invalid"),
        (["ls", "@tour", "--layer", "9"], "unionfs-sim: there is no layer 9: @tour has layers 0 to 5\n"),
        (["ls", "@tour", "--layer", "-1"], "unionfs-sim: there is no layer -1: @tour has layers 0 to 5\n"),
        (["ls", "@tour", "--upto", "0"], "unionfs-sim: --upto 0: @tour has 6 layers, so --upto takes 1 to 6\n"),
        (["ls", "@tour", "--upto", "7"], "unionfs-sim: --upto 7: @tour has 6 layers, so --upto takes 1 to 6\n"),
        (["ls", "@tour", "--layer", "1", "--upto", "1"], "unionfs-sim ls: argument --upto: not allowed with"),
        (["find", "@tour", "--type", "x"], "unionfs-sim find: argument --type: 'x' is not made of"),
        (["tree", "@tour", "--depth", "-1"], "unionfs-sim tree: argument --depth: '-1' is no number"),
        (["diff", "@tour", "--layer", "6"], "unionfs-sim: there is no layer 6: @tour has layers 0 to 5\n"),
        (["diff", "@tour", "--to", "7"], "unionfs-sim: --to 7: @tour has 6 layers, so --to takes 0 to 6\n"),
        (["diff", "@tour", "--from", "-1"], "unionfs-sim: --from -1: @tour has 6 layers, so --from takes 0 to 6\n"),
        (["diff", "@tour", "--from", "3", "--to", "2"], "unionfs-sim: --from 3 --to 2: the first must not be the greater one\n"),
        (["diff", "@tour", "--layer", "3", "--to", "2"], "unionfs-sim: --layer goes with neither --from nor --to\n"),
    ],
)  # fmt: skip
def test_wrong_use(arguments: list[str], told: str, cli: Cli) -> None:
    """Wrong use is one line on stderr and status 2."""
    outcome = cli(*arguments)

    assert (2, "") == (outcome.status, outcome.out)
    assert told == outcome.err[: len(told)]
    assert 1 == outcome.err.count("\n")


def test_layer_numbers_of_one_layer(images: Path, cli: Cli) -> None:
    """An image of one layer names that one."""
    outcome = cli("ls", images / "forms" / "rules-main.layer0.tar", "--layer", "1")

    assert outcome.err.endswith("has layer 0 alone\n")


def raising(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: Namespace, resources: ExitStack) -> Report:
        raise error

    monkeypatch.setattr(listing, "ls", fail)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (fs_error(errno.ELOOP, "/a", op="stat"), 1, "/a: Too many levels of symbolic links"),
        (fs_error(errno.EIO, "x.tar", op="read"), 2, "x.tar: Input/output error"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2, "x: Permission denied"),
        (OSError("odd"), 2, "odd"),
        (unionfs_sim.FormatError("two\nlines"), 2, r"two\nlines"),
    ],
)  # fmt: skip
def test_errors_are_lines(
    error: Exception,
    status: int,
    told: str,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a command raises is told in one line, with the status of its family."""
    raising(error, monkeypatch)
    outcome = cli("ls", "@tour")

    assert (status, f"unionfs-sim: {told}\n") == (outcome.status, outcome.err)


def test_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that can only be a bug of ours keeps its traceback."""
    raising(ZeroDivisionError(), monkeypatch)

    with pytest.raises(ZeroDivisionError):
        main(["ls", "@tour"])


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, 130), (BrokenPipeError, 141)]
)
def test_signals(
    error: type[BaseException], status: int, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """Ctrl-C and a closed pipe end quietly, with what a shell calls them."""

    def fail(options: Namespace, resources: ExitStack) -> Report:
        raise error

    monkeypatch.setattr(listing, "ls", fail)
    outcome = cli("ls", "@tour")

    assert (status, "", "") == (outcome.status, outcome.out, outcome.err)
