"""The engine as a whole: copying, committing, explaining, and what it costs."""

from __future__ import annotations

import io
import statistics
import sys
import tarfile
import tracemalloc

import pytest

from unionfs_sim import Layer, UnionFS
from unionfs_sim.containers import Engine, Host, World, trees
from unionfs_sim.containers.busyboximage import PATH, busybox_layer
from unionfs_sim.containers.errors import EngineError, Forbidden, NotFound
from unionfs_sim.image.build import new_image


def packed(files: dict[str, str]) -> bytes:
    """Give a tar of some files."""
    return trees.pack(UnionFS([Layer.build(files)]), "/", "")


@pytest.mark.parametrize("running", [True, False])
def test_copies_reach_volumes_and_the_union(engine: Engine, running: bool) -> None:
    """In and out, whether it runs or not; what is in a tmpfs is not seen."""
    container = engine.containers.create(
        "busybox", "sleep 9", volumes=["vol:/v"], tmpfs={"/t": ""}
    )
    if running:
        container.start()

    assert container.put_archive("/v", packed({"f": "volume"}))
    assert container.put_archive("/", packed({"d/f": "union"}))

    assert "volume" == engine.volumes.get("vol").fs.read_text("/f")
    data, status = container.get_archive("/d")
    assert ["d", "d/f"] == list(trees.names(data))
    assert ("d", 1 << 31 | 0o755) == (status["name"], status["mode"])
    with pytest.raises(NotFound, match="Could not find the file /t/f in container"):
        container.get_archive("/t/f")


def test_copies_into_what_is_read_only(engine: Engine) -> None:
    """A mount or the whole root; volumes of such a container still work."""
    container = engine.containers.create(
        "busybox", "true", volumes=["v1:/ro:ro", "v2:/rw"], read_only=True
    )

    with pytest.raises(Forbidden, match="mounted volume is marked read-only"):
        container.put_archive("/ro", packed({"f": ""}))
    with pytest.raises(Forbidden, match="container rootfs is marked read-only"):
        container.put_archive("/etc", packed({"f": ""}))
    assert container.put_archive("/rw", packed({"f": ""}))


def test_archives_cannot_lead_out(engine: Engine) -> None:
    """A name with ``..`` stays below the directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())
    container = engine.containers.create("busybox", "true")
    container.put_archive("/tmp", out.getvalue())

    assert ["escaped"] == container.rw.listdir("/tmp")


def test_an_export_has_no_mounts(engine: Engine) -> None:
    """Mount points are empty directories, deleted files are absent."""
    container = engine.containers.run(
        "busybox",
        ["sh", "-c", "echo 1 > /v/f; rm /etc/group; echo 2 > /kept; sleep 9"],
        volumes=["vol:/v"],
        detach=True,
    )
    names = set(trees.names(container.export()))

    assert {"v", "kept", ".dockerenv", "etc/hosts"} <= names
    assert not {"v/f", "etc/group"} & names


def test_a_commit_can_be_run(engine: Engine) -> None:
    """Whiteouts come along, what is mounted does not."""
    script = "rm /etc/group; echo 1 > /kept; echo 2 > /v/lost"
    engine.containers.run("busybox", ["sh", "-c", script], name="one", volumes=["/v"])
    image = engine.containers.get("one").commit("two", message="msg")

    assert b"/kept\n\n/v:\n" == engine.containers.run("two", "ls /kept /v")
    assert ("sh -c " + script, "msg") == (
        image.history()[0]["CreatedBy"],
        image.history()[0]["Comment"],
    )


def test_hosts_share_nothing_but_what_is_exported() -> None:
    """A local volume of one name is two; one on a third host's disk is one."""
    world = World()
    server = world.host("server")
    server.fs.makedirs("/srv/data")
    server.export("/srv/data")
    engines = [Engine.with_busybox(world.host(name)) for name in ("one", "two")]
    options = {"type": "nfs", "o": "addr=server", "device": ":/srv/data"}
    for engine in engines:
        engine.volumes.create("shared", options=options)
    script = ["sh", "-c", "echo state > /shared/f; echo own > /local/f"]
    volumes = ["shared:/shared", "local:/local"]
    engines[0].containers.run("busybox", script, volumes=volumes, remove=True)

    found = engines[1].containers.run(
        "busybox", ["sh", "-c", "cat /shared/f; ls /local"], volumes=volumes
    )

    assert b"state\n" == found
    assert "state\n" == server.fs.read_text("/srv/data/f")


def test_an_engine_on_a_host_that_is_given() -> None:
    """Volumes and layers lie on its disk."""
    host = Host("machine")
    with Engine.with_busybox(host) as engine:
        container = engine.containers.create("busybox", "true", volumes=["web:/x"])
        home = "/var/lib/docker"

        assert host.fs.isdir(f"{home}/volumes/web/_data")
        assert host.fs.isdir(f"{home}/overlay2/{container.layer_id}/diff")
        assert [".dockerenv", "dev", "etc", "proc", "sys"] == host.fs.listdir(
            f"{home}/overlay2/{container.layer_id}-init/diff"
        )


