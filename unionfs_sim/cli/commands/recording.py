"""``docker record``: record sessions of the real client with a real engine."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from unionfs_sim.cli import progress
from unionfs_sim.cli.commands.docker import chosen_client, chosen_scenarios
from unionfs_sim.cli.report import FAILED, Lines, Report, UsageError, counted, line
from unionfs_sim.core.render import printable
from unionfs_sim.errors import ExistsError
from unionfs_sim.image.sinks import new_file

_SOCKET: Final = "unix:///var/run/docker.sock"


def record(options: Namespace, _: ExitStack) -> Report:
    """Record sessions."""
    try:
        from unionfs_sim.testing.docker import realengine  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "docker record needs h11: pip install 'unionfs-sim[docker]'"
        raise UsageError(msg) from error
    from unionfs_sim.testing.docker import client, scenarios  # noqa: PLC0415 - likewise
    from unionfs_sim.testing.docker import record as recording  # noqa: PLC0415

    wanted = chosen_scenarios(scenarios.read_wanted(options.file), options)
    program, _version = chosen_client(options)
    address = options.host or os.environ.get("DOCKER_HOST") or _SOCKET
    try:
        with (
            # First, as nobody should lose an hour's work to a name that is taken.
            new_file(Path(options.out), replace=options.force) as out,
            _ended_politely(),
            realengine.real_engine(
                lambda folder: client.DockerClient(program, address, folder),
                files=any(map(recording.uses_data, wanted)),
            ) as engine,
            progress.line() as tell,
        ):
            done = engine.record(
                wanted, lambda done, of: tell(f"{done} of {of} scenarios")
            )
            text = scenarios.recording_text(
                done,
                engine=engine.engine,
                storage_driver=engine.storage_driver,
                base_image=engine.base_image,
            ).encode()
            packed = options.out.endswith(".gz")
            out.write(gzip.compress(text, 9, mtime=0) if packed else text)
    except ExistsError as error:
        msg = f"{options.out}: {error.strerror}; --force replaces it"
        raise UsageError(msg) from error
    except realengine.UnfitError as error:
        msg = f"{address}: {error}"
        raise UsageError(msg) from error
    except recording.NotRecordedError as error:
        failed = str(error)
        return Report(
            blocks=[Lines([line(printable(f"not recorded: {failed}"))])],
            data=lambda: {"recorded": 0, "steps": 0, "error": failed},
            status=FAILED,
        )
    steps = sum(len(each.steps) for each in done)
    told = f"{counted(len(done), 'scenario')}, {counted(steps, 'step')}"
    return Report(
        blocks=[Lines([line(printable(f"{options.out}: {told}, {engine.engine}"))])],
        data=lambda: {
            "recorded": len(done),
            "steps": steps,
            "engine": engine.engine,
            "out": options.out,
        },
    )


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that nothing is left behind."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
