"""Parsing, running and telling: errors become one line and a status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, NoReturn

from unionfs_sim import __version__
from unionfs_sim.cli.table import COMMANDS, Command

PROGRAM: Final = "unionfs-sim"
_COLUMNS: Final = 80


_ABOUT: Final = (
    "Look into container images as a union file system shows them: layer on layer, "
    "with whiteouts and opaque directories, and the reason for every answer. "
    "Nothing is mounted, and no root is needed."
)


class _Formatter(argparse.HelpFormatter):
    """Formats help without `shutil`, whose import takes longer than all the rest."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """Give the width of the terminal, or 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _COLUMNS
    except (AttributeError, ValueError, OSError):
        return _COLUMNS


class _Parser(argparse.ArgumentParser):
    """A parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        sys.stderr.write(f"{self.prog}: {message}; see {self.prog} --help\n")
        raise SystemExit(2)


def make_parser(commands: Sequence[Command] = COMMANDS) -> argparse.ArgumentParser:
    """Make the parser of a table of commands."""
    parser = _Parser(
        prog=PROGRAM,
        description=_ABOUT,
        epilog=f"Start with: {PROGRAM} tour",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"{PROGRAM} {__version__}"
    )
    places = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )
    for command in commands:
        made = places.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}. {command.about}",
            epilog=f"Example: {PROGRAM} {command.example}",
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        exclusive = None  # made when needed: some versions cannot show an empty one
        for each in command.options:
            place: argparse._ActionsContainer = made
            if each.exclusive:
                exclusive = exclusive or made.add_mutually_exclusive_group()
                place = exclusive
            place.add_argument(*each.flags, **each.settings)
        made.add_argument("--json", action="store_true", help="print one JSON document")
        made.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="whether to color [auto: on a terminal, unless NO_COLOR is set]",
        )
        made.set_defaults(run=command.run)
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments, run the command, show its report, give the status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if " ".join(words[:2]) in {command.name for command in COMMANDS}:
        words[:2] = [" ".join(words[:2])]  # a command of two words, as argparse sees it
    try:
        options = make_parser().parse_args(words)
    except SystemExit as stop:  # --help, --version, wrong use
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return _run(options)
    except BrokenPipeError:
        raise
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        status, text = told
        sys.stderr.write(f"{PROGRAM}: {text}\n")
        return status


def _run(options: argparse.Namespace) -> int:
    from unionfs_sim.cli import view  # noqa: PLC0415 - help does without

    module, _, name = options.run.partition(":")
    function: Callable[..., Any] = getattr(
        importlib.import_module(f"unionfs_sim.cli.commands.{module}"), name
    )
    with ExitStack() as resources:
        report = function(options, resources)
        view.show(report, sys.stdout, as_json=options.json, color=options.color)
        if report.then is not None:
            report.then()
    status: int = report.status
    return status


def _told(error: Exception) -> tuple[int, str] | None:
    """Give status and line for an error that is not a bug of ours."""
    import errno  # noqa: PLC0415 - help does without

    from unionfs_sim.cli.report import (  # noqa: PLC0415 - likewise
        BROKEN,
        FAILED,
        WRONG,
        AbsentError,
        BrokenError,
        UsageError,
    )
    from unionfs_sim.core.render import printable  # noqa: PLC0415 - likewise
    from unionfs_sim.errors import (  # noqa: PLC0415 - likewise
        FormatError,
        SpecError,
        UnionFSError,
    )

    match error:
        case BrokenError():
            return BROKEN, printable(str(error))
        case AbsentError():
            return FAILED, str(error)
        case UsageError():
            return WRONG, str(error)
        case FormatError() | SpecError():
            return WRONG, printable(str(error))
        case OSError():
            # The image's own file that cannot be read any more is wrong input.
            inside = isinstance(error, UnionFSError)
            inside = inside and error.errno not in {errno.EIO, errno.EBADF}
            place = f"{error.filename}: " if error.filename is not None else ""
            reason = error.strerror or str(error)
            return FAILED if inside else WRONG, printable(f"{place}{reason}")
        case _:
            return None
