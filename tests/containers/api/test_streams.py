"""Attaching, exec, logs, waiting: streams in both directions."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.containers.api.conftest import Asker, read_all
from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.api.streams import Escape, detach_keys, frame
from unionfs_sim.containers.errors import InvalidParameter

BOTH = "stream=1&stdout=1&stderr=1"


def eventually(done: Callable[[], bool]) -> bool:
    """Tell whether something becomes true within some seconds."""
    for _ in range(500):
        if done():
            return True
        time.sleep(0.01)
    return False


def until(sock: socket.socket, end: bytes) -> bytes:
    """Read until something has come."""
    found = b""
    while end not in found:
        piece = sock.recv(4096)
        assert piece, found
        found += piece
    return found


def made(ask: Asker, name: str, *argv: str, **config: Any) -> None:
    """Make a container without starting it."""
    body = {"Image": "busybox", "Cmd": list(argv), **config}
    assert 201 == ask("POST", f"/containers/create?name={name}", body).status


def test_an_attached_client_sees_both_streams_to_the_end(ask: Asker) -> None:
    """In frames; the connection was upgraded, and closes when the program ends."""
    made(ask, "job", "sh", "-c", "echo out; echo no >&2")
    sock, head = ask.hijack(f"/containers/job/attach?{BOTH}")
    with sock:
        assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
        ask("POST", "/containers/job/start")

        assert frame("stdout", b"out\n") + frame("stderr", b"no\n") == read_all(sock)


def test_without_upgrade_the_stream_follows_the_head(ask: Asker) -> None:
    """As older clients ask."""
    ask.run("job", "echo", "hi")
    found = ask("POST", "/containers/job/attach?logs=1&stdout=1")

    assert frame("stdout", b"hi\n") == found.body
    assert "application/vnd.docker.raw-stream" == found.headers["Content-Type"]


def test_what_is_typed_before_the_start_is_read(ask: Asker) -> None:
    """Clients attach, type and say that that is all, and only then start."""
    made(ask, "job", "cat", OpenStdin=True, StdinOnce=True)
    sock, _ = ask.hijack(f"/containers/job/attach?{BOTH}&stdin=1")
    with sock:
        sock.sendall(b"typed\n")
        sock.shutdown(socket.SHUT_WR)
        ask("POST", "/containers/job/start")

        assert frame("stdout", b"typed\n") == read_all(sock)
    state = ask("GET", "/containers/job/json").json["State"]
    assert ("exited", 0) == (state["Status"], state["ExitCode"])


def test_input_that_others_may_type_stays_open(ask: Asker) -> None:
    """Only a container that reads from one client ends with the client's input."""
    made(ask, "job", "cat", OpenStdin=True)
    ask("POST", "/containers/job/start")
    sock, _ = ask.hijack(f"/containers/job/attach?{BOTH}&stdin=1")
    with sock:
        sock.sendall(b"typed\n")
        assert frame("stdout", b"typed\n") == until(sock, b"typed\n")
        sock.shutdown(socket.SHUT_WR)
        time.sleep(0.05)

    assert "running" == ask("GET", "/containers/job/json").json["State"]["Status"]


def test_a_shell_on_a_terminal(ask: Asker) -> None:
    """Echo, a prompt, Ctrl-C, an exit code; no frames."""
    made(ask, "it", "sh", Tty=True, OpenStdin=True, StdinOnce=True)
    sock, _ = ask.hijack(f"/containers/it/attach?{BOTH}&stdin=1")
    with sock:
        ask("POST", "/containers/it/start")
        assert b"/ # " == until(sock, b"/ # ")
        sock.sendall(b"sleep 1000\r")
        until(sock, b"sleep 1000\r\n")
        sock.sendall(b"\x03")
        assert b"^C\r\n/ # " == until(sock, b"# ")
        sock.sendall(b"exit 7\r")
        assert b"exit 7\r\n" == read_all(sock)

    assert 7 == ask("GET", "/containers/it/json").json["State"]["ExitCode"]


