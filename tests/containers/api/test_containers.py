"""Containers, networks, volumes and images over the API, and what is refused."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from tests.containers.api.conftest import Asker
from unionfs_sim.containers.api.server import Server


def tar(files: dict[str, str]) -> bytes:
    """Make a tar of files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def test_a_list_shows_what_runs(ask: Asker) -> None:
    """Or all, or with sizes, or those that fit."""
    ask.run("web", "sleep", "1000", Labels={"tier": "web"})
    ask.run("job", "sh", "-c", "echo 1 > /f")

    def names(query: str) -> list[str]:
        return [x["Names"][0] for x in ask("GET", f"/containers/json?{query}").json]

    assert ["/web"] == names("")
    assert ["/job", "/web"] == names("all=1")
    assert ["/job"] == names("limit=1")
    assert ["/web"] == names("filters=%7B%22label%22:%5B%22tier=web%22%5D%7D")
    assert ["/web"] == names("all=1&filters=%7B%22before%22:%5B%22job%22%5D%7D")
    assert ["/job"] == names("all=1&filters=%7B%22since%22:%7B%22web%22:true%7D%7D")
    rows = ask("GET", "/containers/json?all=1&size=1").json
    assert [2, None] == [row.get("SizeRw") for row in rows]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "EOF"),
        ({}, 400, "config cannot be empty in order to create a container"),
        ({"Image": "nosuch"}, 404, "No such image: nosuch:latest"),
        ([], 400, "json: cannot unmarshal array into a Go struct"),
        ({"Image": "busybox", "Cmd": [1]}, 400, "json: Cmd holds what is no text"),
        ({"Image": 7}, 400, "json: cannot unmarshal 7 into Image"),
        (
            {"Image": "busybox", "HostConfig": {"Binds": ["/a:x"]}},
            500,  # as the recorded engine
            "invalid volume specification: '/a:x': invalid mount config for type "
            "\"bind\": invalid mount path: 'x' mount path must be absolute",
        ),
    ],
)
def test_a_create_that_fails(ask: Asker, body: Any, status: int, message: str) -> None:
    """Status and words."""
    found = ask("POST", "/containers/create", body)

    assert (status, message) == (found.status, found.message)


def test_a_body_that_is_no_json(ask: Asker) -> None:
    """It must say that it is, and be it."""
    wrong = ask("POST", "/containers/create", b"{}", {"Content-Type": "text/plain"})
    broken = ask(
        "POST", "/containers/create", b"{", {"Content-Type": "application/json"}
    )

    assert 400 == wrong.status
    assert (
        "Content-Type specified (text/plain) must be 'application/json'"
        == wrong.message
    )
    assert 400 == broken.status


def test_a_life(ask: Asker) -> None:
    """Every verb, and how it answers."""
    ask.run("web", "sleep", "1000")
    steps = [
        ("POST", "/containers/web/start", 304),
        ("POST", "/containers/web/pause", 204),
        ("POST", "/containers/web/pause", 409),
        ("POST", "/containers/web/unpause", 204),
        ("POST", "/containers/web/kill?signal=HUP", 204),
        ("POST", "/containers/web/kill?signal=BOGUS", 400),
        ("POST", "/containers/web/resize?h=20&w=80", 200),
        ("POST", "/containers/web/rename?name=db", 204),
        ("POST", "/containers/db/rename?name=", 400),
        ("GET", "/containers/web/json", 404),
        ("POST", "/containers/db/restart?t=0", 204),
        ("DELETE", "/containers/db", 409),
        ("POST", "/containers/db/stop?t=0", 204),
        ("POST", "/containers/db/stop?t=0", 304),
        ("POST", "/containers/db/resize?h=20&w=80", 409),
        ("GET", "/containers/db/top", 409),
        ("DELETE", "/containers/db?v=1", 204),
        ("DELETE", "/containers/db?v=1", 404),
    ]

    assert steps == [(m, path, ask(m, path).status) for m, path, _ in steps]


