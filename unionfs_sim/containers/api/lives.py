"""The life of a container: started, stopped, waited for; and what it has written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from unionfs_sim.containers.api.call import (
    JSON,
    RAW_STREAM,
    Answer,
    Answered,
    Call,
    encoded,
    nothing,
)
from unionfs_sim.containers.api.containers import found
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.api.streams import framed
from unionfs_sim.containers.api.waiting import wait_until
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.states import timestamp

_SECOND_NS: Final = 1_000_000_000
_STOP_SECONDS: Final = 10

#: A line of the log: its stream, its bytes, and when it was begun.
_Line: TypeAlias = tuple[str, bytes, int]


def start(call: Call) -> Answered:
    """Start a container."""
    found(call).start()
    return nothing()


def stop(call: Call) -> Answered:
    """Stop a container."""
    found(call).stop(_timeout(call))
    return nothing()


def restart(call: Call) -> Answered:
    """Stop a container and start it."""
    found(call).restart(_timeout(call))
    return nothing()


def _timeout(call: Call) -> int:
    """Give the seconds to wait; a number below nought waits for ever."""
    seconds = call.number("t", _STOP_SECONDS)
    return seconds if seconds >= 0 else 1 << 31


def kill(call: Call) -> Answered:
    """Send a container a signal."""
    found(call).kill(call.text("signal") or "SIGKILL")
    return nothing()


def pause(call: Call) -> Answered:
    """Let no process of a container go on."""
    found(call).pause()
    return nothing()


def unpause(call: Call) -> Answered:
    """Let them go on."""
    found(call).unpause()
    return nothing()


def resize(call: Call) -> Answered:
    """Note the size of the terminal."""
    height, width = call.number("h", 0), call.number("w", 0)
    container = found(call)
    with call.engine.verb():
        container.check_running()
        call.engine.events.container(
            container, "resize", height=str(height), width=str(width)
        )
    return nothing(200)


# --- waiting -----------------------------------------------------------------------


def ended(container: Container) -> Callable[[], bool]:
    """Give what tells whether a container has come to an end since now."""
    before = container.state.finished_ns

    def over() -> bool:
        return container.removed or (
            not container.state.running and container.state.finished_ns != before
        )

    return over


def wait(call: Call) -> Answered:
    """Wait until a container stops, at its next stop, or until it is removed."""
    condition = call.text("condition") or "not-running"
    container = found(call)
    over = ended(container)
    if condition == "not-running" or condition not in {"next-exit", "removed"}:
        # Docker takes a condition that it does not know for this one.

        def over() -> bool:
            return not container.state.running

    elif condition == "removed":

        def over() -> bool:
            return container.removed

    return Answer(body=_waited(call, container, over), kind=JSON)


def _waited(
    call: Call, container: Container, over: Callable[[], bool]
) -> Iterator[bytes]:
    yield b""  # the head of the answer: the client starts the container after it

    def still() -> bool:
        return not container.state.running

    if wait_until(call.engine, over, call.wire.gone, still):
        yield encoded({"Error": None, "StatusCode": container.state.exit_code})


# --- the log -----------------------------------------------------------------------


def logs(call: Call) -> Answered:
    """Give what a container has written, line by line, and goes on writing."""
    container = found(call)
    streams = {name for name in ("stdout", "stderr") if call.flag(name)}
    if not streams:
        msg = "Bad parameters: you must choose at least one stream"
        raise InvalidParameter(msg)
    tail = call.text("tail") or "all"
    wanted: dict[str, Any] = {
        "streams": streams,
        "since_ns": _time_ns(call, "since"),
        "until_ns": _time_ns(call, "until"),
        "tail": int(tail) if tail.isdigit() else None,
    }
    return Answer(body=_logged(call, container, wanted), kind=RAW_STREAM)


def _time_ns(call: Call, key: str) -> int:
    text = call.text(key) or "0"
    seconds, _, rest = text.partition(".")
    try:
        return int(seconds) * _SECOND_NS + int(rest.ljust(9, "0")[:9])
    except ValueError as error:
        msg = f"invalid {key}: {text!r} is no time in seconds"
        raise InvalidParameter(msg) from error


def _logged(
    call: Call, container: Container, wanted: dict[str, Any]
) -> Iterator[bytes]:
    raw = bool(container.config.get("Tty"))
    follows = call.flag("follow") and container.state.running
    times = call.flag("timestamps")
    over = ended(container)
    with call.engine.lock:
        at = len(container.log)
        lines = _Lines()
        shown = [line for entry in container.log for line in lines.take(entry)]
        if not follows:
            shown += lines.rest()
    shown = [line for line in shown if _fits(line, wanted)]
    if wanted["tail"] is not None:
        shown = shown[max(0, len(shown) - wanted["tail"]) :]
    yield b""
    for line in shown:
        yield from _told(line, raw=raw, times=times)
    if not follows:
        return
    log = container.log

    def more() -> bool:
        return len(log) > at or over()

    while wait_until(call.engine, more, call.wire.gone):
        with call.engine.lock:
            last = over()
            entries = log[at:]
        at += len(entries)
        fresh = [line for entry in entries for line in lines.take(entry)]
        if last:
            fresh += lines.rest()
        for line in fresh:
            if _fits(line, wanted):
                yield from _told(line, raw=raw, times=times)
        if last:
            return


def _fits(line: _Line, wanted: dict[str, Any]) -> bool:
    stream, _, when_ns = line
    until_ns = wanted["until_ns"]
    return (
        stream in wanted["streams"]
        and when_ns >= wanted["since_ns"]
        and (not until_ns or when_ns <= until_ns)
    )


def _told(line: _Line, *, raw: bool, times: bool) -> Iterator[bytes]:
    stream, data, when_ns = line
    if times:
        data = f"{full_timestamp(when_ns)} ".encode() + data
    yield from framed(stream, data, raw=raw)


def full_timestamp(when_ns: int) -> str:
    """
    Give a time with all its nine digits, as logs do.

    >>> full_timestamp(1_000_000_000_500_000_000)
    '2001-09-09T01:46:40.500000000Z'
    """
    whole = timestamp(when_ns - when_ns % _SECOND_NS).removesuffix("Z")
    return f"{whole}.{when_ns % _SECOND_NS:09}Z"


class _Lines:
    """Puts what was written together to lines, each stream by itself."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[bytes, int]] = {}

    def take(self, entry: _Line) -> Iterator[_Line]:
        """Take what was written, and give the lines that it ends."""
        stream, data, when_ns = entry
        before, since_ns = self._begun.pop(stream, (b"", when_ns))
        *whole, rest = (before + data).split(b"\n")
        for line in whole:
            yield stream, line + b"\n", since_ns
            since_ns = when_ns
        if rest:
            self._begun[stream] = (rest, since_ns)

    def rest(self) -> Iterator[_Line]:
        """Give the lines that were never ended."""
        for stream, (data, when_ns) in self._begun.items():
            yield stream, data, when_ns
        self._begun.clear()


ROUTES: Final = (
    Route("POST", "/containers/{name}/start", start, "start"),
    Route("POST", "/containers/{name}/stop", stop, "stop; timeout"),
    Route("POST", "/containers/{name}/restart", restart, "restart; timeout"),
    Route("POST", "/containers/{name}/kill", kill, "send a signal"),
    Route("POST", "/containers/{name}/pause", pause, "pause"),
    Route("POST", "/containers/{name}/unpause", unpause, "go on"),
    Route("POST", "/containers/{name}/resize", resize, "size of the terminal (noted)"),
    Route("POST", "/containers/{name}/wait", wait, "wait; all three conditions"),
    Route(
        "GET", "/containers/{name}/logs", logs,
        "what it wrote; follow, since, until, tail, timestamps",
    ),
)  # fmt: skip