@pytest.mark.parametrize(
    ("query", "keys"), [("", b"\x10\x11"), ("&detachKeys=ctrl-a,d", b"\x01d")]
)
def test_keys_leave_a_terminal(ask: Asker, query: str, keys: bytes) -> None:
    """The stream ends, the container goes on."""
    made(ask, "it", "sh", Tty=True, OpenStdin=True, StdinOnce=True)
    sock, _ = ask.hijack(f"/containers/it/attach?{BOTH}&stdin=1{query}")
    with sock:
        ask("POST", "/containers/it/start")
        until(sock, b"/ # ")
        sock.sendall(keys)
        assert b"" == read_all(sock)

    assert "running" == ask("GET", "/containers/it/json").json["State"]["Status"]


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-ab", "ab", "ctrl-\x01"])
def test_keys_that_there_are_not(text: str) -> None:
    """An error."""
    with pytest.raises(InvalidParameter, match="Invalid escape keys"):
        detach_keys(text)


@pytest.mark.parametrize(
    ("typed", "passed", "found"),
    [
        (b"\x10x", b"\x10x", False),
        (b"\x10\x10\x11", b"\x10", True),
        (b"ab\x10\x11c", b"ab", True),
    ],
)
def test_half_of_the_keys_is_typed(typed: bytes, passed: bytes, found: bool) -> None:
    """What was held back comes after all."""
    escape = Escape(b"\x10\x11")

    assert (passed, found) == (escape.feed(typed), escape.found)


def exec_in(ask: Asker, name: str, *argv: str, **config: Any) -> str:
    """Make a command in a container, and give its id."""
    body = {"Cmd": argv, "AttachStdout": True, "AttachStderr": True, **config}
    found = ask("POST", f"/containers/{name}/exec", body)
    assert 201 == found.status, found.body
    return str(found.json["Id"])


def test_a_command_in_a_container(ask: Asker) -> None:
    """Its output, its exit code; it cannot be started again."""
    ask.run("web", "sleep", "1000")
    identifier = exec_in(ask, "web", "sh", "-c", "echo out; echo no >&2; exit 3")
    sock, _ = ask.hijack(f"/exec/{identifier}/start", {})
    with sock:
        assert frame("stdout", b"out\n") + frame("stderr", b"no\n") == read_all(sock)
    shown = ask("GET", f"/exec/{identifier}/json").json
    assert (False, 3) == (shown["Running"], shown["ExitCode"])

    again = ask("POST", f"/exec/{identifier}/start", {}).body
    text = f"Error: Exec command {identifier} has already run\r\n"
    assert frame("stdout", text.encode()) == again


def test_a_command_that_reads(ask: Asker) -> None:
    """Until the client says that that is all."""
    ask.run("web", "sleep", "1000")
    identifier = exec_in(ask, "web", "cat", AttachStdin=True)
    sock, _ = ask.hijack(f"/exec/{identifier}/start", {})
    with sock:
        sock.sendall(b"typed\n")
        sock.shutdown(socket.SHUT_WR)
        assert frame("stdout", b"typed\n") == read_all(sock)


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"Cmd": [1]}, 400), ({"Cmd": "ls"}, 201)]
)
def test_commands_that_make_no_sense(ask: Asker, body: Any, status: int) -> None:
    """A clear 400; one word is a command."""
    ask.run("web", "sleep", "1000")

    assert status == ask("POST", "/containers/web/exec", body).status


def test_there_must_be_something_that_runs(ask: Asker) -> None:
    """No command in a container that has ended, none that is not known."""
    ask.run("job", "true")

    assert 409 == ask("POST", "/containers/job/exec", {"Cmd": ["ls"]}).status
    assert 404 == ask("POST", "/exec/nope/start", {}).status
    assert 404 == ask("GET", "/exec/nope/json").status
    assert 404 == ask("POST", "/exec/nope/resize?h=1&w=1").status


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("stdout=1", [("stdout", b"one\n"), ("stdout", b"three\n")]),
        ("stderr=1", [("stderr", b"two\n")]),
        ("stdout=1&stderr=1&tail=1", [("stdout", b"three\n")]),
        ("stdout=1&since=9999999999", []),
        ("stdout=1&until=1.5", []),
    ],
)
def test_logs(ask: Asker, query: str, expected: list[tuple[str, bytes]]) -> None:
    """Line by line, of the streams and the time that are asked for."""
    ask.run("job", "sh", "-c", "echo one; echo two >&2; echo three")
    found = ask("GET", f"/containers/job/logs?{query}").body

    assert b"".join(frame(*each) for each in expected) == found


