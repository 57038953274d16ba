"""
The command line; ``unionfs_sim.cli.main`` is the entry point.

Commands return a `Report`, and none of them prints: `view` does, and `app` turns errors
into one line and an exit status.  What a command needs is imported when it runs, so
that ``--help`` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

#: What a shell gives for a process that SIGINT or SIGPIPE ended.
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line, and give its exit status.

    Args:
        argv: The arguments after the command's name; those of the process by default.

    Returns:
        0 if all went well, 1 if what was looked for is not there, 2 for wrong use or
        input that cannot be read.

    Raises:
        SystemExit: SIGTERM came, which ends a command as Ctrl-C does: with 143, once
            all that it had begun is removed.
    """
    try:
        with _ended_politely():
            from unionfs_sim.cli.app import run  # noqa: PLC0415 - Ctrl-C may come here

            return run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _give_up_stdout()
        return PIPE_CLOSED


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Let SIGTERM unwind the command, unless somebody has a say in it already."""
    import signal  # noqa: PLC0415 - Ctrl-C may come here

    def end(number: int, _: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one waits
        raise SystemExit(128 + number)

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    try:
        signal.signal(signal.SIGTERM, end)
    except ValueError:  # only the main thread may
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _give_up_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not complain."""
    import os  # noqa: PLC0415 - only needed here
    import sys  # noqa: PLC0415 - likewise

    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a stdout that is no real file has no such flush
        pass