def test_why_lost_tells_how_to_keep_it(engine: Engine) -> None:
    """What is in the rw layer, in volumes without a name, and in memory."""
    script = "mkdir /db; echo row > /db/t1; echo 1 > /x/f; echo 2 > /t/f; sleep 9"
    engine.containers.run(
        "busybox",
        ["sh", "-c", script],
        name="db",
        volumes=["/x", "kept:/y"],
        tmpfs={"/t": ""},
        detach=True,
    )

    assert [
        ("/db/t1", "rw layer", 4),
        ("/t", "tmpfs", 2),
        ("/x", "anonymous volume", 2),
    ] == [(x.path, x.why, x.size_bytes) for x in engine.why_lost("db")]


def test_explain_names_the_layer_or_the_volume(engine: Engine) -> None:
    """Of a container that has stopped too."""
    container = engine.containers.create("busybox", "true", volumes=["web:/data"])
    container.put_archive("/data", packed({"f": ""}))

    assert ("volume", "/var/lib/docker/volumes/web/_data/f") == (
        container.explain("/data/f").by,
        container.explain("/data/f").host_path,
    )
    assert "busybox" not in container.explain("/etc/hosts").layers
    again = engine.containers.create("busybox", "true", volumes=["/none:/p/q"])
    assert again.explain("/p").kind is None
    assert not again.diff()
    assert not engine.host.fs.exists("/none")
    assert container.explain("/etc/passwd").layers


def test_a_state_that_fails_leaves_no_container(engine: Engine) -> None:
    """Nothing half made: neither the name nor a volume without one is taken."""
    with pytest.raises(EngineError):
        engine.containers.create("busybox", name="web", volumes=["/x", "/a:/b:bogus"])

    assert (0, 0) == (len(engine.containers), len(engine.volumes))
    with pytest.raises(EngineError, match="etc/passwd"):
        engine.containers.create("busybox", name="web", working_dir="/etc/passwd/x")
    engine.containers.create("busybox", name="web")


def test_inspect_has_the_recorded_members(engine: Engine) -> None:
    """The members of ``docker inspect`` are Docker's, in Docker's order."""
    container = engine.containers.run("busybox", "sleep 9", detach=True)
    shown = container.attrs

    assert [
        "Id",
        "Created",
        "Path",
        "Args",
        "State",
        "Image",
        "ResolvConfPath",
        "HostnamePath",
        "HostsPath",
        "LogPath",
        "Name",
        "RestartCount",
        "Driver",
        "Platform",
        "MountLabel",
        "ProcessLabel",
        "AppArmorProfile",
        "ExecIDs",
        "HostConfig",
        "GraphDriver",
        "Mounts",
        "Config",
        "NetworkSettings",
    ] == list(shown)
    assert [
        "Hostname",
        "Domainname",
        "User",
        "AttachStdin",
        "AttachStdout",
        "AttachStderr",
        "Tty",
        "OpenStdin",
        "StdinOnce",
        "Env",
        "Cmd",
        "Image",
        "Volumes",
        "WorkingDir",
        "Entrypoint",
        "OnBuild",
        "Labels",
    ] == list(shown["Config"])
    assert "SizeRw" in container.inspect(size=True)


# --- what it costs ----------------------------------------------------------------


def deep_engine() -> Engine:
    """Make an engine with an image of forty layers."""
    layers = [busybox_layer()] + [
        Layer.build({f"d{n % 20}/f{k}": f"{number}" for n in range(20) for k in (1, 2)})
        for number in range(39)
    ]
    engine = Engine()
    runtime = {"Env": [PATH], "Cmd": ["sleep", "1000"]}
    engine.images.add(new_image(layers, runtime=runtime), ["deep"])
    return engine


def test_containers_share_the_view_of_their_image() -> None:
    """One fold for all of them, and less than 20 KB for each one that runs."""
    with deep_engine() as engine:
        first = engine.containers.run("deep", detach=True)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        made = [engine.containers.run("deep", detach=True) for _ in range(100)]
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert all(each.image.stack is first.image.stack for each in made)
        assert (after - before) / 100 < 20_000


def test_the_thousandth_container_costs_what_the_first_did() -> None:
    """Counted, not timed: so many calls for the first ones, and for the last."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    def cost() -> int:
        nonlocal calls
        calls = 0
        sys.setprofile(count)
        try:
            engine.containers.run("deep", detach=True)
        finally:
            sys.setprofile(None)
        return calls

    with deep_engine() as engine:
        engine.containers.run("deep", detach=True)  # folds the stack for all others
        first = statistics.median(cost() for _ in range(9))
        for _ in range(500):
            engine.containers.run("deep", detach=True)
        last = statistics.median(cost() for _ in range(9))

    assert last <= 1.2 * first
