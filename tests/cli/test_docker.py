"""``docker serve`` and ``docker replay``, within this process."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from unionfs_sim.cli.commands import docker

SETUP = """
def setup(engine):
    engine.host.fs.makedirs("/srv/www")
    engine.host.fs.write_text("/srv/www/index.html", "welcome")

    @engine.programs.register("/usr/bin/greet")
    def greet(process):
        process.print("hello", *process.args)
"""


def ask(place: Path | tuple[str, int], method: str, path: str, body: Any = None) -> Any:
    """Ask a server that is there; give status and document."""
    sock = socket.socket(socket.AF_UNIX if isinstance(place, Path) else socket.AF_INET)
    sock.settimeout(20)
    sock.connect(str(place) if isinstance(place, Path) else place)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = sock
    try:
        head = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, head)
        answer = connection.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw[:1] in (b"{", b"[") else raw
    finally:
        connection.close()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Give what says what is done while a server serves, which then ends."""

    def says(done: Callable[[], None]) -> None:
        monkeypatch.setattr(docker, "_until_told", done)

    return says


def test_a_socket(
    cli: Cli, tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    """It is announced as the shell wants it, for its owner alone, and gone after."""
    place = tmp_path / "sock"
    found: dict[str, Any] = {}

    def work() -> None:
        found["mode"] = stat.S_IMODE(place.stat().st_mode)
        found["ping"] = ask(place, "GET", "/_ping")
        found["images"] = [x["RepoTags"] for x in ask(place, "GET", "/images/json")[1]]

    meanwhile(work)
    outcome = cli("docker", "serve", "--socket", place)

    assert (0, f"export DOCKER_HOST=unix://{place}\n", "") == (
        outcome.status, outcome.out, outcome.err
    )  # fmt: skip
    assert found == {
        "mode": 0o600, "ping": (200, b"OK"), "images": [["busybox:latest"]]
    }  # fmt: skip
    assert not place.exists()


def test_a_socket_that_has_no_name_of_ones_own(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Callable[[], None]], None],
) -> None:
    """It lies where one is; JSON says it too."""
    monkeypatch.chdir(tmp_path)
    meanwhile(lambda: None)
    outcome = cli("docker", "serve", "--json")

    assert outcome.json == {"addresses": [f"unix://{tmp_path}/unionfs-sim.sock"]}


def test_a_port(
    cli: Cli, capsys: pytest.CaptureFixture[str],
    meanwhile: Callable[[Callable[[], None]], None],
) -> None:  # fmt: skip
    """On the loopback, without a word; no socket besides."""
    found: list[Any] = []

    def work() -> None:
        address = capsys.readouterr().out.strip().rpartition("//")[2]
        host, _, port = address.partition(":")
        found.extend([host, ask((host, int(port)), "GET", "/_ping")])

    meanwhile(work)
    outcome = cli("docker", "serve", "--tcp", ":0")

    assert ["127.0.0.1", (200, b"OK")] == found
    assert (0, "") == (outcome.status, outcome.err)


def test_a_port_that_others_reach(
    cli: Cli, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    """Only if it is said that it is meant; then there is a warning."""
    meanwhile(lambda: None)
    refused = cli("docker", "serve", "--tcp", "0.0.0.0:0")
    warned = cli("docker", "serve", "--tcp", "0.0.0.0:0", "--anywhere")

    assert 2 == refused.status
    assert "other machines could reach 0.0.0.0" in refused.err
    assert "--anywhere" in refused.err
    assert (0, "export DOCKER_HOST=tcp://0.0.0.0:") == (
        warned.status, warned.out.rstrip("0123456789\n")[:33]
    )  # fmt: skip
    assert "warning: every machine that reaches 0.0.0.0:0" in warned.err
    assert "no password" in warned.err


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--tcp=nowhere", "HOST:PORT is wanted"),
        ("--setup={folder}/empty.py", "has no function setup(engine)"),
        ("--image={folder}/empty.py", "empty.py"),
        ("--socket={folder}/empty.py", "in use"),
        ("--tcp=127.0.0.1:{port}", "in use"),
    ],
)
def test_what_cannot_be_served(
    cli: Cli, tmp_path: Path, option: str, expected: str
) -> None:
    """One line, and status 2."""
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = option.format(folder=tmp_path, port=taken.getsockname()[1])
        found = cli("docker", "serve", words)

    assert (2, "") == (found.status, found.out)
    assert expected in found.err
    assert 1 == found.err.count("\n")


