"""The state of an engine: what outlives its process, however that ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from unionfs_sim.containers import Engine, Process
from unionfs_sim.containers.errors import Conflict, InvalidParameter
from unionfs_sim.containers.host import Host
from unionfs_sim.containers.programs import Programs
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.image.open import open_image


def test_everything_is_there_again(tmp_path: Path) -> None:
    """Images, containers, volumes, networks and the host's disk, ids and all."""
    with Engine.with_busybox(state=tmp_path) as engine:
        engine.build("FROM busybox\nRUN echo built > /f\n", tag="app")
        engine.networks.create("net", subnet="10.5.0.0/24", labels={"k": "v"})
        container = engine.containers.run(
            "app",
            ["sh", "-c", "echo log; echo 1 > /rw; rm /etc/group; echo 2 > /v/f"],
            name="web",
            network="net",
            volumes=["vol:/v", "/anon"],
        )
        engine.host.fs.makedirs("/srv/data")
        found = engine.containers.get("web")
        before = (found.attrs, [str(x) for x in found.diff()], found.logs())
        images = [image.attrs for image in engine.images.list(all=True)]
        networks = [each.attrs for each in engine.networks.list()]
        volumes = [volume.attrs() for volume in engine.volumes]
        assert b"log\n" == container

    with Engine.with_busybox(state=tmp_path) as again:
        found = again.containers.get("web")

        assert before == (found.attrs, [str(x) for x in found.diff()], found.logs())
        assert networks == [each.attrs for each in again.networks.list()]
        assert volumes == [volume.attrs() for volume in again.volumes]
        assert again.host.fs.isdir("/srv/data")
        for old, new in zip(images, again.images.list(all=True), strict=True):
            assert old == new.attrs
        assert b"built\n" == again.containers.run("app", "cat /f", remove=True)
        found.start()
        assert "2\n" == again.volumes.get("vol").fs.read_text("/f")


def test_ids_and_time_go_on(tmp_path: Path) -> None:
    """Nothing is given twice, and no clock goes back."""
    with Engine.with_busybox(state=tmp_path) as engine:
        first = engine.containers.create("busybox")
        then = engine.clock()
    with Engine.with_busybox(state=tmp_path) as engine:
        second = engine.containers.create("busybox")

        assert first.id != second.id
        assert engine.clock() > then
        assert 2 == len(engine.containers)


def test_what_ran_is_found_exited(tmp_path: Path) -> None:
    """Processes do not survive: 255, as with Docker; a restart works."""
    with Engine.with_busybox(state=tmp_path) as engine:
        engine.containers.run("busybox", "sleep 1000", name="db", detach=True)
    with Engine.with_busybox(state=tmp_path) as engine:
        container = engine.containers.get("db")

        state = container.attrs["State"]
        assert ("exited", 255, 0) == (state["Status"], state["ExitCode"], state["Pid"])
        container.start()
        assert "172.17.0.2" == container.attrs["NetworkSettings"]["IPAddress"]


def test_the_image_of_a_container_is_kept_although_it_was_removed(
    tmp_path: Path,
) -> None:
    """By force; the container can still start."""
    with Engine.with_busybox(state=tmp_path) as engine:
        engine.build("FROM busybox\nRUN echo 1 > /f\n", tag="app")
        engine.containers.create("app", "cat /f", name="web")
        engine.images.remove("app", force=True)
    with Engine.with_busybox(state=tmp_path) as engine:
        container = engine.containers.get("web")
        container.start()

        assert b"1\n" == container.logs()
        assert ["busybox:latest"] == [x for i in engine.images.list() for x in i.tags]


@pytest.mark.parametrize(
    ("policy", "again"),
    [
        ("no", set()),
        ("always", {"run", "stopped", "killed", "failed", "ended"}),
        ("unless-stopped", {"run", "failed", "ended"}),
        ("on-failure", {"run", "stopped", "killed", "failed"}),
    ],
)
def test_restart_policies_when_the_engine_was_away(
    tmp_path: Path, policy: str, again: set[str]
) -> None:
    """As a real engine that was killed; who never ran is never started."""
    chosen = {"Name": policy}
    once = "if [ -e /again ]; then sleep 1000; fi; echo > /again; exit"
    with Engine.with_busybox(state=tmp_path) as engine:
        make = partial(engine.containers.create, "busybox")
        make("sleep 1000", name="created", restart_policy=chosen)
        for name in ("run", "stopped", "killed"):
            make("sleep 1000", name=name, restart_policy=chosen).start()
        engine.containers.get("stopped").stop(0)
        engine.containers.get("killed").kill()
        for name, code in (("failed", 1), ("ended", 0)):
            script = f"{once} {code}"
            make(["sh", "-c", script], name=name, restart_policy=chosen).start()
    with Engine.with_busybox(state=tmp_path) as engine:
        running = {each.name for each in engine.containers.list()}

        assert again == running
        assert "created" == engine.containers.get("created").status


def test_who_failed_too_often_is_not_started_again(tmp_path: Path) -> None:
    """How often is kept."""
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    with Engine.with_busybox(state=tmp_path) as engine:
        made = engine.containers.create("busybox", "false", restart_policy=policy)
        made.start()
        for _ in range(3):
            engine.clock.advance_to(engine.clock() + 10**10)
            engine.tick()
        assert 2 == made.restart_count
    with Engine.with_busybox(state=tmp_path) as engine:
        (found,) = engine.containers

        assert ("exited", 2) == (found.status, found.restart_count)


