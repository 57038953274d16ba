"""Recording sessions: what is written down is what a replay expects."""

from __future__ import annotations

import gzip
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.cli.conftest import (
    Cli,
    cli,  # noqa: F401 - a fixture
)
from tests.containers.replaying import (
    LibraryPlace,
    fresh_engine,
    images,
    recorded,
    replay,
    scenarios,
)
from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.engine import Engine
from unionfs_sim.errors import FormatError
from unionfs_sim.testing.docker import client
from unionfs_sim.testing.docker.baseimage import base_images, describe
from unionfs_sim.testing.docker.normalising import Normal
from unionfs_sim.testing.docker.realfiles import RealFiles
from unionfs_sim.testing.docker.record import NotRecordedError, record
from unionfs_sim.testing.docker.replay import Session
from unionfs_sim.testing.docker.scenarios import (
    Scenario,
    read_recording,
    read_wanted,
    recording_text,
)
from unionfs_sim.testing.docker.steps import Place

#: Of every kind: ids, times, tables, saved texts, files of the host, builds, layers.
SAMPLE = [
    "art-01-managed-volume", "art-05-joined", "history", "life-running", "life-states",
    "net-container-errors", "net-inspect", "ps-a-table", "rmi-in-use", "rw-init-layer",
    "v-spec-odd-start", "vol-create-inspect", "drv-bind", "vol-prune",
]  # fmt: skip

#: What a user writes: commands alone, and what is not to be compared.
WANTED = [
    {
        "id": "web",
        "title": "A container from its beginning to its end",
        "tags": ["life"],
        "steps": [
            {"cmd": ["run", "-d", "--name", "hb_web", "-v", "hb_v:/v", "busybox",
                     "sleep", "1000"]},
            {"cmd": ["ps", "-a"]},
            {"cmd": ["ps", "-a", "--format", "{{.Names}} {{.Status}} {{.CreatedAt}}"]},
            {"cmd": ["inspect", "-f", "{{json .State}}", "hb_web"]},
            {"cmd": ["inspect", "-f", "{{.State.Pid}}", "hb_web"]},
            {"cmd": ["inspect", "-f", "{{json .NetworkSettings}}", "hb_web"]},
            {"cmd": ["exec", "hb_web", "sh", "-c", "echo hi > /f; ls -l /f; cat /f"]},
            {"cmd": ["top", "hb_web"], "expect": {"rc": 0}},
            {"cmd": ["diff", "hb_web"]},
            {"cmd": ["network", "create", "hb_net"], "save": "NET"},
            {"cmd": ["network", "inspect", "-f", "{{.Name}}", "${NET}"]},
            {"cmd": ["commit", "hb_web", "hb_img"]},
            {"cmd": ["images"]},
            {"cmd": ["history", "--no-trunc", "hb_img"], "expect": {"rc": 0}},
            {"cmd": ["run", "--rm", "hb_img", "cat", "/f"]},
            {"cmd": ["stop", "-t", "0", "hb_web"]},
            {"cmd": ["start", "hb_none"]},
        ],
    },
    {
        "id": "build",
        "steps": [
            {"build": {"tag": "hb_built", "dockerfile": "FROM busybox\nCOPY f /g\n",
                       "context": {"f": {"mode": "0644", "content": "x\n"}}}},
            {"cmd": ["image", "inspect", "hb_built"]},
            {"cmd": ["rmi", "-f", "busybox"], "expect": {"rc": 0}},
        ],
    },
]  # fmt: skip
#: What only an engine on this machine can be asked.
ON_THE_HOST = {
    "id": "files",
    "steps": [
        {"host": ["write", "/data/a/b", "text"]},
        {"host": ["symlink", "/etc", "/data/l"]},
        {"cmd": ["run", "--name", "hb_c", "-v", "/data/a:/x", "busybox", "sh", "-c",
                 "cat /x/b; echo new > /x/c; rm /etc/group"]},
        {"host": ["tree", "/data"]},
        {"host": ["read", "/data/none"]},
        {"host": ["upper", "hb_c"]},
        {"cmd": ["cp", "hb_c:/etc/passwd", "/data/copy"]},
        {"host": ["ls", "/data"]},
    ],
}  # fmt: skip


def bare(scenario: Scenario) -> Scenario:
    """Give a scenario without what came of it."""
    steps = tuple({k: v for k, v in x.items() if k != "expect"} for x in scenario.steps)
    return Scenario(scenario.id, scenario.title, scenario.tags, steps)