def test_limits_are_noted(ask: Asker) -> None:
    """And the restart policy."""
    ask.run("web", "sleep", "1000")
    policy = {"Name": "always"}
    done = ask("POST", "/containers/web/update", {"Memory": 9, "RestartPolicy": policy})
    config = ask("GET", "/containers/web/json").json["HostConfig"]

    assert {"Warnings": None} == done.json
    assert (9, "always") == (config["Memory"], config["RestartPolicy"]["Name"])


def test_processes(ask: Asker) -> None:
    """The first one and those of exec."""
    ask.run("web", "sleep", "1000")
    made = ask("POST", "/containers/web/exec", {"Cmd": ["sleep", "999"]}).json["Id"]
    ask("POST", f"/exec/{made}/start", {"Detach": True})
    found = ask("GET", "/containers/web/top").json

    assert ["sleep 1000", "sleep 999"] == [row[-1] for row in found["Processes"]]
    assert len(found["Titles"]) == len(found["Processes"][0])


def test_files_in_and_out(ask: Asker) -> None:
    """What a tar brings is there, and comes out again."""
    ask.run("web", "sleep", "1000")
    put = ask("PUT", "/containers/web/archive?path=/tmp", tar({"f": "hello"}))
    head = ask("HEAD", "/containers/web/archive?path=/tmp/f")
    got = ask("GET", "/containers/web/archive?path=/tmp/f")

    assert (200, 200) == (put.status, head.status)
    assert head.headers["X-Docker-Container-Path-Stat"]
    with tarfile.open(fileobj=io.BytesIO(got.body)) as archive:
        assert ["f"] == archive.getnames()
    changes = ask("GET", "/containers/web/changes").json
    assert [{"Path": "/tmp", "Kind": 0}, {"Path": "/tmp/f", "Kind": 1}] == changes


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("GET", "path=/nope", 404),
        ("HEAD", "path=/nope", 404),
        ("GET", "", 400),
        ("PUT", "path=/nope", 404),
        ("PUT", "path=/etc/passwd", 500),  # as the recorded engine
    ],
)
def test_files_that_are_not_there(
    ask: Asker, method: str, query: str, status: int
) -> None:
    """Clear errors."""
    ask.run("web", "sleep", "1000")

    assert status == ask(method, f"/containers/web/archive?{query}", b"").status


def test_images(ask: Asker) -> None:
    """Tagged, saved, loaded, imported, committed, listed, removed."""
    ask.run("web", "sh", "-c", "echo 1 > /f")
    made = ask("POST", "/commit?container=web&repo=app&tag=1&comment=m", None)
    assert 201 == made.status
    assert 201 == ask("POST", "/images/app:1/tag?repo=team/app&tag=2").status
    saved = ask("GET", "/images/team/app:2/get")
    assert [{"Untagged": "team/app:2"}] == ask("DELETE", "/images/team/app:2").json
    assert {"Untagged": "app:1"} == ask("DELETE", "/images/app:1").json[0]
    loaded = ask("POST", "/images/load", saved.body)
    assert b'{"stream":"Loaded image: team/app:2\\n"}\n' == loaded.body
    assert made.json["Id"] == ask("GET", "/images/team/app:2/json").json["Id"]
    assert "m" == ask("GET", "/images/team/app:2/history").json[0]["Comment"]
    tree = ask("GET", "/containers/web/export").body
    done = ask("POST", "/images/create?fromSrc=-&repo=flat&tag=1", tree)
    assert done.json["status"].startswith("sha256:")
    filters = "%7B%22reference%22:%5B%22team/*%22%5D%7D"
    listed = ask("GET", f"/images/json?filters={filters}").json
    assert [["team/app:2"]] == [row["RepoTags"] for row in listed]


def test_a_build_tells_its_steps(ask: Asker) -> None:
    """Line by line, and the id at the end; an error is the last line."""
    context = tar({"Dockerfile": "FROM busybox\nCOPY f /f\nRUN cat /f\n", "f": "hi\n"})
    good = ask("POST", "/build?t=app:1", context)
    assert b"Step 2/3 : COPY f /f" in good.body
    assert b'{"stream":"hi\\n"}' in good.body
    assert 200 == ask("GET", "/images/app:1/json").status

    bad = ask("POST", "/build", tar({"Dockerfile": "FROM busybox\nRUN exit 3\n"}))
    assert b'"errorDetail":{"code":3,' in bad.body.splitlines()[-1]


