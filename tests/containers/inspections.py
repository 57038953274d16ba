"""
What ``inspect`` of a real engine shows, recorded object by object.

The cases are bodies of Docker's API, so that the engine and the library are given
the very same.  To record them anew, with a daemon of one's own and nothing else in it:

    python -m tests.containers.inspections SOCKET DATA_ROOT EXEC_ROOT
"""

from __future__ import annotations

import gzip
import http.client
import io
import json
import re
import socket
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from unionfs_sim import Layer, Meta, Regular
from unionfs_sim.containers import archives
from unionfs_sim.containers.images import derive
from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import LayerBuilder
from unionfs_sim.image.image import Image

RECORDED: Final = Path(__file__).parent.parent / "data" / "docker-inspect.json.gz"

#: A step, and what it is given: ``("start", "hb_c")``.
Step: TypeAlias = tuple[str, Any]

_LATER = ["sleep", "1000"]


def _container(name: str = "hb_c", **body: Any) -> Step:
    return "container", (name, {"Image": "busybox", **body})


def _host(**host_config: Any) -> dict[str, Any]:
    return {"HostConfig": host_config}


#: The steps of each case; at the end all that there is is inspected.
CASES: Final[dict[str, list[Step]]] = {
    "created": [_container(Cmd=["true"])],
    "running": [_container(Cmd=_LATER), ("start", "hb_c")],
    "paused": [_container(Cmd=_LATER), ("start", "hb_c"), ("pause", "hb_c")],
    "killed": [_container(Cmd=_LATER), ("start", "hb_c"), ("kill", "hb_c")],
    "exited": [_container(Cmd=["false"]), ("start", "hb_c"), ("wait", "hb_c")],
    "no-such-command": [_container(Cmd=["nosuchcmd"]), ("start", "hb_c")],
    "config": [
        _container(
            Hostname="web",
            Domainname="example.org",
            User="1000:1000",
            Env=["B=2", "A=1", "PATH=/bin"],
            Cmd=["-c", "sleep 1000"],
            Entrypoint=["sh"],
            WorkingDir="/srv/app",
            Labels={"b": "2", "a": "1"},
            Tty=True,
            OpenStdin=True,
            StdinOnce=True,
            AttachStdin=True,
            AttachStdout=True,
            AttachStderr=True,
            StopSignal="SIGINT",
            StopTimeout=3,
            ExposedPorts={"90/tcp": {}, "80/tcp": {}},
        ),
        ("start", "hb_c"),
    ],
    "host-config": [
        _container(
            Cmd=_LATER,
            **_host(
                RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 3},
                ReadonlyRootfs=True,
                Tmpfs={"/u": "size=64k", "/t": ""},
                ExtraHosts=["db:10.1.1.1", "a:10.1.1.2"],
                Dns=["10.1.1.3"],
                DnsSearch=["example.org"],
                DnsOptions=["ndots:1"],
                CapAdd=["NET_ADMIN"],
                CapDrop=["MKNOD"],
                GroupAdd=["100"],
                ShmSize=1048576,
                OomScoreAdj=10,
                Memory=67108864,
                CpuShares=100,
                Init=True,
                Sysctls={"net.ipv4.ip_forward": "1"},
                Ulimits=[{"Name": "nofile", "Hard": 99, "Soft": 98}],
                SecurityOpt=["label=disable"],
            ),
        ),
    ],
    "privileged": [_container(Cmd=["true"], **_host(Privileged=True))],
    "auto-remove": [_container(Cmd=_LATER, **_host(AutoRemove=True))],
    "restart-always": [
        _container(Cmd=_LATER, **_host(RestartPolicy={"Name": "always"})),
        ("start", "hb_c"),
    ],
    "mounts": [
        (
            "volume",
            {"Name": "hb_v", "Labels": {"b": "2", "a": "1"}, "DriverOpts": {}},
        ),
        _container(
            Cmd=_LATER,
            Volumes={"/z": {}, "/n": {}},
            **_host(
                Binds=["hb_n:/n", "/data/q:/q:ro", "hb_v:/v:ro"],
                Mounts=[
                    {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": 448}},
                    {
                        "Type": "volume",
                        "Source": "hb_w",
                        "Target": "/w",
                        "ReadOnly": True,
                        "VolumeOptions": {"NoCopy": True, "Labels": {"d": "", "c": ""}},
                    },
                ],
            ),
        ),
        ("start", "hb_c"),
    ],
    "volumes-from": [
        _container(
            "hb_a", Cmd=_LATER, Volumes={"/x": {}}, **_host(Binds=["/data/q:/q"])
        ),
        _container("hb_b", Cmd=_LATER, **_host(VolumesFrom=["hb_a:ro"])),
    ],
    "volume-options": [
        (
            "volume",
            {
                "Name": "hb_t",
                "DriverOpts": {"type": "tmpfs", "o": "size=1m", "device": "tmpfs"},
            },
        ),
        ("volume", {"Name": "hb_u"}),
    ],
    "ports": [
        _container(
            Cmd=_LATER,
            ExposedPorts={"80/tcp": {}, "81/tcp": {}, "82/udp": {}, "90/tcp": {}},
            **_host(
                PortBindings={
                    "80/tcp": [{"HostIp": "", "HostPort": "38080"}],
                    "81/tcp": [
                        {"HostIp": "127.0.0.1", "HostPort": "38081"},
                        {"HostIp": "127.0.0.1", "HostPort": "38082"},
                    ],
                    "82/udp": [{"HostIp": "0.0.0.0", "HostPort": "38083"}],
                }
            ),
        ),
        ("start", "hb_c"),
    ],
    "ports-created": [
        _container(
            Cmd=_LATER,
            ExposedPorts={"80/tcp": {}},
            **_host(PortBindings={"80/tcp": [{"HostPort": "38080"}]}),
        ),
    ],
    "ports-stopped": [
        _container(
            Cmd=["true"],
            ExposedPorts={"80/tcp": {}},
            **_host(PortBindings={"80/tcp": [{"HostPort": "38080"}]}),
        ),
        ("start", "hb_c"),
        ("wait", "hb_c"),
    ],
    "user-network": [
        (
            "network",
            {
                "Name": "hb_net",
                "CheckDuplicate": True,
                "Driver": "bridge",
                "IPAM": {"Config": [{"Subnet": "172.25.100.0/24"}]},
                "Labels": {"b": "2", "a": "1"},
            },
        ),
        _container(
            Cmd=_LATER,
            **_host(NetworkMode="hb_net"),
            NetworkingConfig={
                "EndpointsConfig": {
                    "hb_net": {
                        "IPAMConfig": {"IPv4Address": "172.25.100.9"},
                        "Aliases": ["db", "sql"],
                    }
                }
            },
        ),
        ("start", "hb_c"),
        _container("hb_d", Cmd=["true"], **_host(NetworkMode="hb_net")),
        ("start", "hb_d"),
        ("wait", "hb_d"),
        _container("hb_e", Cmd=["true"], **_host(NetworkMode="hb_net")),
    ],
    "network-options": [
        (
            "network",
            {
                "Name": "hb_net",
                "Internal": True,
                "IPAM": {
                    "Config": [
                        {
                            "Subnet": "172.25.0.0/16",
                            "IPRange": "172.25.9.0/24",
                            "Gateway": "172.25.9.254",
                        }
                    ]
                },
                "Options": {"com.docker.network.bridge.name": "hb0", "a": "b"},
            },
        ),
    ],
    "no-network": [
        _container(Cmd=_LATER, **_host(NetworkMode="none")),
        ("start", "hb_c"),
    ],
    "host-network": [
        _container(Cmd=_LATER, **_host(NetworkMode="host")),
    ],
    "joined": [
        _container("hb_a", Cmd=_LATER),
        ("start", "hb_a"),
        _container("hb_b", Cmd=_LATER, **_host(NetworkMode="container:hb_a")),
        ("start", "hb_b"),
        _container("hb_c", Cmd=_LATER, **_host(NetworkMode="container:hb_a")),
    ],
    "committed": [
        _container(
            Cmd=["sh", "-c", "echo 1 > /f"], Volumes={"/v": {}}, Labels={"k": "v"}
        ),
        ("start", "hb_c"),
        ("wait", "hb_c"),
        ("commit", ("hb_c", "hb_img", 'CMD ["cat","/f"]', "why", "who")),
    ],
    "built": [
        (
            "build",
            "FROM busybox\n"
            "MAINTAINER who\n"
            "ENV B=2 A=1\n"
            "LABEL b=2 a=1\n"
            "EXPOSE 90 80/udp\n"
            "VOLUME /v /a\n"
            "WORKDIR /srv/app\n"
            "USER 1000\n"
            "STOPSIGNAL SIGINT\n"
            "ENTRYPOINT sleep\n"
            'CMD ["1000"]\n',
        ),
    ],
    "built-by-a-run": [
        ("build", "FROM busybox\nARG x=1\nRUN echo $x > /f\n"),
        _container(Image="hb_img"),
    ],
}

