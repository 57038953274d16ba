"""What everyday use of the client showed to differ from the real engine, one by one."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from tests.containers.api.conftest import Asker, read_all
from unionfs_sim.containers.api.streams import frame
from unionfs_sim.containers.build import build
from unionfs_sim.containers.engine import Engine

#: What the client sends of what nobody said.
UNSAID = {
    "CgroupnsMode": "", "IpcMode": "", "LogConfig": {"Type": "", "Config": {}},
    "MemorySwappiness": -1, "PidsLimit": 0, "ShmSize": 0,
}  # fmt: skip
NOT_STARTED = "OCI runtime exec failed: exec failed: unable to start container process:"


def test_what_nobody_said_is_what_the_engine_does(ask: Asker) -> None:
    """[use-inspect]"""
    ask.run("web", "true", HostConfig=UNSAID)
    shown = ask("GET", "/containers/web/json").json["HostConfig"]

    assert {key: shown[key] for key in UNSAID} == {
        "CgroupnsMode": "host",
        "IpcMode": "private",
        "LogConfig": {"Type": "json-file", "Config": {}},
        "MemorySwappiness": None,
        "PidsLimit": None,
        "ShmSize": 64 * 2**20,
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"WorkingDir": "relative"},
            "the working directory 'relative' is invalid, it needs to be an absolute path",
        ),
        ({"HostConfig": {"Memory": 1024}}, "Minimum memory limit allowed is 6MB"),
        (
            {"HostConfig": {"RestartPolicy": {"Name": "nonsense"}}},
            "invalid restart policy 'nonsense'",
        ),
    ],
)
def test_what_no_container_can_have(
    ask: Asker, body: dict[str, Any], message: str
) -> None:
    """[use-run, use-restart]"""
    found = ask("POST", "/containers/create", {"Image": "busybox", **body})

    assert (400, message) == (found.status, found.message)


def test_an_image_by_a_digest_is_not_there(ask: Asker) -> None:
    """So the client tries to pull it."""
    image = f"busybox@sha256:{'0' * 64}"
    found = ask("POST", "/containers/create", {"Image": image, "Cmd": ["true"]})

    assert (404, f"No such image: {image}") == (found.status, found.message)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"User": "nouser"},
            "unable to find user nouser: no matching entries in passwd file",
        ),
        (
            {"WorkingDir": "/nowhere"},
            f'{NOT_STARTED} chdir to cwd ("/nowhere") set in config.json failed:'
            " no such file or directory: unknown",
        ),
    ],
)
def test_a_command_that_cannot_be_started(
    ask: Asker, options: dict[str, str], said: str
) -> None:
    """It says why on its output, and ends with 126 [use-exec]."""
    ask.run("web", "sleep", "1000")
    body = {"Cmd": ["pwd"], "AttachStdout": True, **options}
    name = ask("POST", "/containers/web/exec", body).json["Id"]
    sock, _ = ask.hijack(f"/exec/{name}/start", {})
    with sock:
        assert frame("stdout", f"{said}\r\n".encode()) == read_all(sock)

    assert 126 == ask("GET", f"/exec/{name}/json").json["ExitCode"]


def test_a_state_that_there_is_not(ask: Asker) -> None:
    """[use-ps]"""
    found = ask("GET", "/containers/json?filters=%7B%22status%22:%5B%22x%22%5D%7D")
    ask.run("web", "true")
    again = ask("GET", "/containers/json?filters=%7B%22status%22:%5B%22x%22%5D%7D")

    assert (400, "Invalid filter 'status=x'") == (again.status, again.message)
    assert (400, "Invalid filter 'status=x'") == (found.status, found.message)


def test_a_new_name_that_is_taken(ask: Asker) -> None:
    """[use-ps]"""
    ask.run("one", "true")
    ask.run("two", "true")
    found = ask("POST", "/containers/one/rename?name=two")

    assert 409 == found.status
    assert found.message.startswith(
        'Error when allocating new name: Conflict. The container name "/two" is already'
    )


def test_the_tar_of_a_tree_is_no_image(ask: Asker) -> None:
    """It is for import [use-cp]."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    before = ask("GET", "/images/json").json
    found = ask("POST", "/images/load", out.getvalue())

    assert 400 == found.status
    assert "manifest.json" in found.message
    assert before == ask("GET", "/images/json").json


def test_only_addresses_of_ip_4(ask: Asker) -> None:
    """``ip -4 addr`` shows no links."""
    ask.run("web", "ip", "-4", "addr", Tty=True)
    shown = ask("GET", "/containers/web/logs?stdout=1").body.decode()

    assert "inet 172.17.0.2/16" in shown
    assert "link/" not in shown


def test_an_image_from_nothing_has_a_path(real_engine: Engine) -> None:
    """[use-build]"""
    made = build(real_engine, "FROM scratch\nCOPY a /a\n", {"a": "x"}, tags=["app"])

    assert [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ] == made.attrs["Config"]["Env"]


def test_triggers_are_for_the_next_image_alone(real_engine: Engine) -> None:
    """Its own child has none of them [use-build]."""
    build(real_engine, "FROM busybox\nONBUILD RUN echo > /f\n", tags=["parent"])
    made = build(real_engine, "FROM parent\nONBUILD ENV a=b\n", tags=["app"])

    assert ["ENV a=b"] == made.attrs["Config"]["OnBuild"]
    assert real_engine.containers.run("app", "ls /f", remove=True) == b"/f\n"
