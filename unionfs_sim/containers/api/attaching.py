"""Attaching: the streams of a container, or of a command in one, over a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from unionfs_sim.containers.api.call import Answered, Call, Hijack, Wire, nothing
from unionfs_sim.containers.api.containers import found
from unionfs_sim.containers.api.lives import ended
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.api.streams import (
    Escape,
    Typist,
    detach_keys,
    follow,
    framed,
)
from unionfs_sim.containers.api.waiting import wait_until
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import EngineError, InvalidParameter
from unionfs_sim.containers.execs import Exec
from unionfs_sim.containers.streams import Pipe
from unionfs_sim.containers.terminal import Terminal


class Reading(Protocol):
    """What can be typed at: a container, or a command in one."""

    def send(self, data: str | bytes, *, close: bool = False) -> None:
        """Give it something to read."""
        ...  # pragma: no cover


def attach(call: Call) -> Answered:
    """Attach to a container: what it writes, and what it reads."""
    container = found(call)
    keys = detach_keys(call.text("detachKeys"))
    if container.state.status == "paused":
        msg = f"Container {container.id} is paused, unpause the container before attach"
        raise InvalidParameter(msg)
    streams = frozenset(name for name in ("stdout", "stderr") if call.flag(name))
    over = ended(container)
    with call.engine.verb():
        start = 0 if call.flag("logs") else len(container.log)
        call.engine.events.container(container, "attach")
    if not call.flag("stream"):
        end = len(container.log)

        def show(wire: Wire) -> None:
            for piece in follow(
                call.engine,
                container.log[:end],
                start=start,
                streams=streams,
                raw=_raw(container),
                ended=lambda: True,
                gone=wire.gone,
            ):
                wire.send(piece)

        return Hijack(show)

    def run(wire: Wire) -> None:
        reads = call.flag("stdin") and container.config.get("OpenStdin")
        escape = Escape(keys) if reads and _raw(container) else None
        typist = Typist(
            call.engine,
            wire,
            feed=_feeder(container, over, wire) if reads else _ignore,
            end=_closer(container, over, wire) if reads else _nothing,
            escape=escape,
        )
        _show(call.engine, wire, typist, container.log, start, streams,
              raw=_raw(container), over=over, still=lambda: (
                  not container.state.running or _reads(container.stdin)))  # fmt: skip
        if typist.left:
            call.engine.events.container(container, "detach")

    return Hijack(run)


def _raw(container: Container) -> bool:
    return bool(container.config.get("Tty"))


def _reads(keyboard: Pipe | Terminal | None) -> bool:
    """Tell whether a program waits for what a client types."""
    return keyboard is not None and keyboard.changed.awaited


def _show(
    engine: Engine,
    wire: Wire,
    typist: Typist,
    log: list[tuple[str, bytes]] | list[tuple[str, bytes, int]],
    start: int,
    streams: frozenset[str],
    *,
    raw: bool,
    over: Callable[[], bool],
    still: Callable[[], bool],
) -> None:
    """Send what is written until it ends, or the client leaves."""
    for piece in follow(
        engine,
        log,
        start=start,
        streams=streams,
        raw=raw,
        ended=lambda: over() or typist.left,
        gone=wire.gone,
        still=lambda: not typist.silent and still(),
    ):
        wire.send(piece)


def _feeder(
    container: Container, over: Callable[[], bool], wire: Wire
) -> Callable[[bytes], bool]:
    """Give what hands typed bytes to a container, once it runs."""

    def feed(data: bytes) -> bool:
        _await_start(container, over, wire)
        try:
            container.send(data)
        except EngineError:
            return False
        return True

    return feed


def _await_start(container: Container, over: Callable[[], bool], wire: Wire) -> None:
    """Wait until a container runs: clients attach first, and type at once."""

    def ready() -> bool:
        return container.state.running or over()

    wait_until(container.engine, ready, wire.gone)


def _closer(
    container: Container, over: Callable[[], bool], wire: Wire
) -> Callable[[], None]:
    """Give what ends the input of a container that reads from one client alone."""

    def close() -> None:
        if container.config.get("StdinOnce") and not _raw(container):
            _await_start(container, over, wire)
            _close(container)

    return close


def _close(reader: Reading) -> None:
    try:
        reader.send(b"", close=True)
    except EngineError:  # it has ended, or reads nothing
        return


def _ignore(_: bytes) -> bool:
    return True


def _nothing() -> None:
    return


def websocket(_: Call) -> Answered:
    """Say that there are no web sockets."""
    msg = "not websocket protocol"
    raise InvalidParameter(msg)


# --- commands in a container --------------------------------------------------------


def exec_start(call: Call) -> Answered:
    """Start a command, and show what it writes unless it goes on by itself."""
    body = call.document()
    made = call.engine.containers.exec_get(call.name)
    keys = detach_keys(str(body.get("DetachKeys") or made.detach_keys))
    made.container.check_exec()
    if body.get("Detach"):
        made.start()
        return nothing(200)
    streams = frozenset(
        name
        for name, wanted in (
            ("stdout", made.shows_stdout),
            ("stderr", made.shows_stderr),
        )
        if wanted
    )

    def run(wire: Wire) -> None:
        _run_exec(call.engine, wire, made, streams, keys)

    return Hijack(run)


def _run_exec(
    engine: Engine, wire: Wire, made: Exec, streams: frozenset[str], keys: bytes
) -> None:
    reads = made.stdin is not None
    try:
        made.start()
    except EngineError as error:
        text = f"{error.message}\r\n".encode()
        for piece in framed("stdout", text, raw=made.tty):
            wire.send(piece)
        return

    def feed(data: bytes) -> bool:
        try:
            made.send(data)
        except EngineError:
            return False
        return True

    typist = Typist(
        engine,
        wire,
        feed=feed if reads else _ignore,
        end=(lambda: _close(made)) if reads else _nothing,
        escape=Escape(keys) if reads and made.tty else None,
    )
    if made.failure:
        streams |= {"stdout"}
    _show(engine, wire, typist, made.log, 0, streams,
          raw=made.tty, over=lambda: made.exit_code is not None,
          still=lambda: _reads(made.stdin))  # fmt: skip


ROUTES: Final = (
    Route("POST", "/containers/{name}/attach", attach,
          "attach: streams, logs, detach keys"),
    Route("GET", "/containers/{name}/attach/ws", websocket, "attach by a web socket",
          refused=True),
    Route("POST", "/exec/{name}/start", exec_start, "start: streams, detach keys"),
)  # fmt: skip