@pytest.mark.parametrize(
    ("query", "context", "word"),
    [
        ("", b"this is no tar", "tar"),
        ("dockerfile=nope", tar({"Dockerfile": "FROM busybox\n"}), "nope"),
        ("t=F:x:y", tar({"Dockerfile": "FROM busybox\n"}), "reference format"),
        ("buildargs=[", tar({"Dockerfile": "FROM busybox\n"}), "JSON"),
        ("remote=https://x/y", b"", "network"),
    ],
)
def test_a_build_that_cannot_be(
    ask: Asker, query: str, context: bytes, word: str
) -> None:
    """An error before anything is told."""
    found = ask("POST", f"/build?{query}", context)

    assert found.status in {400, 501}
    assert word in found.message


def test_networks(ask: Asker) -> None:
    """Made, listed, inspected, tied and untied, removed, pruned."""
    config = {"Config": [{"Subnet": "10.9.0.0/24"}]}
    made = ask("POST", "/networks/create", {"Name": "lan", "IPAM": config})
    assert (201, "") == (made.status, made.json["Warning"])
    ask.run("web", "sleep", "1000")
    assert 200 == ask("POST", "/networks/lan/connect", {"Container": "web"}).status
    assert 403 == ask("POST", "/networks/lan/connect", {"Container": "web"}).status
    shown = ask("GET", "/networks/lan").json
    assert ["10.9.0.2/24"] == [
        each["IPv4Address"] for each in shown["Containers"].values()
    ]
    listed = ask("GET", "/networks?filters=%7B%22type%22:%5B%22custom%22%5D%7D").json
    assert [("lan", {})] == [(each["Name"], each["Containers"]) for each in listed]
    assert 403 == ask("DELETE", "/networks/lan").status
    assert 404 == ask("POST", "/networks/lan/connect", {"Container": "no"}).status
    assert 200 == ask("POST", "/networks/lan/disconnect", {"Container": "web"}).status
    assert ["lan"] == ask("POST", "/networks/prune").json["NetworksDeleted"]
    assert 404 == ask("GET", "/networks/lan").status


def test_volumes(ask: Asker) -> None:
    """Made, listed, inspected, removed, pruned."""
    made = ask("POST", "/volumes/create", {"Name": "data", "Labels": {"a": "b"}})
    assert (201, "data") == (made.status, made.json["Name"])
    assert 64 == len(ask("POST", "/volumes/create", {}).json["Name"])
    assert 2 == len(ask("GET", "/volumes").json["Volumes"])
    assert 400 == ask("POST", "/volumes/create", {"Name": "a"}).status
    assert 400 == ask("POST", "/volumes/create", {"Labels": [1]}).status
    assert 204 == ask("DELETE", "/volumes/data").status
    assert 404 == ask("GET", "/volumes/data").status
    assert 1 == len(ask("POST", "/volumes/prune").json["VolumesDeleted"])


def test_paths_of_clients_are_the_simulated_host(ask: Asker, server: Server) -> None:
    """``-v /etc:/x`` shows the simulated ``/etc``; nothing real can be seen."""
    server.engine.host.fs.write_text("/etc/marker", "simulated\n")
    ask.run("web", "ls", "/x", HostConfig={"Binds": ["/etc:/x", "/:/all"]})
    shown = ask("GET", "/containers/web/logs?stdout=1").body

    assert b"marker\n" in shown
    assert b"passwd" not in shown  # the simulated host has none, this machine has


def test_containers_are_pruned(ask: Asker) -> None:
    """Those that do not run, and by label."""
    ask.run("web", "sleep", "1000")
    ask.run("job", "true", Labels={"keep": "1"})
    ask.run("old", "true")
    filters = "%7B%22label!%22:%5B%22keep%22%5D%7D"
    assert 1 == len(ask("POST", f"/containers/prune?filters={filters}").json[
        "ContainersDeleted"])  # fmt: skip
    assert 1 == len(ask("POST", "/containers/prune").json["ContainersDeleted"])
    assert None is ask("POST", "/containers/prune").json["ContainersDeleted"]
