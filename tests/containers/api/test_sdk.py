"""The unchanged Docker SDK, talking to an engine of the same process."""

from __future__ import annotations

import io
import socket
import tarfile
from collections.abc import Iterator

import docker
import pytest
from docker.errors import APIError, ContainerError, NotFound

from unionfs_sim.containers import docker_client
from unionfs_sim.containers.engine import Engine


@pytest.fixture
def client(engine: Engine) -> Iterator[docker.DockerClient]:
    """Give a client of an engine whose time is simulated."""
    made = docker_client(engine)
    yield made
    made.close()


def test_run(client: docker.DockerClient) -> None:
    """Output; an error with exit code and complaints."""
    assert b"hi\n" == client.containers.run("busybox", "echo hi", remove=True)
    with pytest.raises(ContainerError) as caught:
        client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"])

    assert (3, b"no\n") == (caught.value.exit_status, caught.value.stderr)


def test_time_passes_while_somebody_waits(client: docker.DockerClient) -> None:
    """An hour takes no time, and nobody who does not wait sees it pass."""
    job = client.containers.run("busybox", "sleep 3600", detach=True)
    job.reload()
    assert "running" == job.status
    assert 0 == job.wait()["StatusCode"]


def test_logs_are_followed(client: docker.DockerClient) -> None:
    """Line by line."""
    script = "for i in 1 2 3; do echo $i; sleep 1; done"
    job = client.containers.run("busybox", ["sh", "-c", script], detach=True)

    assert [b"1\n", b"2\n", b"3\n"] == list(job.logs(stream=True, follow=True))


def test_commands(client: docker.DockerClient) -> None:
    """At once, as a stream, over a socket."""
    web = client.containers.run("busybox", "sleep 1000", detach=True)
    script = ["sh", "-c", "echo a; echo b >&2; exit 3"]
    assert (3, (b"a\n", b"b\n")) == tuple(web.exec_run(script, demux=True))
    assert b"etc\n" in list(web.exec_run("ls /", stream=True).output)
    found = web.exec_run("cat", stdin=True, socket=True).output
    raw = found._sock
    raw.sendall(b"typed")
    raw.shutdown(socket.SHUT_WR)
    assert b"typed" == raw.recv(100)[8:]
    found._response.close()
    raw.close()


def test_time_stands_still_while_a_client_may_type(
    client: docker.DockerClient,
) -> None:
    """A program that waits for input does not make the others' time pass."""
    web = client.containers.run("busybox", "sleep 1000", detach=True)
    for _ in range(20):
        found = web.exec_run("cat", stdin=True, socket=True).output
        raw = found._sock
        raw.sendall(b"typed")
        raw.shutdown(socket.SHUT_WR)
        assert b"typed" == raw.recv(100)[8:]
        found._response.close()
        raw.close()
    web.reload()

    assert "running" == web.status


def test_a_socket_of_an_attached_container(client: docker.DockerClient) -> None:
    """What is typed comes back."""
    made = client.containers.create("busybox", "cat", stdin_open=True)
    wanted = {"stdin": 1, "stdout": 1, "stream": 1}
    found = made.attach_socket(params=wanted)
    made.start()
    raw = found._sock
    raw.sendall(b"typed\n")
    assert b"typed\n" == raw.recv(100)[8:]
    found._response.close()
    raw.close()


def test_files(client: docker.DockerClient) -> None:
    """In and out as tars."""
    web = client.containers.create("busybox", "true")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("f")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    assert web.put_archive("/tmp", out.getvalue())
    pieces, status = web.get_archive("/tmp/f")

    assert ("f", 2) == (status["name"], status["size"])
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        assert ["f"] == archive.getnames()


def test_a_build(client: docker.DockerClient) -> None:
    """From a Dockerfile in memory."""
    image, lines = client.images.build(
        fileobj=io.BytesIO(b"FROM busybox\nRUN echo hi > /f\n"), tag="app:1"
    )

    assert ["app:1"] == image.tags
    assert any("Successfully built" in line.get("stream", "") for line in lines)


def test_errors(client: docker.DockerClient) -> None:
    """Status and words."""
    with pytest.raises(NotFound, match="No such container: no"):
        client.containers.get("no")
    with pytest.raises(APIError, match="reaches no registry"):
        client.images.pull("alpine")


def test_events(client: docker.DockerClient) -> None:
    """Those that were."""
    client.containers.run("busybox", "true", name="job")
    stream = client.events(decode=True, since=0, filters={"container": "job"})

    assert "create" == next(stream)["Action"]
    stream.close()


def test_the_engine_stays(engine: Engine) -> None:
    """Two clients, one engine; the library sees the same."""
    first, second = docker_client(engine), docker_client(engine)
    made = first.containers.create("busybox", "true", name="job")
    assert made.id == second.containers.get("job").id == engine.containers.get("job").id
    first.close()
    assert second.ping()
    second.close()
