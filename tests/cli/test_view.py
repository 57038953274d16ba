"""Plain, colored and encoded: the same lines, whatever the terminal."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from tests.cli.conftest import Cli
from unionfs_sim.cli import view
from unionfs_sim.cli.report import Items, Line, Lines, Report, Table, UsageError, line

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

COMMANDS = [
    ["tour"],
    ["layers", "@tour"],
    ["ls", "@tour", "/etc"],
    ["tree", "@tour", "--layer", "4"],
    ["stat", "@tour", "/etc"],
    ["explain", "@tour", "/etc/motd"],
    ["diff", "@tour"],
    ["manifest", "@tour"],
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Give ``True``."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout a terminal of 80 columns."""
    stream = Terminal()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def shown(report: Report, stream: io.StringIO, color: str = "auto") -> str:
    view.show(report, stream, as_json=False, color=color)
    return stream.getvalue()


REPORT = Report(blocks=[Lines([line("gone", "whiteout"), line("plain")])])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_color_changes_nothing_but_color(command: list[str], cli: Cli) -> None:
    """Without its escape sequences, colored output is the plain one."""
    pytest.importorskip("rich", reason="the extra cli is not installed")
    colored = cli(*command, "--color", "always").out
    plain = cli(*command).out

    assert "\x1b[" in colored
    assert plain == "".join(
        f"{text.rstrip(' ')}\n" for text in ESCAPE.sub("", colored).splitlines()
    )


def test_json_is_never_colored(cli: Cli) -> None:
    """`--json` stays JSON, whatever the color."""
    assert cli("layers", "@tour", "--json").out == (
        cli("layers", "@tour", "--json", "--color", "always").out
    )


def test_terminal_is_colored(terminal: Terminal) -> None:
    """A terminal gets color if rich is there."""
    pytest.importorskip("rich", reason="the extra cli is not installed")

    assert "\x1b[1;31mgone\x1b[0m\nplain\n" == shown(REPORT, terminal)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminal_that_wants_no_color(
    variable: str, value: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`NO_COLOR` and dumb terminals are respected; asking for color wins."""
    monkeypatch.setenv(variable, value)

    assert "gone\nplain\n" == shown(REPORT, terminal)
    pytest.importorskip("rich", reason="the extra cli is not installed")
    assert "\x1b[1;31mgone" in shown(REPORT, Terminal(), "always")


def test_never(terminal: Terminal) -> None:
    """`--color never` is respected on a terminal."""
    assert "gone\nplain\n" == shown(REPORT, terminal, "never")


def test_without_rich(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rich a terminal gets plain text, and asking for color names the extra."""
    monkeypatch.setitem(sys.modules, "rich", None)

    assert "gone\nplain\n" == shown(REPORT, terminal)
    with pytest.raises(UsageError, match=r"pip install 'unionfs-sim\[cli\]'"):
        shown(REPORT, Terminal(), "always")


def test_stream_that_cannot_draw() -> None:
    """Where the encoding has no lines, trees are drawn with what there is."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    report = Report(blocks=[Lines([line("├── a"), line("│   └── é")])])
    view.show(report, stream, as_json=False, color="auto")

    assert b"|-- a\n|   `-- \\xe9\n" == raw.getvalue()


def test_flexible_table_is_cut_on_a_terminal(terminal: Terminal) -> None:
    """The last column of a flexible table ends where the terminal does."""
    rows: list[Line] = [(("a", ""), ("x" * 100, ""))]
    flexible = Report(blocks=[Table(("A", "B"), rows, flexible=True)])
    stiff = Report(blocks=[Table(("A", "B"), rows)])

    assert ["A  B", f"a  {'x' * 76}…"] == shown(
        flexible, terminal, "never"
    ).splitlines()
    assert ["A  B", f"a  {'x' * 100}"] == shown(stiff, Terminal(), "never").splitlines()


def test_empty_table() -> None:
    """A table without rows and header is nothing."""
    assert "" == shown(Report(blocks=[Table((), [])]), io.StringIO())


@pytest.mark.parametrize("count", [0, 1, 1_000, 1_001])
def test_items_are_written_like_a_list(count: int) -> None:
    """An array that comes one by one has the text of one that is there."""
    items = [{"path": f"/{number}\n", "layer": number} for number in range(count)]
    stream = io.StringIO()
    data = {"before": [], "changes": Items(iter(items)), "after": {"a": [1]}}
    view.show(Report(data=lambda: data), stream, as_json=True, color="auto")

    assert json.dumps({**data, "changes": items}, indent=2) + "\n" == stream.getvalue()