@contextmanager
def in_process() -> Iterator[Place]:
    """Give an engine without client and server."""
    with fresh_engine() as engine:
        yield LibraryPlace(engine)


def recorded_of(scenario: Scenario) -> list[Scenario]:
    """Record at an engine whose time is simulated."""
    return list(
        record(
            [scenario],
            in_process,
            normal=lambda: Normal(now=datetime(2001, 9, 9, tzinfo=UTC)),
        )
    )


def wanted(folder: Path, *scenarios: Any) -> Path:
    """Write what is to be recorded."""
    file = folder / "wanted.json"
    file.write_text(json.dumps({"scenarios": scenarios}), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", SAMPLE)
def test_a_recording_is_replayed(name: str) -> None:
    """What is recorded without any expectation passes; most of it is as it was."""
    (made,) = recorded_of(bare(scenarios()[name]))

    assert not replay(made)
    assert all("expect" in step for step in made.steps)
    assert [s.get("save") for s in made.steps] == [
        s.get("save") for s in scenarios()[name].steps
    ]


@pytest.mark.parametrize("name", ["life-states", "ps-a-table", "vol-create-inspect"])
def test_it_is_recorded_as_the_first_recording_was(name: str) -> None:
    """The same words from the same answers: ids by numbers, times left out."""
    (made,) = recorded_of(bare(scenarios()[name]))
    expected = [step["expect"] for step in scenarios()[name].steps]

    assert expected == [
        json.loads(json.dumps(step["expect"]).replace("0001-01-01T00:00:00Z", "<time>"))
        for step in made.steps
    ]


def test_a_step_keeps_what_it_names() -> None:
    """An exit code alone, where the words differ from run to run."""
    steps = (
        {"cmd": ["ps", "-q"], "expect": {"rc": 7}},
        {"cmd": ["volume", "ls", "-q"], "expect": {"stdout": "old"}},
    )
    (made,) = recorded_of(Scenario("a", "", (), steps))

    assert [{"rc": 0}, {"rc": 0, "stdout": ""}] == [s["expect"] for s in made.steps]


def test_a_replay_finds_what_is_not_as_recorded() -> None:
    """A pid is some number, an id always the same one."""
    steps = (
        {"cmd": ["run", "-d", "--name", "hb_c", "busybox", "sleep", "9"]},
        {"cmd": ["inspect", "-f", "{{json .State}}", "hb_c"]},
        {"cmd": ["inspect", "-f", "{{.Id}}", "hb_c"]},
    )
    (made,) = recorded_of(Scenario("a", "", (), steps))
    assert "<pid>" == made.steps[1]["expect"]["json"]["Pid"]
    assert "<id64#1>\n" == made.steps[2]["expect"]["stdout"]
    wrong = json.loads(json.dumps(made.document()).replace("running", "exited"))
    wrong["steps"][2]["expect"]["stdout"] = "<id64#2>x\n"
    with in_process() as place:
        found = Session(place).steps(Scenario("a", "", (), tuple(wrong["steps"])))

        assert [(1, "json"), (2, "stdout")] == [(x.step, x.what) for x in found]


def test_what_takes_too_long_is_told() -> None:
    """With scenario, step and command."""

    class Slow:
        def run(self, argv: list[str]) -> client.Said:
            raise TimeoutError(f"{argv[0]} takes too long")

    @contextmanager
    def slow() -> Iterator[Any]:
        yield Slow()

    step = {"cmd": ["wait", "c"]}
    with pytest.raises(
        NotRecordedError, match="one, step 0, docker wait c: wait takes"
    ):
        list(record([Scenario("one", "", (), (step,))], slow))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 1999-12-31T23:59:59Z", "at 1999-12-31T23:59:59Z"),
        ("at 2999-12-31T23:59:59.5+01:00", "at <time>"),
        ("2999-12-31 23:59:59 +0000 UTC|x", "<time>|x"),
        ("-rw 3 Nov 24 13:25 /f", "-rw 3 <time> /f"),
        ("123456789012 bytes", "123456789012 bytes"),
        ("0123456789ab", "<id12#1>"),
        ("/srv/docker/overlay2/l", "/var/lib/docker/overlay2/l"),
        ("/run/mine/netns/0123456789ab", "/var/run/docker/netns/<id12#1>"),
        ("waits 3 seconds", "waits 3 seconds"),
        ("Exited (0) 3 seconds ago", "Exited (0) <ago>"),
        ("<none>", "<none>"),
    ],
)
def test_what_differs_from_run_to_run(text: str, expected: str) -> None:
    """Ids, times of these days, and where an engine keeps its things; nothing else."""
    assert expected == Normal("/srv/docker").of(text)