#: Where the objects of each kind are, and by what they are told apart.
KINDS: Final = ("container", "image", "network", "volume")


def base_image(binary: bytes | Content) -> Image:
    """Make the image that all containers are made of."""
    builder = LayerBuilder("busybox")
    file = Regular(binary, Meta(mode=0o755))
    for name in ("sh", "sleep", "true", "false", "echo", "cat"):
        builder.add(("bin", name), file)
    builder.set_meta(("etc",), Meta(mode=0o755))
    layer: Layer = builder.freeze()
    return derive(
        None,
        config={"Cmd": ["sh"], "Env": ["PATH=/usr/bin:/bin"]},
        layer=layer,
        created="2001-09-09T01:46:40Z",
        created_by="/bin/sh -c #(nop) ADD file:0 in / ",
    )


_HEX: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-f])")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
_NEVER: Final = "0001-01-01T00:00:00Z"


def _rank(value: Any) -> tuple[str, ...]:
    """Sort what comes in the order of a map of Go: mounts, and where ports are."""
    return tuple(str(value.get(x)) for x in ("Destination", "HostIp", "HostPort"))


def normalized(objects: Any) -> Any:
    """Put numbers for ids in the order in which they come, and words for times."""
    known: dict[str, str] = {}
    ports = {"80/tcp", "81/tcp"}

    def number(match: re.Match[str]) -> str:
        short = known.setdefault(match[0][:12], str(len(known) + 1))
        return f"<{'id' if len(match[0]) > 12 else 'short'}#{short}>"

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {walk(name): walk(each, name) for name, each in value.items()}
        if isinstance(value, list):
            value = [walk(each) for each in value]
            return sorted(value, key=_rank) if key in {"Mounts", *ports} else value
        if key == "Pid" and value:
            return "<pid>"
        if isinstance(value, str):
            value = _TIME.sub(lambda m: m[0] if m[0] == _NEVER else "<time>", value)
            return _HEX.sub(number, value)
        return value

    return walk(objects)


