"""``docker``: serve an engine, replay recorded sessions of the real client."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Final

from unionfs_sim.cli import progress
from unionfs_sim.cli.report import (
    FAILED,
    GOOD,
    Line,
    Lines,
    Report,
    UsageError,
    line,
    tally,
)
from unionfs_sim.core.render import printable

if TYPE_CHECKING:
    from unionfs_sim.containers.api.server import Server
    from unionfs_sim.containers.engine import Engine
    from unionfs_sim.testing.docker.replay import Difference, Result
    from unionfs_sim.testing.docker.scenarios import Scenario

SOCKET: Final = "unionfs-sim.sock"


# --- serve ---------------------------------------------------------------------------


def serve(options: Namespace, resources: ExitStack) -> Report:
    """Serve an engine until somebody says stop."""
    try:
        from unionfs_sim.containers.api.server import (  # noqa: PLC0415 - an extra
            Server,
        )
    except ImportError as error:
        msg = "docker serve needs h11: pip install 'unionfs-sim[docker]'"
        raise UsageError(msg) from error
    engine = _engine(options, resources)
    server = resources.enter_context(Server(engine))
    addresses = list(_listen(server, options))
    return Report(
        blocks=[
            Lines([
                line(f"export DOCKER_HOST={address}", "code") for address in addresses
            ])
        ],
        data=lambda: {"addresses": addresses},
        then=_until_told,
    )  # fmt: skip


def _engine(options: Namespace, resources: ExitStack) -> Engine:
    from unionfs_sim.containers.engine import Engine  # noqa: PLC0415 - not for --help
    from unionfs_sim.containers.errors import EngineError  # noqa: PLC0415 - likewise
    from unionfs_sim.containers.ids import random_id  # noqa: PLC0415 - likewise
    from unionfs_sim.containers.scheduling import Timeline  # noqa: PLC0415 - likewise

    clock = Timeline(time.time_ns, real=True)
    engine = resources.enter_context(
        Engine.with_busybox(clock=clock, ids=random_id, state=options.state)
    )
    for path in options.image:
        try:
            engine.images.load(os.fspath(path))
        except EngineError as error:
            msg = f"{path}: {error.message}"
            raise UsageError(msg) from error
    if options.setup is not None:
        setup = runpy.run_path(options.setup).get("setup")
        if not callable(setup):
            msg = f"{options.setup} has no function setup(engine)"
            raise UsageError(msg)
        setup(engine)
    return engine


def _listen(server: Server, options: Namespace) -> Iterator[str]:
    if options.socket is not None or options.tcp is None:
        yield server.listen_unix(options.socket or SOCKET)
    if options.tcp is not None:
        yield _listen_tcp(server, options)


def _listen_tcp(server: Server, options: Namespace) -> str:
    from unionfs_sim.containers.api.server import (  # noqa: PLC0415 - an extra
        is_loopback,
    )

    host, _, port = options.tcp.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit():
        msg = f"--tcp {options.tcp}: HOST:PORT is wanted, such as 127.0.0.1:2375"
        raise UsageError(msg)
    if not is_loopback(host):
        if not options.anywhere:
            msg = (
                f"--tcp {options.tcp}: other machines could reach {host}, and there is"
                " no password; say --anywhere if that is meant"
            )
            raise UsageError(msg)
        sys.stderr.write(
            f"unionfs-sim: warning: every machine that reaches {host}:{port} can do"
            " all that a client can, for there is no password\n"
        )
    return server.listen_tcp(host, int(port))


def _until_told() -> None:
    """Wait for Ctrl-C, or for SIGTERM."""
    told = threading.Event()

    def tell(_: int, __: FrameType | None) -> None:
        told.set()

    before = {
        each: signal.signal(each, tell) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        while not told.wait(3600):
            pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


# --- replay --------------------------------------------------------------------------


def replay(options: Namespace, _: ExitStack) -> Report:
    """Replay recorded sessions."""
    from unionfs_sim.testing.docker import scenarios  # noqa: PLC0415 - not for --help

    try:
        from unionfs_sim.testing.docker import replay as replaying  # noqa: PLC0415
    except ImportError as error:
        msg = "docker replay needs h11: pip install 'unionfs-sim[docker]'"
        raise UsageError(msg) from error
    recording = scenarios.read_recording(options.file)
    chosen = chosen_scenarios(recording.scenarios, options)
    program, version = chosen_client(options)
    with progress.line() as tell:
        results = list(
            replaying.replay(
                recording,
                chosen,
                program,
                jobs=options.jobs,
                progress=lambda done, of: tell(f"{done} of {of} scenarios"),
            )
        )
    failures = [result for result in results if not result.passed]
    return Report(
        blocks=[Lines(_lines(results, failures, version))],
        data=lambda: {
            "client": version,
            "passed": len(results) - len(failures),
            "failed": len(failures),
            "total": len(results),
            "failures": [_document(failure) for failure in failures],
        },
        status=FAILED if failures else GOOD,
    )


def chosen_scenarios(
    scenarios: tuple[Scenario, ...], options: Namespace
) -> tuple[Scenario, ...]:
    """Give the scenarios that were named, or all."""
    if not options.scenario:
        return scenarios
    chosen = tuple(each for each in scenarios if each.id in options.scenario)
    unknown = sorted({*options.scenario} - {each.id for each in chosen})
    if unknown:
        msg = f"{options.file}: no scenario has the id {unknown[0]!r}"
        raise UsageError(msg)
    return chosen


def chosen_client(options: Namespace) -> tuple[str, str]:
    """Give the client that was named, or one that is found, and its version."""
    from unionfs_sim.testing.docker import client  # noqa: PLC0415 - not for --help

    program = options.client or client.find_client()
    if program is None:
        msg = "no docker client is on the path: name one by --client"
        raise UsageError(msg)
    version = client.version_of(program)
    if not version:
        msg = f"{program}: it cannot be run"
        raise UsageError(msg)
    return program, version


def _lines(
    results: list[Result], failures: list[Result], version: str
) -> Iterator[Line]:
    for failure in failures:
        scenario = failure.scenario
        yield line(printable(f"{scenario.id} {scenario.title}"), "title")
        for each in failure.differences:
            yield from _difference(each)
    if failures:
        yield line(printable(f"with {version}"))
    passed = len(results) - len(failures)
    yield tally(passed, len(failures))


def _difference(found: Difference) -> Iterator[Line]:
    yield line(printable(f"  step {found.step}: {found.command}: {found.what}"))
    yield line(f"    expected {_shown(found.expected)}")
    yield line(f"    got      {_shown(found.got)}")


_shown: Callable[[object], str] = repr


def _document(failure: Result) -> dict[str, object]:
    return {
        "id": failure.scenario.id,
        "title": failure.scenario.title,
        "differences": [
            {
                "step": each.step,
                "command": each.command,
                "what": each.what,
                "expected": each.expected,
                "got": each.got,
            }
            for each in failure.differences
        ],
    }
