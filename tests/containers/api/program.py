"""One program of the Docker SDK: each call's answer is written down, whatever it is."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from docker import DockerClient
from docker.errors import APIError, BuildError, ContainerError, DockerException
from docker.types import IPAMConfig, IPAMPool, Mount

SLEEP = "sleep 1000"
ALL = {"label": "hb_cmp"}
#: What differs between two engines of one kind, or between two runs.
_VOLATILE = {
    "Created", "CreatedAt", "EndpointID", "FinishedAt", "GraphDriver", "Id", "ID",
    "LastTagTime", "Parent", "ParentId", "Pid", "SandboxID", "SandboxKey", "StartedAt",
    "VirtualSize", "Size", "SizeRootFs", "LayersSize", "RepoTags", "NetworkID",
    "HostnamePath", "HostsPath", "LogPath", "ResolvConfPath", "mtime", "Cgroup",
    "Status", "DockerVersion", "UsageData",
}  # fmt: skip

Call = Callable[[DockerClient], Any]


def tar(files: dict[str, str]) -> bytes:
    """Make a tar of files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o640
            member.uid, member.gid = 3, 4
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def members(pieces: Any) -> list[tuple[str, int, int, int]]:
    """Give names, modes and owners of what is in a tar."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        return [(x.name, x.mode & 0o7777, x.uid, x.gid) for x in archive]


def web(client: DockerClient) -> Any:
    """Give the container that most calls are about."""
    return client.containers.get("hb_web")


def run(client: DockerClient, *argv: str, **options: Any) -> bytes:
    """Run a command in a container of its own."""
    found: bytes = client.containers.run(
        "busybox", list(argv), remove=True, labels=["hb_cmp"], **options
    )
    return found


def named(client: DockerClient, name: str, **options: Any) -> str:
    """Make a container that sleeps."""
    made = client.containers.run(
        "busybox", SLEEP, name=name, detach=True, labels=["hb_cmp"], **options
    )
    return str(made.name)


def build(client: DockerClient, text: str, **options: Any) -> list[str]:
    """Build, and give what the builder prints."""
    image, lines = client.images.build(fileobj=io.BytesIO(text.encode()), **options)
    assert image.id
    return [line["stream"] for line in lines if line.get("stream", "").strip()]


def network(client: DockerClient) -> Any:
    """Make a network of its own."""
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet="172.29.7.0/24")])
    return client.networks.create(
        "hb_net", ipam=ipam, labels={"tier": "lan"}, check_duplicate=True
    ).name


def listed(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row of a list, its mounts in order."""
    row["Mounts"] = sorted(row["Mounts"], key=lambda each: str(each["Destination"]))
    for each in row["Mounts"]:
        each["Source"] = ""  # lists show it for some volumes and not for others
    return row


def exec_shown(client: DockerClient) -> Any:
    """Make a command and show it, before and after."""
    made = client.api.exec_create("hb_web", ["echo", "x"])["Id"]
    before = client.api.exec_inspect(made)
    client.api.exec_start(made)
    return before, client.api.exec_inspect(made)


def endpoints(client: DockerClient) -> list[Any]:
    """Say who is in the network."""
    return list(client.networks.get("hb_net").attrs["Containers"].values())


def config_of(client: DockerClient, name: str) -> Any:
    """Give what an image's containers start with."""
    return client.images.get(name).attrs["Config"]


def steps(lines: list[str]) -> list[str]:
    """Give the steps that a builder prints."""
    return [line.strip() for line in lines if line.startswith("Step")]