def test_nothing_outside_is_touched(tmp_path: Path) -> None:
    """Not through a link, and not through dots."""
    inside = tmp_path / "data"
    inside.mkdir()
    (tmp_path / "precious").write_text("here", encoding="utf-8")
    (inside / "l").symlink_to(tmp_path)
    (inside / "f").symlink_to(tmp_path / "precious")
    files = RealFiles(str(inside))
    for path in ("precious", "data/l/precious", "data/..", "data/../precious"):
        with pytest.raises(ValueError, match="of this machine is used"):
            files.unlink(f"{tmp_path}/{path}")
    for act in (
        lambda: files.write_text(f"{inside}/f", "lost"),
        lambda: files.chmod(f"{inside}/f", 0),
        lambda: files.makedirs(f"{inside}/l/new", exist_ok=True),
    ):
        with pytest.raises(ValueError, match="of this machine is used"):
            act()

    assert "here" == (tmp_path / "precious").read_text(encoding="utf-8")
    assert {"data", "precious"} == {x.name for x in tmp_path.iterdir()}
    assert "precious" == files.readlink(f"{inside}/f").rpartition("/")[2]


def test_the_base_image_is_described() -> None:
    """And made again, with what it holds."""
    last = images()[-1]
    made = describe(last, built=True)
    again = base_images(made)

    assert recorded().base_image["bin"] == made["bin"]
    assert last.layers_base_first == again[-1].layers_base_first
    assert len(images()) == len(again)
    assert made == describe(again[-1], built=True)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("7", "no scenarios"),
        ('{"scenarios": [{}]}', "scenario 0 wants an id and steps"),
        ('[{"id": "a", "steps": []}, {"id": "a", "steps": []}]', "two scenarios"),
        ('[{"id": "a", "steps": [{}]}]', "a, step 0: it wants one of"),
        ('[{"id": "a", "steps": [{"cmd": "ps"}]}]', "a, step 0: cmd is no list"),
        ('[{"id": "a", "steps": [{"build": {}}]}]', "a, step 0: a build wants"),
        ("{", "no JSON"),
    ],
)
def test_what_is_no_file_of_scenarios(
    document: str, expected: str, tmp_path: Path
) -> None:
    """It is told where it is wrong."""
    file = tmp_path / "wanted.json"
    file.write_text(document, encoding="utf-8")
    with pytest.raises(FormatError, match=expected):
        read_wanted(file)


def test_a_recording_is_read_again(tmp_path: Path) -> None:
    """Also one that is compressed."""
    made = recorded_of(bare(scenarios()["ps-a-table"]))
    text = recording_text(
        made, engine="e", storage_driver="overlay2", base_image=recorded().base_image
    )
    file = tmp_path / "r.json.gz"
    file.write_bytes(gzip.compress(text.encode()))

    assert tuple(made) == read_recording(file).scenarios