def test_logs_with_times(ask: Asker) -> None:
    """Nine digits, always."""
    ask.run("job", "echo", "hi")
    found = ask("GET", "/containers/job/logs?stdout=1&timestamps=1").body[8:]

    time_text, _, rest = found.partition(b" ")
    assert (30, b"hi\n") == (len(time_text), rest)


def test_logs_must_be_of_something(ask: Asker) -> None:
    """The words are those of the recorded engine."""
    ask.run("job", "true")
    found = ask("GET", "/containers/job/logs")

    assert "Bad parameters: you must choose at least one stream" == found.message


def test_logs_are_followed_to_the_end(ask: Asker) -> None:
    """What is written later comes too."""
    ask.run("job", "sh", "-c", "echo one; sleep 0.2; echo two; printf rest")
    found = ask("GET", "/containers/job/logs?stdout=1&follow=1").body

    expected = [b"one\n", b"two\n", b"rest"]
    assert b"".join(frame("stdout", each) for each in expected) == found


@pytest.mark.parametrize("condition", ["", "not-running", "next-exit", "removed"])
def test_waiting(ask: Asker, condition: str) -> None:
    """The head comes at once, the exit code when it is there."""
    made(ask, "job", "sh", "-c", "sleep 0.1; exit 3",
         HostConfig={"AutoRemove": condition == "removed"})  # fmt: skip
    if condition in {"", "not-running"}:
        ask("POST", "/containers/job/start")
    sock = ask.server.connect()
    with sock:
        query = f"?condition={condition}" if condition else ""
        sock.sendall(
            f"POST /containers/job/wait{query} HTTP/1.1\r\nHost: x\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        head = until(sock, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        if condition not in {"", "not-running"}:
            ask("POST", "/containers/job/start")
        rest = read_all(sock)

    assert b'{"Error":null,"StatusCode":3}' in head + rest


def test_events_are_told_as_they_happen(ask: Asker) -> None:
    """Filtered, until the client leaves."""
    sock = ask.server.connect()
    with sock:
        filters = "%7B%22event%22:%5B%22die%22%5D%7D"
        sock.sendall(
            f"GET /events?filters={filters} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        until(sock, b"\r\n\r\n")
        ask.run("job", "sh", "-c", "exit 3")
        line = until(sock, b"}\n")
    event = json.loads(line[line.index(b"{") :].splitlines()[0])

    assert ("die", "3") == (event["Action"], event["Actor"]["Attributes"]["exitCode"])


def test_numbers_go_on_until_the_client_leaves(ask: Asker, server: Server) -> None:
    """Every second; afterwards the thread is gone."""
    ask.run("web", "sleep", "1000")
    sock = ask.server.connect()
    with sock:
        sock.sendall(b"GET /containers/web/stats HTTP/1.1\r\nHost: x\r\n\r\n")
        until(sock, b'"name":"/web"')

    assert eventually(lambda: not server.connections)
    once = ask("GET", "/containers/web/stats?stream=0").json
    assert {"current": 1} == once["pids_stats"]


def test_a_busy_program_keeps_nobody_from_anything(ask: Asker) -> None:
    """It is seen, waited for, and ended."""
    ask.run("busy", "sh", "-c", "while true; do :; done")
    answers: list[int] = []

    def wait() -> None:
        answers.append(ask("POST", "/containers/busy/wait").json["StatusCode"])

    thread = threading.Thread(target=wait)
    thread.start()
    assert ["/busy"] == ask("GET", "/containers/json").json[0]["Names"]
    assert 204 == ask("POST", "/containers/busy/stop?t=1").status
    thread.join(20)

    assert [137] == answers


def test_clients_that_leave_are_forgotten(ask: Asker, server: Server) -> None:
    """However they leave, no thread stays."""
    ask.run("web", "sleep", "1000")
    for number in range(50):
        sock, _ = ask.hijack(f"/containers/web/attach?{BOTH}&stdin=1")
        if number % 2:
            sock.shutdown(socket.SHUT_WR)
        sock.close()

    assert eventually(lambda: not server.connections)
    names = [thread.name for thread in threading.enumerate()]
    assert "unionfs-sim typist" not in names
