"""Every behaviour has a test; those that no recorded session shows have theirs here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.containers.behaviours import BEHAVIOURS
from tests.containers.replaying import scenarios
from unionfs_sim.containers import Engine
from unionfs_sim.containers.errors import EngineError


def test_every_behaviour_has_a_test() -> None:
    """Each name is that of a recorded session, or of a test in this folder."""
    tests = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    known = tests | set(scenarios())

    assert {} == {
        behaviour: names
        for behaviour, names in BEHAVIOURS.items()
        if not names or not known.issuperset(names)
    }


def test_every_recorded_session_shows_a_behaviour() -> None:
    """None is left over."""
    named = {name for names in BEHAVIOURS.values() for name in names}

    assert set() == set(scenarios()) - named


@pytest.fixture
def app(engine: Engine) -> Engine:
    """Give an engine with an image that has a few files."""
    engine.build(
        "FROM busybox\nRUN mkdir /d; echo hello > /d/f; echo 1 > /d/g;"
        " chmod 640 /d/g; mkdir /v; echo seed > /v/s\n",
        tag="app",
    )
    return engine


def test_the_directory_of_a_layer(app: Engine) -> None:
    """As overlay2 keeps it (1.1): what is mounted, and on what."""
    made = app.containers.run("app", "sleep 1000", detach=True)
    fs, root = app.host.fs, "/var/lib/docker/overlay2"
    data = made.attrs["GraphDriver"]["Data"]
    lower = [path.split("/")[-2] for path in data["LowerDir"].split(":")]
    links = []
    for name in lower:
        link = fs.read_text(f"{root}/{name}/link")
        links.append(f"l/{link}")
        assert 26 == len(link)
        assert f"../{name}/diff" == fs.readlink(f"{root}/l/{link}")

    home = f"{root}/{made.layer_id}"
    assert ["diff", "link", "lower", "merged", "work"] == fs.listdir(home)
    assert ":".join(links) == fs.read_text(f"{home}/lower")
    assert ["committed", "diff", "link", "lower", "work"] == (
        fs.listdir(f"{root}/{lower[0]}")
    )
    assert ["committed", "diff", "link"] == fs.listdir(f"{root}/{lower[-1]}")
    made.stop(0)
    assert "merged" not in fs.listdir(home)


def test_what_is_mounted_in_every_container(engine: Engine) -> None:
    """The kernel's file systems, and three files of the engine's (1.1)."""
    text = engine.containers.run("busybox", "cat /proc/mounts").decode()

    rows = [line.split() for line in text.splitlines()]
    assert [
        ("/", "overlay"),
        ("/proc", "proc"),
        ("/dev", "tmpfs"),
        ("/dev/pts", "devpts"),
        ("/sys", "sysfs"),
        ("/dev/mqueue", "mqueue"),
        ("/dev/shm", "tmpfs"),
        ("/etc/resolv.conf", "ext4"),
        ("/etc/hostname", "ext4"),
        ("/etc/hosts", "ext4"),
    ] == [(row[1], row[2]) for row in rows]
    assert "size=65536k" in {row[1]: row[3] for row in rows}["/dev/shm"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("cat /d/f; ls /d", []),
        ("touch /d", []),
        ("chmod 700 /d", ["C /d"]),
        ("chown 5 /d", ["C /d"]),
        ("chmod 640 /d/g", []),
        (": >> /d/f", []),
        ("touch -t 200001010000 /d/f", ["C /d", "C /d/f"]),
        ("echo HELLO > /d/f; touch -r /d/g /d/f", ["C /d", "C /d/f"]),
        ("touch /d/x; rm /d/x", []),
        ("mkdir /x; rmdir /x", []),
        ("rm /d/f; mknod /d/f c 1 3", ["C /d", "C /d/f"]),
        ("mkdir -p /x/y; touch /x/y/z", ["A /x", "A /x/y", "A /x/y/z"]),
    ],
)
def test_what_a_diff_shows(app: Engine, script: str, expected: list[str]) -> None:
    """A directory changes by mode and owner alone, a file by its time too (1.2)."""
    app.containers.run("app", ["sh", "-c", script], name="web")

    assert expected == [str(each) for each in app.containers.get("web").diff()]


def test_a_new_name_of_a_lower_file_is_one_inode(app: Engine) -> None:
    """The source is copied up, and both names are it (1.2)."""
    made = app.containers.create("app", "ln /d/g /new", name="web")
    made.start()

    layer = made.rw.commit()
    assert ["A /new"] == [str(each) for each in made.diff()]
    assert layer.get(("new",)) is layer.get(("d", "g")) is not None


def test_a_diff_in_every_state(app: Engine) -> None:
    """Created, running, paused, stopped (1.2)."""
    made = app.containers.create("app", ["sh", "-c", "echo > /f; sleep 1000"])
    assert not made.diff()
    for verb in (made.start, made.pause, made.unpause, made.stop):
        verb()
        assert ["A /f"] == [str(each) for each in made.diff()]


def test_rm_leaves_the_volumes_of_the_other(engine: Engine) -> None:
    """While the one whose mounts were copied exists (2)."""
    first = engine.containers.create("busybox", "true", name="first", volumes=["/x"])
    engine.containers.run("busybox", "true", volumes_from=["first"], remove=True)
    assert 1 == len(engine.volumes)
    first.remove(v=True)
    assert 0 == len(engine.volumes)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"volumes_from": ["none"]}, []),
        ({"mounts": ["type=bind,src=/nope,dst=/y"]}, []),
        ({"mounts": ["type=volume,src=hb_m,dst=/x"]}, ["hb_n"]),
    ],
)
def test_the_order_of_work_at_create(
    engine: Engine, options: dict[str, Any], left: list[str]
) -> None:
    """Which named volumes a create that fails leaves behind (2)."""
    with pytest.raises(EngineError):
        engine.containers.create("busybox", volumes=["hb_n:/x"], **options)

    assert left == [volume.name for volume in engine.volumes]
    assert 0 == len(engine.containers)


def test_a_volume_over_a_file_leaves_the_volume(engine: Engine) -> None:
    """Made before it was found out (2)."""
    with pytest.raises(EngineError, match="is not directory"):
        engine.containers.create("busybox", volumes=["hb_n:/etc/passwd"])

    assert "hb_n" in engine.volumes


def test_containers_are_found_by_their_volumes(engine: Engine) -> None:
    """By name and by destination (2)."""
    made = engine.containers.create("busybox", volumes=["hb_n:/x"])
    engine.containers.create("busybox", volumes=["other:/y"])

    for value in ("hb_n", "/x"):
        assert [made] == engine.containers.list(all=True, filters={"volume": value})


def test_a_tmpfs_wins_at_the_start(engine: Engine) -> None:
    """Over a volume of ``--volumes-from``, which is still listed (4.5)."""
    engine.containers.run(
        "busybox", ["sh", "-c", "echo > /x/f"], name="first", volumes=["/x"]
    )
    made = engine.containers.create(
        "busybox", "ls /x", volumes_from=["first"], tmpfs={"/x": ""}
    )
    made.start()

    assert b"" == made.logs()
    assert ["/x"] == [mount["Destination"] for mount in made.attrs["Mounts"]]
