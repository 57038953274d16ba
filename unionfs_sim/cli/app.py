"""The tree of commands, made from one table; and errors as one line and a status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, NoReturn

import attrs

from unionfs_sim import __version__

PROGRAM: Final = "unionfs-sim"
_COLUMNS: Final = 80


@attrs.frozen
class Option:
    """
    An argument of a command.

    Attributes:
        flags: Its names; one without dashes is positional.
        settings: What else `argparse` is told of it.
        exclusive: Whether it goes with no other exclusive option.
    """

    flags: tuple[str, ...]
    settings: Mapping[str, Any]
    exclusive: bool = False


@attrs.frozen
class Command:
    """
    A command.

    Attributes:
        name: Its name.
        help: What it does, in a few words.
        run: Module and function that do it, imported when it runs.
        options: What it takes.
        about: What else there is to say.
        example: A command line that works.
    """

    name: str
    help: str
    run: str
    options: tuple[Option, ...] = ()
    about: str = ""
    example: str = ""


def option(*flags: str, exclusive: bool = False, **settings: Any) -> Option:
    """Describe an option."""
    return Option(flags, settings, exclusive)


def levels(text: str) -> int:
    """Read a number of levels."""
    if text.isascii() and text.isdigit():
        return int(text)
    msg = f"{text!r} is no number of levels"
    raise argparse.ArgumentTypeError(msg)


def letters(text: str) -> str:
    """Read the letters of types."""
    wrong = set(text) - set("fdlcbpsw")
    if text and not wrong:
        return text
    msg = f"{text!r} is not made of the letters f d l c b p s w"
    raise argparse.ArgumentTypeError(msg)


IMAGE: Final = option(
    "image",
    metavar="IMAGE",
    help="OCI layout, OCI or docker archive, or layer tar; "
    "PATH@NAME for one image of several; @tour for the one that ships with this",
)
PATH: Final = option("path", metavar="PATH", help="a path in the image")
TOP: Final = option(
    "path", metavar="PATH", nargs="?", default="/", help="a path in the image [/]"
)
LAYER: Final = option(
    "--layer",
    metavar="N",
    type=int,
    exclusive=True,
    help="layer N alone, whiteouts and all; the base is layer 0",
)
UPTO: Final = option(
    "--upto",
    metavar="N",
    type=int,
    exclusive=True,
    help="only the first N layers: layers 0 to N-1",
)

_ABOUT: Final = (
    "Look into container images as a union file system shows them: layer on layer, "
    "with whiteouts and opaque directories, and the reason for every answer. "
    "Nothing is mounted, and no root is needed."
)

COMMANDS: Final = (
    Command(
        "tour",
        "a guided walk through the main ideas, on a small image",
        "tour:tour",
        about="Runs a few lines of Python, act by act, and shows what they give.",
        example="tour",
    ),
    Command(
        "layers",
        "the layers of an image, base first",
        "inventory:layers",
        (
            IMAGE,
            option("--full", action="store_true", help="do not shorten the commands"),
        ),
        about="Layers are numbered from 0, the base; every other command takes these "
        "numbers.",
        example="layers @tour",
    ),
    Command(
        "ls",
        "list a directory of the merged view",
        "listing:ls",
        (
            IMAGE,
            TOP,
            option("-R", "--recursive", action="store_true", help="with all below it"),
            LAYER,
            UPTO,
        ),
        about="The column LAYER says which layer shows; a directory that merges names "
        "several, top first.",
        example="ls @tour /etc",
    ),
    Command(
        "tree",
        "draw a directory and all that is in it",
        "listing:tree",
        (
            IMAGE,
            TOP,
            option(
                "--depth", metavar="N", type=levels, help="only N levels of directories"
            ),
            LAYER,
            UPTO,
        ),
        example="tree @tour --layer 3",
    ),
    Command(
        "cat",
        "write a file to stdout",
        "reading:cat",
        (IMAGE, PATH, LAYER, UPTO),
        example="cat @tour /etc/motd",
    ),
    Command(
        "stat",
        "all attributes of an entry, and where it comes from",
        "reading:stat",
        (
            IMAGE,
            PATH,
            option(
                "-L",
                "--follow",
                action="store_true",
                help="follow a symbolic link at the end",
            ),
            LAYER,
            UPTO,
        ),
        example="stat @tour /etc/motd",
    ),
    Command(
        "find",
        "list the paths below a directory that fit",
        "listing:find",
        (
            IMAGE,
            TOP,
            option("--name", metavar="GLOB", help="whose name fits, as in '*.conf'"),
            option(
                "--type",
                metavar="LETTERS",
                type=letters,
                help="whose type is one of: f file, d directory, l symbolic link, "
                "c and b device, p fifo, s socket, w whiteout (with --layer)",
            ),
            option(
                "-0",
                "--null",
                action="store_true",
                help="end each path with NUL, and escape nothing",
            ),
            LAYER,
            UPTO,
        ),
        example="find @tour / --name '*.html' --type f",
    ),
    Command(
        "explain",
        "why a path is there or not, layer by layer",
        "explaining:explain",
        (
            IMAGE,
            PATH,
            option(
                "--no-follow",
                dest="follow",
                action="store_false",
                help="do not follow a symbolic link at the end",
            ),
            LAYER,
            UPTO,
        ),
        about="For each name on the way: the layers that were asked, what they "
        "answered, the links taken, and what hides the rest. "
        "Exits with 0 also for a path that is not there: that is a story too.",
        example="explain @tour /etc/motd",
    ),
    Command(
        "diff",
        "what layers added, changed and deleted",
        "differences:diff",
        (
            IMAGE,
            option(
                "--layer",
                metavar="N",
                type=int,
                exclusive=True,
                help="what layer N changed",
            ),
            option(
                "--from",
                metavar="A",
                type=int,
                dest="from_count",
                help="what changed from the first A layers [0] ...",
            ),
            option(
                "--to",
                metavar="B",
                type=int,
                dest="to_count",
                help="... to the first B layers [all]",
            ),
        ),
        about="Without options: each layer in turn but the base, which adds all it has.",
        example="diff @tour --from 2 --to 4",
    ),
    Command(
        "manifest",
        "the whole merged view, entry by entry",
        "inventory:manifest",
        (
            IMAGE,
            option(
                "--no-digests",
                dest="digests",
                action="store_false",
                help="do not read the files for their SHA-256",
            ),
        ),
        example="manifest @tour --json",
    ),
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
    try:
        options = make_parser().parse_args(argv)
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
    status: int = report.status
    return status


def _told(error: Exception) -> tuple[int, str] | None:
    """Give status and line for an error that is not a bug of ours."""
    import errno  # noqa: PLC0415 - help does without

    from unionfs_sim.cli.report import (  # noqa: PLC0415 - likewise
        FAILED,
        WRONG,
        AbsentError,
        UsageError,
    )
    from unionfs_sim.core.render import printable  # noqa: PLC0415 - likewise
    from unionfs_sim.errors import (  # noqa: PLC0415 - likewise
        FormatError,
        SpecError,
        UnionFSError,
    )

    match error:
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