# --- the command line ----------------------------------------------------------------


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Give a client that reaches no engine."""
    program = tmp_path / "docker"
    program.write_text(
        "#!/bin/sh\n[ $1 = --version ] && echo Docker 20.10 || { echo no way >&2; exit 1; }\n",
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_name_that_is_taken(cli: Cli, tmp_path: Path, fake: Path) -> None:  # noqa: F811
    """Before anything is done."""
    out = tmp_path / "out.json"
    out.write_text("precious", encoding="utf-8")
    found = cli("docker", "record", wanted(tmp_path), out, "--client", fake)

    assert (2, "") == (found.status, found.out)
    assert "File exists" in found.err
    assert "precious" == out.read_text(encoding="utf-8")


def test_an_engine_that_is_not_there(cli: Cli, tmp_path: Path, fake: Path) -> None:  # noqa: F811
    """What the client says; nothing is left."""
    out = tmp_path / "out.json"
    found = cli("docker", "record", wanted(tmp_path), out, "--client", fake,
                "--host", "unix:///none")  # fmt: skip

    assert (2, "") == (found.status, found.out)
    assert "unix:///none: docker version" in found.err
    assert "no way" in found.err
    assert not [
        x for x in tmp_path.iterdir() if x.name not in {"docker", "wanted.json"}
    ]


def test_a_scenario_that_is_not_there(cli: Cli, tmp_path: Path, fake: Path) -> None:  # noqa: F811
    """It is named."""
    found = cli("docker", "record", wanted(tmp_path), tmp_path / "out", "--client", fake,
                "--scenario", "nope")  # fmt: skip

    assert 2 == found.status
    assert "no scenario has the id 'nope'" in found.err


# --- real clients --------------------------------------------------------------------


@pytest.fixture
def program() -> str:
    """Give a client whose words are those of the recording, or skip the test."""
    found = client.find_client()
    if found is None or client.RECORDED not in client.version_of(found):
        pytest.skip(f"no docker client {client.RECORDED}")
    return found


def shown(engine: str, program: str, *argv: str) -> str:
    """Ask an engine."""
    run = subprocess.run(
        [program, "-H", engine, *argv], capture_output=True, text=True, check=True
    )
    return run.stdout


def check(cli: Cli, program: str, address: str, file: Path, count: int) -> None:  # noqa: F811
    """Record, replay, and look whether the engine is as it was."""
    out = file.with_name("out.json.gz")
    found = cli("docker", "record", file, out, "--client", program,
                "--host", address, "--json")  # fmt: skip
    assert 0 == found.status, found.err
    assert count == found.json["recorded"]
    again = cli("docker", "replay", out, "--client", program)
    assert f"passed={count} failed=0 total={count}" == again.out.splitlines()[-1], (
        again.out
    )
    left = (
        shown(address, program, "ps", "-aq"),
        shown(address, program, "volume", "ls", "-q"),
    )
    assert ("", "") == left
    assert "" == shown(
        address, program, "network", "ls", "-q", "--filter", "type=custom"
    )
    names = shown(address, program, "images", "--format", "{{.Repository}}:{{.Tag}}")
    assert "busybox:latest\n" == names


@pytest.mark.oracle
def test_recorded_at_our_own_engine(
    cli: Cli,  # noqa: F811
    program: str,
    tmp_path: Path,
    real_engine: Engine,
    server: Server,
) -> None:
    """What is recorded there is what a fresh one answers."""
    address = server.listen_unix(tmp_path / "sock")
    check(cli, program, address, wanted(tmp_path, *WANTED), len(WANTED))
    real_engine.volumes.create("precious")
    refused = cli("docker", "record", tmp_path / "wanted.json", tmp_path / "new",
                  "--client", program, "--host", address)  # fmt: skip

    assert 2 == refused.status
    assert "the engine has a volume, precious" in refused.err
    assert ["precious"] == [x.name for x in real_engine.volumes.list()]


@pytest.mark.oracle
def test_files_that_an_engine_does_not_see(
    cli: Cli,  # noqa: F811
    program: str,
    tmp_path: Path,
    server: Server,
) -> None:
    """A simulated engine has a host of its own."""
    if Path("/data").exists():
        pytest.skip("this machine has a /data")
    address = server.listen_unix(tmp_path / "sock")
    found = cli("docker", "record", wanted(tmp_path, ON_THE_HOST), tmp_path / "new",
                "--client", program, "--host", address)  # fmt: skip

    assert 2 == found.status
    assert "does not see /data of this machine" in found.err
    assert not Path("/data").exists()


@pytest.mark.oracle
def test_recorded_at_a_real_engine(
    cli: Cli,  # noqa: F811
    program: str,
    tmp_path: Path,
    real: tuple[str, docker.DockerClient],
) -> None:
    """What the real one answers is what ours does."""
    files = [] if Path("/data").exists() else [ON_THE_HOST]
    todo = [*WANTED, *files]
    check(cli, program, real[0], wanted(tmp_path, *todo), len(todo))

    assert not Path("/data").exists() or not files


@pytest.mark.oracle
def test_a_recording_that_is_ended(
    program: str, tmp_path: Path, server: Server, real_engine: Engine
) -> None:
    """By SIGTERM: nothing is written, and nothing is left at the engine."""
    address = server.listen_unix(tmp_path / "sock")
    steps = [
        {"cmd": ["volume", "create", "hb_v"]},
        {"cmd": ["run", "--name", "hb_c", "busybox", "sleep", "1000"]},
    ]
    wanted(tmp_path, {"id": "long", "steps": steps})
    run = subprocess.Popen(
        [sys.executable, "-m", "unionfs_sim", "docker", "record", "wanted.json",
         "out.json", "--host", address, "--client", program],
        cwd=tmp_path, stderr=subprocess.PIPE,
    )  # fmt: skip
    with run:
        for _ in range(300):
            if any(
                x.status == "running" for x in real_engine.containers.list(all=True)
            ):
                break
            try:
                run.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        run.terminate()
        assert 143 == run.wait(30)

    assert not real_engine.containers.list(all=True)
    assert not real_engine.volumes.list()
    assert {"sock", "wanted.json"} == {x.name for x in tmp_path.iterdir()}