def test_a_setup_and_an_image(
    cli: Cli,
    tmp_path: Path,
    images: Path,
    meanwhile: Callable[[Callable[[], None]], None],
) -> None:
    """Programs, files of the simulated host, and what else is there to run."""
    (tmp_path / "setup.py").write_text(SETUP, encoding="utf-8")
    place = tmp_path / "sock"
    found: dict[str, Any] = {}

    def work() -> None:
        body = {
            "Image": "busybox",
            "Cmd": ["sh", "-c", "greet you; cat /x/index.html"],
            "HostConfig": {"Binds": ["/srv/www:/x"]},
            "Tty": True,
        }
        name = ask(place, "POST", "/containers/create", body)[1]["Id"]
        ask(place, "POST", f"/containers/{name}/start")
        ask(place, "POST", f"/containers/{name}/wait")
        found["logs"] = ask(place, "GET", f"/containers/{name}/logs?stdout=1")[1]
        found["images"] = len(ask(place, "GET", "/images/json")[1])

    meanwhile(work)
    outcome = cli("docker", "serve", "--socket", place, "--setup", tmp_path / "setup.py",
                  "--image", images / "two-images.docker.tar")  # fmt: skip

    assert 0 == outcome.status, outcome.err
    assert {"logs": b"hello you\r\nwelcome", "images": 3} == found


def all_that_is(place: Path) -> dict[str, Any]:
    """Ask a server for all that it has, what ran left out."""
    shown: dict[str, Any] = {}
    for kind in ("containers", "images", "networks"):
        suffix = "?all=1" if kind != "networks" else ""
        rows = ask(
            place, "GET", f"/{kind}{'' if kind == 'networks' else '/json'}{suffix}"
        )
        for row in rows[1]:
            name = row["Id"]
            path = f"/{kind}/{name}" + ("" if kind == "networks" else "/json")
            document = ask(place, "GET", path)[1]
            if kind == "networks":
                document.pop("Containers")
            for key in ("State", "NetworkSettings"):
                document.pop(key, None)
            shown[f"{kind} {name}"] = document
    shown["volumes"] = ask(place, "GET", "/volumes")[1]["Volumes"]
    return shown