def test_programs_of_containers_that_come_back(tmp_path: Path) -> None:
    """They are given to the engine before it starts them."""

    def app(process: Process) -> Steps[int]:
        process.stdout.write("up\n")
        yield from process.wait_forever()
        return 0

    programs = Programs()
    programs.register("/usr/bin/app", app)
    for starts in (1, 2):
        with Engine.with_busybox(state=tmp_path, programs=programs) as engine:
            if not len(engine.containers):
                policy = {"Name": "always"}
                engine.containers.create("busybox", "app", restart_policy=policy)
                next(iter(engine.containers)).start()
            (found,) = engine.containers
            assert b"up\n" * starts == found.logs()
            assert "running" == found.status


def test_containers_of_rm_go_and_their_volumes_stay(tmp_path: Path) -> None:
    """As a real engine that was killed: created or running."""
    with Engine.with_busybox(state=tmp_path) as engine:
        for start in (False, True):
            made = engine.containers.create(
                "busybox", "sleep 1000", auto_remove=True, volumes=["/x"]
            )
            if start:
                made.start()
    with Engine.with_busybox(state=tmp_path) as engine:
        assert (0, 2) == (len(engine.containers), len(engine.volumes))


def test_images_that_are_removed_leave_nothing_behind(tmp_path: Path) -> None:
    """Their own layers go from the directory; what was seeded of them stays."""
    blobs = tmp_path / "images" / "blobs" / "sha256"
    with Engine.with_busybox(state=tmp_path) as engine:
        before = set(blobs.iterdir())
        engine.build("FROM busybox\nRUN mkdir /v; echo kept > /v/f\n", tag="app")
    with Engine.with_busybox(state=tmp_path) as engine:
        assert before < set(blobs.iterdir())
        made = engine.containers.create("app", volumes=["vol:/v"])
        engine.images.remove("app", force=True)
        made.remove()
        engine.images.prune()
        assert before == set(blobs.iterdir())
        assert "kept\n" == engine.volumes.get("vol").fs.read_text("/f")
        engine.build("FROM busybox\nRUN mkdir /v; echo kept > /v/f\n", tag="app")
    with Engine.with_busybox(state=tmp_path) as engine:
        assert "kept\n" == engine.volumes.get("vol").fs.read_text("/f")
        assert b"kept\n" == engine.containers.run("app", "cat /v/f")


def test_what_a_killed_process_left_of_images_goes(tmp_path: Path) -> None:
    """Blobs that no image has."""
    with Engine.with_busybox(state=tmp_path):
        pass
    left = tmp_path / "images" / "blobs" / "sha256" / ("0" * 64)
    left.write_bytes(b"half")
    with Engine.with_busybox(state=tmp_path) as engine:
        assert not left.exists()
        assert b"" == engine.containers.run("busybox", "true")


def test_a_second_engine_is_refused(tmp_path: Path) -> None:
    """Until the first one is closed."""
    with (
        Engine.with_busybox(state=tmp_path),
        pytest.raises(Conflict, match="in use by another engine"),
    ):
        Engine(state=tmp_path)
    Engine(state=tmp_path).close()


def test_an_engine_with_a_state_makes_its_host(tmp_path: Path) -> None:
    """The disk of a host that is given would not be kept."""
    with pytest.raises(InvalidParameter, match="has a host of its own"):
        Engine(Host("given"), state=tmp_path)


#: Writes, and says so when the write is done.
LOAD = """
import sys
from unionfs_sim.containers import Engine, Process
engine = Engine.with_busybox(state=sys.argv[1])
for each in engine.containers.list(all=True):
    if each.status == "created":
        each.remove()
number = len(engine.containers)
while True:
    number += 1
    script = (f"echo {number} >> /v/all; echo {number} > /own;"
              f" yes {number} | head -n 999 > /v/big; cp /v/big /big")
    engine.containers.run("busybox", ["sh", "-c", script], name=f"c{number}",
                          volumes=["vol:/v"])
    print(number, flush=True)
    if number % 3 == 0:
        engine.containers.get(f"c{number - 1}").commit("app", f"v{number}")
        if number > 6:
            engine.images.remove(f"app:v{number - 3}")
"""


def check(folder: Path, acknowledged: int) -> None:
    """Open what a killed process left: each command is done or not done."""
    with Engine.with_busybox(state=folder) as engine:
        lines = [0]
        if "vol" in engine.volumes:
            text = engine.volumes.get("vol").fs.read_text("/all")
            lines = [int(line) for line in text.splitlines()]
            assert list(range(1, len(lines) + 1)) == lines
        assert lines[-1] >= acknowledged
        started = [x for x in engine.containers if x.status != "created"]
        assert lines[-1] == len(started)
        # To run is two commands: create, which may be all that was done, and start.
        assert len(engine.containers) - len(started) in {0, 1}
        for container in started:
            number = container.name.removeprefix("c")
            assert f"{number}\n" == container.rw.read_text("/own")
            assert "exited" == container.status
            assert f"{number}\n" * 999 == container.rw.read_text("/big")
        if started:
            last = f"{lines[-1]}\n" * 999
            assert last == engine.volumes.get("vol").fs.read_text("/big")
        for image in engine.images.list(all=True):
            name = image.id.removeprefix("sha256:")
            open_image(folder / "images", name=name, verify=True).close()


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Nothing is half done, and no acknowledged write is lost."""
    chance = random.Random(int(os.environ.get("KILLS_SEED", "1")))
    acknowledged = 0
    folder = tmp_path
    for number in range(int(os.environ.get("KILLS", "6"))):
        if number % 20 == 0:
            folder, acknowledged = tmp_path / str(number), 0
        with subprocess.Popen(
            [sys.executable, "-c", LOAD, str(folder)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 6)):
                line = process.stdout.readline()
                acknowledged = int(line or acknowledged)
            time_left = chance.random() * 0.05
            try:
                process.wait(time_left)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().split()
            acknowledged = int(rest[-1]) if rest else acknowledged
        check(folder, acknowledged)