class Remote:
    """A real engine behind its socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for something, and give what it answers."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._path)
        headers = {"Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/x-tar"}
        connection.request(method, f"/v1.41{path}", data, headers)
        answer = connection.getresponse().read()
        connection.close()
        try:
            return json.loads(answer)
        except ValueError:
            return answer

    def step(self, verb: str, given: Any) -> None:
        """Do one step."""
        match verb:
            case "container":
                name, body = given
                told = self.call("POST", f"/containers/create?name={name}", body)
                assert "Id" in told, told
            case "volume" | "network":
                told = self.call("POST", f"/{verb}s/create", given)
                assert "message" not in told, told
            case "commit":
                name, repository, change, comment, author = given
                self.call(
                    "POST",
                    f"/commit?container={name}&repo={repository}&comment={comment}"
                    f"&author={author}&changes={quote(change)}",
                )
            case "build":
                out = io.BytesIO()
                with tarfile.open(fileobj=out, mode="w") as archive:
                    member = tarfile.TarInfo("Dockerfile")
                    member.size = len(given)
                    archive.addfile(member, io.BytesIO(given.encode()))
                told = self.call("POST", "/build?t=hb_img", out.getvalue())
                assert b"Successfully tagged" in told, told
            case _:
                self.call("POST", f"/containers/{given}/{verb}")

    def objects(self) -> Iterator[tuple[str, Any]]:
        """Give all that there is, by kind and name."""
        lists: dict[str, Callable[[], list[str]]] = {
            "container": lambda: [
                each["Names"][0][1:]
                for each in self.call("GET", "/containers/json?all=1")
            ],
            "image": lambda: [
                each["RepoTags"][0] for each in self.call("GET", "/images/json")
            ],
            "network": lambda: [
                each["Name"]
                for each in self.call("GET", "/networks")
                if each["Name"] not in {"host", "none"}
            ],
            "volume": lambda: [
                each["Name"] for each in self.call("GET", "/volumes")["Volumes"]
            ],
        }
        for kind in KINDS:
            for name in sorted(lists[kind](), key=lambda name: (len(name) == 64, name)):
                path = f"/{kind}s/{name}" + "/json" * (kind in {"container", "image"})
                yield (
                    f"{kind} {'*' if len(name) == 64 else name}",
                    self.call("GET", path),
                )

    def clear(self) -> None:
        """Remove all but the image."""
        for each in self.call("GET", "/containers/json?all=1"):
            self.call("DELETE", f"/containers/{each['Id']}?force=1&v=1")
        for each in self.call("GET", "/volumes")["Volumes"]:
            self.call("DELETE", f"/volumes/{each['Name']}")
        self.call("POST", "/networks/prune")
        self.call("DELETE", "/images/hb_img?force=1")
        self.call("POST", "/images/prune")


def record(path: str, data_root: str, exec_root: str) -> None:
    """Record all cases on a daemon that holds nothing."""
    remote = Remote(path)
    binary = Path("/bin/busybox").read_bytes()
    out = io.BytesIO()
    archives.save([(base_image(binary), ["busybox:latest"])], out)
    remote.call("POST", "/images/load", out.getvalue())
    version = remote.call("GET", "/version")
    cases: dict[str, Any] = {}
    for name, steps in CASES.items():
        remote.clear()
        for verb, given in steps:
            remote.step(verb, given)
        text = json.dumps(list(remote.objects()))
        text = text.replace(data_root, "/var/lib/docker")
        text = text.replace(exec_root, "/var/run/docker").replace("+dfsg1", "")
        cases[name] = normalized(json.loads(text))
    remote.clear()
    document = {
        "engine": f"{version['Version']} api {version['ApiVersion']}",
        "kernel": version["KernelVersion"],
        "host": remote.call("GET", "/info")["Name"],
        "binary_bytes": len(binary),
        "cases": cases,
    }
    RECORDED.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))


if __name__ == "__main__":
    record(*sys.argv[1:])