CALLS: list[tuple[str, Call]] = [
    ("ping", lambda c: c.ping()),
    ("api version", lambda c: c.version()["ApiVersion"]),
    # volumes
    ("volume create", lambda c: c.volumes.create("hb_vol", labels={"a": "b"}).attrs),
    ("volume again", lambda c: c.volumes.create("hb_vol", labels={"x": "y"}).attrs),
    ("volume inspect", lambda c: c.volumes.get("hb_vol").attrs),
    ("volume list", lambda c: [x.name for x in c.volumes.list(filters={"name": "hb_"})]),
    ("volume bad name", lambda c: c.volumes.create("a")),
    ("volume bad option", lambda c: c.volumes.create("hb_o", driver_opts={"x": "y"})),
    ("volume none", lambda c: c.volumes.get("hb_none")),
    # networks
    ("network create", network),
    ("network again", network),
    ("network inspect", lambda c: c.networks.get("hb_net").attrs),
    ("network list", lambda c: [x.attrs for x in c.networks.list(names=["hb_net"])]),
    ("network none", lambda c: c.networks.get("hb_none")),
    ("network overlap", lambda c: c.networks.create("hb_2", ipam=IPAMConfig(
        pool_configs=[IPAMPool(subnet="172.29.7.0/25")])).name),
    # a container and its life
    ("create", lambda c: c.containers.create("busybox", SLEEP, name="hb_web",
        network="hb_net", volumes=["hb_vol:/data", "/anon"], environment={"A": "b"},
        hostname="web", labels={"hb_cmp": "", "tier": "web"}, working_dir="/tmp",
        mounts=[Mount("/t", None, type="tmpfs")]).name),
    ("inspect created", lambda c: web(c).attrs),
    ("start", lambda c: web(c).start()),
    ("start again", lambda c: web(c).start()),
    ("inspect running", lambda c: web(c).attrs),
    ("list", lambda c: [listed(x) for x in c.api.containers(filters=ALL)]),
    ("list with sizes", lambda c: [listed(x) for x in c.api.containers(
        filters=ALL, size=True)]),
    ("name taken", lambda c: named(c, "hb_web")),
    ("bad name", lambda c: named(c, "hb web")),
    ("no image", lambda c: c.api.create_container("hb_nosuch", SLEEP)),
    ("bad mount", lambda c: named(c, "hb_x", volumes=["/a:x"])),
    ("two mounts", lambda c: named(c, "hb_x", volumes=["hb_vol:/x", "hb_v2:/x"])),
    ("bad mode", lambda c: named(c, "hb_x", volumes=["hb_vol:/x:bogus"])),
    ("no container", lambda c: c.containers.get("hb_none")),
    # exec
    ("exec", lambda c: web(c).exec_run(["sh", "-c", "echo a; echo b >&2; exit 3"],
        demux=True)),
    ("exec as a user", lambda c: web(c).exec_run("id", user="nobody")),
    ("exec env and dir", lambda c: web(c).exec_run(["sh", "-c", "echo $A $B; pwd"],
        environment={"B": "c"}, workdir="/etc")),
    ("exec stream", lambda c: b"".join(web(c).exec_run("cat /etc/passwd", stream=True
        ).output)),
    ("exec on a terminal", lambda c: web(c).exec_run(["echo", "hi"], tty=True)),
    ("exec detached", lambda c: web(c).exec_run("true", detach=True).output),
    ("exec none", lambda c: c.api.exec_inspect("hb_none")),
    ("exec inspect", exec_shown),
    ("exec no command", lambda c: web(c).exec_run("hb_nosuch").exit_code),
    ("write", lambda c: web(c).exec_run(["sh", "-c",
        "echo 1 > /data/f; echo 2 > /f; rm /etc/group; echo 3 > /t/f"]).exit_code),
    ("diff", lambda c: sorted((x["Path"], x["Kind"]) for x in web(c).diff())),
    ("size", lambda c: c.api.inspect_container("hb_web")["State"]["Status"]),
    # archives
    ("put archive", lambda c: web(c).put_archive("/tmp", tar({"in": "hello"}))),
    ("what came in", lambda c: web(c).exec_run("stat -c '%a %u:%g %s' /tmp/in").output),
    ("get archive", lambda c: members(web(c).get_archive("/tmp/in")[0])),
    ("get status", lambda c: web(c).get_archive("/etc/passwd")[1]),
    ("get from a volume", lambda c: members(web(c).get_archive("/data/f")[0])),
    ("get from a tmpfs", lambda c: web(c).get_archive("/t/f")[1]),
    ("get none", lambda c: web(c).get_archive("/nope")),
    ("put none", lambda c: web(c).put_archive("/nope", tar({"in": "hello"}))),
    ("put into a file", lambda c: web(c).put_archive("/etc/passwd", tar({"x": "y"}))),
    # other verbs
    ("logs", lambda c: web(c).logs()),
    ("pause", lambda c: web(c).pause()),
    ("pause again", lambda c: web(c).pause()),
    ("exec paused", lambda c: web(c).exec_run("true")),
    ("paused", lambda c: web(c).status),
    ("unpause", lambda c: web(c).unpause()),
    ("unpause again", lambda c: web(c).unpause()),
    ("rename", lambda c: web(c).rename("hb_renamed")),
    ("rename back", lambda c: c.containers.get("hb_renamed").rename("hb_web")),
    ("bad signal", lambda c: web(c).kill("BOGUS")),
    ("update", lambda c: web(c).update(restart_policy={"Name": "on-failure"})),
    ("updated", lambda c: web(c).attrs["HostConfig"]["RestartPolicy"]),
    ("top", lambda c: [row[-1] for row in web(c).top()["Processes"]]),
    ("remove running", lambda c: web(c).remove()),
    # running
    ("run", lambda c: run(c, "echo", "hi")),
    ("run fails", lambda c: run(c, "sh", "-c", "echo no >&2; exit 7")),
    ("run no command", lambda c: run(c, "hb_nosuch")),
    ("run volumes from", lambda c: run(c, "cat", "/data/f", volumes_from=["hb_web"])),
    ("run read only", lambda c: run(c, "touch", "/x", read_only=True)),
    ("run as a user", lambda c: run(c, "id", "-u", user="65534")),
    ("run in a network", lambda c: run(c, "hostname", "-i", network="hb_net")),
    # networks with somebody in them
    ("connected", endpoints),
    ("connect again", lambda c: c.networks.get("hb_net").connect("hb_web")),
    ("disconnect", lambda c: c.networks.get("hb_net").disconnect("hb_web")),
    ("disconnect again", lambda c: c.networks.get("hb_net").disconnect("hb_web")),
    ("connect", lambda c: c.networks.get("hb_net").connect("hb_web", aliases=["w"])),
    ("remove in use", lambda c: c.networks.get("hb_net").remove()),
    # images
    ("commit", lambda c: web(c).commit("hb_img", "1", message="m",
        changes=['CMD ["ls"]']).tags),
    ("committed", lambda c: config_of(c, "hb_img:1")),
    ("history", lambda c: [(x["CreatedBy"], x["Comment"]) for x in c.images.get(
        "hb_img:1").history()[:1]]),
    ("tag", lambda c: c.images.get("hb_img:1").tag("hb_other", "2")),
    ("image list", lambda c: [x.tags for x in c.images.list("hb_img")]),
    ("image none", lambda c: c.images.get("hb_none")),
    ("save and load", lambda c: [x.tags for x in c.images.load(b"".join(
        c.images.get("hb_img:1").save(named="hb_img:1")))]),
    ("build", lambda c: steps(build(c, "FROM busybox\nRUN echo hi > /f\n"
        "ENV A=b\nCMD [\"cat\", \"/f\"]\n", tag="hb_built", rm=True))),
    ("run the built", lambda c: c.containers.run("hb_built", remove=True)),
    ("build fails", lambda c: build(c, "FROM busybox\nRUN exit 3\n", rm=True,
        forcerm=True)),
    ("build nonsense", lambda c: build(c, "NOSUCH x\n")),
    ("image in use", lambda c: c.images.remove("busybox")),
    ("untag", lambda c: c.api.remove_image("hb_other:2")),
    # the end
    ("stop", lambda c: web(c).stop(timeout=0)),
    ("stop again", lambda c: web(c).stop(timeout=0)),
    ("kill stopped", lambda c: web(c).kill()),
    ("exec stopped", lambda c: web(c).exec_run("true")),
    ("wait", lambda c: web(c).wait()),
    ("inspect stopped", lambda c: web(c).attrs),
    ("volume in use", lambda c: c.volumes.get("hb_vol").remove()),
    ("restart", lambda c: web(c).restart(timeout=0)),
    ("remove", lambda c: web(c).remove(force=True, v=True)),
    ("remove again", lambda c: c.api.remove_container("hb_web")),
    ("prune containers", lambda c: c.containers.prune()),
    ("prune networks", lambda c: c.networks.prune()),
    ("prune volumes", lambda c: c.volumes.prune()["VolumesDeleted"]),
    ("remove images", lambda c: [c.images.remove(x, force=True) for x in (
        "hb_img:1", "hb_built")]),
    ("prune nothing", lambda c: c.images.prune(filters={"label": "hb_nothing"})),
]  # fmt: skip


def answers(client: DockerClient) -> Iterator[tuple[str, Any]]:
    """Make all calls, and give each one's answer, normalised."""
    for name, call in CALLS:
        try:
            found = call(client)
        except APIError as error:
            found = {"error": error.status_code, "says": error.explanation}
        except ContainerError as error:
            found = {"exit": error.exit_status, "says": error.stderr}
        except (BuildError, DockerException) as error:
            found = {"fails": str(error)}
        yield name, normal(found)


def normal(value: Any) -> Any:
    """Take away what differs from engine to engine and from run to run."""
    if isinstance(value, dict):
        return {
            _plain(key): "..." if key in _VOLATILE and each else normal(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        made = [normal(each) for each in value]
        if made and all(isinstance(x, dict) and "Destination" in x for x in made):
            made.sort(key=lambda each: str(each["Destination"]))
        return made
    if isinstance(value, bytes):
        return _plain(value.decode("utf-8", "replace"))
    return _plain(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    text = re.sub(r"/[^\s\"]*/(containers|overlay2|volumes)/", r"DOCKER/\1/", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "ID64", text)
    return re.sub(r"\b[0-9a-f]{12}\b", "ID12", text)