def test_what_is_kept_from_one_server_to_the_next(
    cli: Cli, tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    """Containers and what they wrote, logs, volumes, networks, images; all that ran
    has ended, but what is always restarted."""
    place, state = tmp_path / "sock", tmp_path / "engine"
    found: list[dict[str, Any]] = []

    def create(name: str, script: str, **more: Any) -> str:
        body = {"Image": "busybox", "Cmd": ["sh", "-c", script], "Tty": True, **more}
        made = ask(place, "POST", f"/containers/create?name={name}", body)
        assert 201 == made[0], made
        assert 204 == ask(place, "POST", f"/containers/{name}/start")[0]
        return str(made[1]["Id"])

    def before() -> None:
        assert 201 == ask(place, "POST", "/networks/create", {"Name": "lan"})[0]
        binds = {"Binds": ["data:/data"], "NetworkMode": "lan"}
        create(
            "job", "echo row1 > /data/t; echo row2 > /own; echo said", HostConfig=binds
        )
        ask(place, "POST", "/containers/job/wait")
        create("web", "sleep 1000", Labels={"a": "b"})
        again = {"RestartPolicy": {"Name": "always"}}
        create("always", "echo up; sleep 1000", HostConfig=again)
        assert 201 == ask(place, "POST", "/commit?container=job&repo=made")[0]
        found.append(all_that_is(place))

    def after() -> None:
        found.append(all_that_is(place))
        rows = ask(place, "GET", "/containers/json?all=1")[1]
        found.append({row["Names"][0]: row["State"] for row in rows})
        logs = ask(place, "GET", "/containers/job/logs?stdout=1")[1]
        web = ask(place, "GET", "/containers/web/json")[1]["State"]["ExitCode"]
        copy = {"HostConfig": {"Binds": ["data:/data"]}}
        create("reader", "cat /data/t", **copy)
        ask(place, "POST", "/containers/reader/wait")
        data = ask(place, "GET", "/containers/reader/logs?stdout=1")[1]
        changes = ask(place, "GET", "/containers/job/changes")[1]
        found.append({"logs": logs, "web": web, "data": data, "changes": changes})

    meanwhile(before)
    assert 0 == cli("docker", "serve", "--socket", place, "--state", state).status
    meanwhile(after)
    assert 0 == cli("docker", "serve", "--socket", place, "--state", state).status
    old, new, states, rest = found

    assert old == new
    assert {"/job": "exited", "/web": "exited", "/always": "running"} == states
    assert rest == {
        "logs": b"said\r\n",
        "web": 255,
        "data": b"row1\r\n",
        "changes": [{"Path": "/data", "Kind": 1}, {"Path": "/own", "Kind": 1}],
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told(number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM; what they did before they do again after."""
    before = signal.getsignal(number)
    ended = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def tell() -> None:
        while not ended.wait(0.05):
            if signal.getsignal(number) is not before:
                signal.pthread_kill(main, number)

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        docker._until_told()
    finally:
        ended.set()
        teller.join()

    assert before is signal.getsignal(number)


# --- replay --------------------------------------------------------------------------

#: A client that answers by itself.
CLIENT = """#!/bin/sh
case $1 in
--version) echo Docker version 20.10.24, build 0 ;;
ps) echo 'ID  NAMES' ;;
*) echo "unknown: $1" >&2; exit 3 ;;
esac
"""
BASE = {
    "entries": [{"path": "etc", "mode": "0755", "type": "dir"}],
    "bin": ["sh", "busybox"],
    "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
}


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """Give the client."""
    program = tmp_path / "docker"
    program.write_text(CLIENT, encoding="utf-8")
    program.chmod(0o755)
    return program


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Give a recording, one scenario of which that client lives up to."""
    scenarios = [
        {"id": "good", "title": "It is", "steps": [
            {"cmd": ["ps"], "expect": {"rc": 0, "stdout": "ID  NAMES\n", "stderr": ""}},
            {"host": ["mkdir", "/data/a"], "expect": {}},
            {"host": ["ls", "/data"], "expect": {"names": ["a"]}},
        ]},
        {"id": "bad", "title": "It is not", "steps": [
            {"cmd": ["rm", "web"], "expect": {"rc": 0, "stdout": "web\n", "stderr": ""}},
        ]},
    ]  # fmt: skip
    file = tmp_path / "recording.json"
    document = {"schema": 1, "engine": "e", "base_image": BASE, "scenarios": scenarios}
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_replay(cli: Cli, client: Path, recording: Path) -> None:
    """Each difference by step, expected and got; the sum is last."""
    found = cli("docker", "replay", recording, "--client", client, "--jobs", "2")

    assert (1, "") == (found.status, found.err)
    assert [
        "bad It is not",
        "  step 0: docker rm web: rc",
        "    expected 0",
        "    got      '3: unknown: rm\\n'",
        "  step 0: docker rm web: stdout",
        "    expected 'web\\n'",
        "    got      ''",
        "  step 0: docker rm web: stderr",
        "    expected ''",
        "    got      'unknown: rm\\n'",
        "with Docker version 20.10.24, build 0",
        "passed=1 failed=1 total=2",
    ] == found.out.splitlines()


def test_replay_of_one(cli: Cli, client: Path, recording: Path) -> None:
    """Chosen by its id."""
    found = cli("docker", "replay", recording, "--client", client, "--scenario", "good")

    assert (0, "passed=1 failed=0 total=1\n") == (found.status, found.out)


def test_replay_as_json(cli: Cli, client: Path, recording: Path) -> None:
    """The same for programs."""
    found = cli("docker", "replay", recording, "--client", client, "--json")

    assert 1 == found.status
    assert {"passed": 1, "failed": 1, "total": 2} == {
        key: found.json[key] for key in ("passed", "failed", "total")
    }
    assert {"step": 0, "command": "docker rm web", "what": "stdout",
            "expected": "web\n", "got": ""} in found.json["failures"][0]["differences"]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--scenario", "nope"], "no scenario has the id 'nope'"),
        (["--client", "/dev/null"], "it cannot be run"),
    ],
)
def test_what_cannot_be_replayed(
    cli: Cli, client: Path, recording: Path, options: list[str], expected: str
) -> None:
    """One line, and status 2."""
    words = options if "--client" in options else ["--client", str(client), *options]
    found = cli("docker", "replay", recording, *words)

    assert (2, "") == (found.status, found.out)
    assert expected in found.err


def test_no_client_is_there(
    cli: Cli, recording: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is said how to name one."""
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    found = cli("docker", "replay", recording)

    assert 2 == found.status
    assert "name one by --client" in found.err


def test_what_is_no_recording(cli: Cli, client: Path) -> None:
    """Another program, say."""
    found = cli("docker", "replay", client, "--client", client)

    assert 2 == found.status
    assert "no JSON" in found.err
