"""Ports of containers that are published on their host."""

from __future__ import annotations

from typing import Any

import pytest

from unionfs_sim.containers import ContainerError, Engine, Process
from unionfs_sim.containers.commands.network import read_request, respond
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.errors import System
from unionfs_sim.containers.host import Host, World
from unionfs_sim.containers.scheduling import Steps


def server(process: Process) -> Steps[int]:
    """Say hello to each visitor, on port 80."""
    listener = process.listen("0.0.0.0", 80)
    while True:
        connection = yield from listener.accept()
        yield from read_request(connection)
        respond(connection, 200, f"hello from {process.machine.hostname}\n")


@pytest.fixture
def engine() -> Engine:
    """Give an engine whose containers can serve."""
    made = Engine.with_busybox(Host("vm"))
    made.programs.register("/usr/sbin/server", server)
    return made


def serve(engine: Engine, name: str, **options: Any) -> Container:
    """Start a container that serves."""
    return engine.containers.run("busybox", "server", name=name, detach=True, **options)


def get(engine: Engine, url: str, **options: Any) -> bytes:
    """Ask for a page in a container of its own."""
    page: bytes = engine.containers.run(
        "busybox", f"wget -q -O - {url}", remove=True, **options
    )
    return page


def test_a_port_of_the_host_leads_to_the_container(engine: Engine) -> None:
    """From the host itself, from its address, and from behind the gateway."""
    serve(engine, "web", ports={"80/tcp": 8080}, hostname="web")

    for url in ("127.0.0.1:8080", "10.0.0.1:8080"):
        assert b"hello from web\n" == get(engine, f"http://{url}/", network="host")
    assert b"hello from web\n" == get(engine, "http://172.17.0.1:8080/")


def test_the_host_reaches_the_container_itself(engine: Engine) -> None:
    """At its own address and port, published or not."""
    serve(engine, "web", hostname="web")

    assert b"hello from web\n" == get(engine, "http://172.17.0.2/", network="host")


def test_another_host_reaches_it_by_the_address_of_the_host() -> None:
    """What leaves the bridges finds the hosts of the world."""
    world = World()
    one, other = (Engine.with_busybox(world.host(name)) for name in "ab")
    one.programs.register("/usr/sbin/server", server)
    web = serve(one, "web", ports={"80/tcp": 8080}, hostname="web")

    assert b"hello from web\n" == get(other, f"http://{one.host.address}:8080/")
    web.stop(0)
    with pytest.raises(ContainerError, match="Connection refused"):
        get(other, f"http://{one.host.address}:8080/")


def test_one_on_the_loopback_is_for_the_host_alone(engine: Engine) -> None:
    """Who comes to the gateway's address finds nothing there."""
    serve(engine, "web", ports={"80/tcp": ("127.0.0.1", 8080)}, hostname="web")

    assert b"hello from web\n" == get(engine, "http://127.0.0.1:8080/", network="host")
    with pytest.raises(ContainerError, match="Connection refused"):
        get(engine, "http://172.17.0.1:8080/")


def ports(container: Container) -> dict[str, list[str] | None]:
    """Give where the ports of a container are published, in short."""
    found = container.attrs["NetworkSettings"]["Ports"]
    return {
        port: where and [f"{x['HostIp']}:{x['HostPort']}" for x in where]
        for port, where in found.items()
    }


def test_a_port_that_is_taken(engine: Engine) -> None:
    """The start fails; the container stays as it was made; its port is not shown."""
    first = serve(engine, "web", ports={"80/tcp": 38080})
    with pytest.raises(System) as caught:
        serve(engine, "two", ports={"81/tcp": 38081, "80/tcp": 38080})

    assert str(caught.value).startswith(
        "driver failed programming external connectivity on endpoint two ("
    )
    assert str(caught.value).endswith(
        "): Bind for 0.0.0.0:38080 failed: port is already allocated"
    )
    two = engine.containers.get("two")
    assert ("created", 128, {}) == (two.status, two.state.exit_code, ports(two))
    assert str(caught.value) == two.attrs["State"]["Error"]
    first.stop(0)
    two.start()
    assert ["0.0.0.0:38080", ":::38080"] == ports(two)["80/tcp"]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (("127.0.0.1", 38080), "127.0.0.1:38080: bind: address already in use"),
        (38090, "0.0.0.0:38090: bind: address already in use"),
        (("10.9.9.9", 1), "10.9.9.9:1: bind: cannot assign requested address"),
    ],
)
def test_what_the_proxy_cannot_listen_on(
    engine: Engine, where: object, reason: str
) -> None:
    """A port of another address, one that the host listens on, a strange address."""
    serve(engine, "web", ports={"80/tcp": 38080})
    engine.host_namespace.listen("0.0.0.0", 38090)

    with pytest.raises(System, match=f"userland proxy: listen tcp4 {reason}$"):
        serve(engine, "two", ports={"80/tcp": where})


def test_ports_are_given_out_in_turn(engine: Engine) -> None:
    """One after the other, for each protocol; what is given back comes late."""
    options: dict[str, Any] = {"ports": {"80/tcp": None, "81/udp": None}}
    first = serve(engine, "web", **options)
    assert {
        "80/tcp": ["0.0.0.0:32768", ":::32768"],
        "81/udp": ["0.0.0.0:32768", ":::32768"],
    } == ports(first)
    first.stop(0)
    assert {} == ports(first)
    first.start()
    assert ["0.0.0.0:32769", ":::32769"] == ports(first)["80/tcp"]


def test_all_exposed_ports_are_published_if_that_is_wanted(engine: Engine) -> None:
    """``-P``, with the ports that the image exposes."""
    engine.build("FROM busybox\nEXPOSE 90 91/udp\n", tag="app")
    made = engine.containers.run(
        "app", "sleep 1000", publish_all_ports=True, detach=True
    )

    assert {
        "90/tcp": ["0.0.0.0:32768", ":::32768"],
        "91/udp": ["0.0.0.0:32768", ":::32768"],
    } == ports(made)
    other = engine.containers.run("app", "sleep 1000", detach=True)
    assert {"90/tcp": None, "91/udp": None} == ports(other)


def test_a_range(engine: Engine) -> None:
    """The first one that is free; when none is, the start fails."""
    made = [serve(engine, x, ports={"80/tcp": "38100-38101"}) for x in ("one", "two")]

    assert [
        ["0.0.0.0:38100", ":::38100"],
        ["0.0.0.0:38101", ":::38101"],
    ] == [ports(each)["80/tcp"] for each in made]
    with pytest.raises(System, match="all ports are allocated"):
        serve(engine, "three", ports={"80/tcp": "38100-38101"})


@pytest.mark.parametrize("network", ["none", "host"])
def test_where_no_bridge_is_nothing_is_published(engine: Engine, network: str) -> None:
    """It is not an error."""
    made = serve(engine, "web", ports={"80/tcp": 38080}, network=network)

    assert {} == ports(made)
