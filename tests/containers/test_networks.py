"""Networks: addresses, namespaces, joined containers, sockets (docker-storage.md, 8)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from unionfs_sim.containers import ContainerError, Engine, Process
from unionfs_sim.containers.addressing import Pool, mac_of
from unionfs_sim.containers.commands.network import (
    read_request,
    read_response,
    respond,
)
from unionfs_sim.containers.errors import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.process import Program
from unionfs_sim.containers.scheduling import Steps


def pool(subnet: str, ip_range: str | None = None, gateway: str | None = None) -> Pool:
    """Make a pool."""
    return Pool(
        IPv4Network(subnet),
        IPv4Network(ip_range) if ip_range else None,
        IPv4Address(gateway) if gateway else None,
    )


@pytest.mark.parametrize(
    ("made", "gateway", "first"),
    [
        (pool("172.25.100.0/24"), "172.25.100.1", "172.25.100.2"),
        (pool("10.9.9.0/24", gateway="10.9.9.254"), "10.9.9.254", "10.9.9.1"),
        (pool("10.9.9.0/24", "10.9.9.128/25"), "10.9.9.128", "10.9.9.129"),
    ],
)
def test_the_first_addresses(made: Pool, gateway: str, first: str) -> None:
    """The bridge has the first one, unless told otherwise; then come containers."""
    assert (gateway, first) == (str(made.gateway), str(made.take()))


def test_the_lowest_free_address_is_next() -> None:
    """Those that are given back are given out again, the lowest first."""
    made = pool("172.25.101.0/29")
    taken = [made.take() for _ in range(5)]
    with pytest.raises(System, match="no available IPv4 addresses"):
        made.take()
    made.give_back(taken[2])
    made.give_back(taken[0])

    assert [taken[0], taken[2]] == [made.take(), made.take()]


def test_a_wanted_address_is_left_out_later() -> None:
    """What somebody asked for is not given to the next one."""
    made = pool("10.0.0.0/24")
    assert "10.0.0.3" == str(made.take("10.0.0.3"))

    assert ["10.0.0.2", "10.0.0.4"] == [str(made.take()) for _ in range(2)]
    with pytest.raises(System, match="Address already in use"):
        made.take("10.0.0.3")
    with pytest.raises(InvalidParameter, match="It does not belong to any"):
        made.take("10.1.0.1")


def test_the_mac_is_made_of_the_address() -> None:
    """``02:42`` and the four bytes."""
    assert "02:42:ac:19:64:4d" == mac_of(IPv4Address("172.25.100.77"))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"subnet": "172.17.0.0/24"}, Forbidden, "Pool overlaps with other one"),
        (
            {"subnet": "nonsense"},
            System,
            "Invalid subnet nonsense : invalid CIDR address: nonsense",
        ),
        (
            {"gateway": "10.1.0.1"},
            System,
            "Invalid subnet  : invalid CIDR address: ",
        ),
        ({"driver": "overlay"}, System, "This node is not a swarm manager."),
        ({"driver": "nosuch"}, NotFound, 'plugin "nosuch" not found'),
        (
            {"driver": "null"},
            Forbidden,
            'only one instance of "null" network is allowed',
        ),
        (
            {"driver": "host"},
            Forbidden,
            'only one instance of "host" network is allowed',
        ),
        ({"ipam_driver": "nosuch"}, NotFound, 'plugin "nosuch" not found'),
        ({"ipam_driver": "null"}, System, "ipv4 pool is empty"),
        (
            {"ipam_driver": "null", "subnet": "10.0.0.0/24"},
            System,
            "null ipam driver does not handle specific address pool requests",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "10.1.0.1"},
            System,
            r"failed to allocate gateway \(10.1.0.1\): Requested address is out of",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "10.0.0.255"},
            System,
            r"failed to allocate gateway \(10.0.0.255\): Address already in use",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "x"},
            System,
            "invalid gateway address x in Ipam configuration",
        ),
        (
            {"subnet": "10.0.0.0/31"},
            System,
            r"failed to allocate gateway \(\): No available addresses on this pool",
        ),
        (
            {"subnet": "10.0.0.0/24", "ip_range": "x"},
            System,
            'pool "10.0.0.0/24" subpool "x": Invalid Address SubPool',
        ),
        (
            {"subnet": "10.0.0.0/24", "aux_addresses": {"a": "x"}},
            System,
            r"non parsable secondary ip address \(a:x\) passed for network net",
        ),
        (
            {"subnet": "10.0.0.0/24", "aux_addresses": {"a": "10.1.0.2"}},
            Forbidden,
            r"auxiliary address: \(a:10.1.0.2\) must belong to the master pool",
        ),
        (
            {"subnet": "10.0.0.0/24", "aux_addresses": {"a": "10.0.0.1"}},
            System,
            r"failed to allocate secondary ip address \(a:10.0.0.1\): Address already",
        ),
    ],
)
def test_networks_that_cannot_be(
    engine: Engine, options: dict[str, Any], error: type[EngineError], text: str
) -> None:
    """Each refusal in the words of an engine of 20.10.24, over its API."""
    with pytest.raises(error, match=text):
        engine.networks.create("net", **options)
    assert 3 == len(engine.networks.list())


def test_networks_without_a_subnet_get_one_each(engine: Engine) -> None:
    """Docker's pools in order; the gateway is then shown."""
    configs = [
        engine.networks.create(name).attrs["IPAM"]["Config"] for name in ("n1", "n2")
    ]

    assert [
        [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}],
        [{"Subnet": "172.19.0.0/16", "Gateway": "172.19.0.1"}],
    ] == configs


def test_a_subnet_that_is_free_again_waits_for_its_next_turn(engine: Engine) -> None:
    """Docker's pools go round: 20.10.24 gives ``172.19`` after a removed ``172.18``."""
    engine.networks.create("first").remove()

    config = engine.networks.create("second").attrs["IPAM"]["Config"]

    assert [{"Subnet": "172.19.0.0/16", "Gateway": "172.19.0.1"}] == config


@pytest.mark.parametrize(
    ("options", "gateway", "given"),
    [
        ({"ip_range": "10.96.0.128/25"}, "10.96.0.128", "10.96.0.129"),
        ({"ip_range": "10.97.0.128/25"}, "10.96.0.128", "10.96.0.129"),
        ({"ip_range": "10.96.0.0/16"}, "10.96.0.1", "10.96.0.2"),
        ({"gateway": "10.96.0.2"}, "10.96.0.2", "10.96.0.1"),
        ({"aux_addresses": {"router": "10.96.0.2"}}, "10.96.0.1", "10.96.0.3"),
    ],
)
def test_what_addresses_a_subnet_gives(
    engine: Engine, options: dict[str, Any], gateway: str, given: str
) -> None:
    """Only the bits of a range count that are a host's; recorded of 20.10.24."""
    network = engine.networks.create("net", subnet="10.96.0.0/24", **options)
    container = engine.containers.run(
        "busybox", "sleep 1000", network="net", detach=True
    )

    seen = container.attrs["NetworkSettings"]["Networks"]["net"]
    assert (gateway, given) == (seen["Gateway"], seen["IPAddress"])
    shown = network.attrs["IPAM"]["Config"][0]
    wanted = {"ip_range": "IPRange", "gateway": "Gateway"}
    wanted["aux_addresses"] = "AuxiliaryAddresses"
    assert {"Subnet": "10.96.0.0/24", **{wanted[k]: v for k, v in options.items()}} == (
        shown
    )


def test_predefined_networks_stay(engine: Engine) -> None:
    """They cannot be removed, and a prune leaves them."""
    engine.networks.create("net")

    with pytest.raises(Forbidden, match="pre-defined network"):
        engine.networks.remove("bridge")
    assert ["net"] == engine.networks.prune()["NetworksDeleted"]
    assert ["bridge", "host", "none"] == [each.name for each in engine.networks.list()]


# --- programs that talk ---------------------------------------------------------


def serve(address: str, port: int, text: str) -> Program:
    """Make a program that answers each request with a text."""

    def program(process: Process) -> Steps[int]:
        listener = process.listen(address, port)
        while True:
            connection = yield from listener.accept()
            _, path, _ = yield from read_request(connection)
            respond(connection, 200, f"{text} {path}\n")

    return program


def test_containers_of_a_network_reach_each_other_by_name(engine: Engine) -> None:
    """Names are answered on user networks; on the default bridge addresses alone."""
    engine.programs.register("/bin/web", serve("", 80, "web"))
    engine.networks.create("net")
    for network in ("net", "bridge"):
        engine.containers.run(
            "busybox", "web", name=f"web-{network}", network=network, detach=True
        )
    address = engine.containers.get("web-bridge").attrs["NetworkSettings"]["IPAddress"]

    get = "wget -q -O - http://{}/x"
    run = engine.containers.run
    assert b"web /x\n" == run("busybox", get.format("web-net"), network="net")
    assert b"web /x\n" == run("busybox", get.format(address))
    with pytest.raises(ContainerError, match="bad address"):
        run("busybox", get.format("web-bridge"))
    with pytest.raises(ContainerError, match="No route to host"):
        run("busybox", get.format(address), network="net")


def test_nothing_listens(engine: Engine) -> None:
    """Refused on the loopback; without a network there is no way out."""
    run = engine.containers.run

    with pytest.raises(ContainerError, match="Connection refused"):
        run("busybox", "wget -q -O - http://127.0.0.1:1/")
    with pytest.raises(ContainerError, match="Network is unreachable"):
        run("busybox", "wget -q -O - http://10.1.2.3/", network="none")


def test_a_loopback_is_shared_by_joined_containers_alone(engine: Engine) -> None:
    """A third container has a loopback of its own."""
    engine.programs.register("/bin/web", serve("127.0.0.1", 80, "in"))
    first = engine.containers.run("busybox", "web", name="first", detach=True)
    get = "wget -q -O - http://127.0.0.1/x"

    joined = engine.containers.run("busybox", get, network="container:first")

    assert b"in /x\n" == joined
    with pytest.raises(ContainerError, match="Connection refused"):
        engine.containers.run("busybox", get)
    address = first.attrs["NetworkSettings"]["IPAddress"]
    with pytest.raises(ContainerError, match="Connection refused"):
        engine.containers.run("busybox", f"wget -q -O - http://{address}/x")


def test_a_port_is_free_again_when_its_owner_stops(engine: Engine) -> None:
    """A new namespace each start."""
    container = engine.containers.run("busybox", "httpd -f -p 80", detach=True)
    container.restart(0)

    assert "running" == container.status
    assert 1 == container.exec_run("httpd -p 80").exit_code


def test_what_joins_a_stopped_container(engine: Engine) -> None:
    """It is refused, and the container stays created."""
    first = engine.containers.create("busybox", "sleep 9", name="first")
    joined = engine.containers.create("busybox", "true", network="container:first")

    with pytest.raises(
        Conflict, match=f"cannot join network of a non running container: {first.id}"
    ):
        joined.start()
    assert "created" == joined.status


def test_host_network(engine: Engine) -> None:
    """The container sees the host's interfaces."""
    script = ["sh", "-c", "ls /sys/class/net; ip -o -4 addr show dev eth0"]

    found = engine.containers.run("busybox", script, network="host").decode()

    assert f"inet {engine.host.address}/24" in found


def test_published_ports_are_shown_while_it_runs(engine: Engine) -> None:
    """``Ports`` has what is published, and what is only exposed as null."""
    container = engine.containers.run(
        "busybox", "sleep 9", ports={"80/tcp": 8080}, detach=True
    )

    where = [{"HostIp": host, "HostPort": "8080"} for host in ("0.0.0.0", "::")]
    assert {"80/tcp": where} == container.attrs["NetworkSettings"]["Ports"]


def test_a_client_that_is_a_program(engine: Engine) -> None:
    """A connection is read and written by ``yield from``."""
    engine.programs.register("/bin/web", serve("", 80, "hello"))

    @engine.programs.register("/bin/ask")
    def ask(process: Process) -> Steps[int]:
        connection = process.connect("127.0.0.1", 80)
        connection.write("GET /me HTTP/1.1\r\n\r\n")
        status, body = yield from read_response(connection)
        process.stdout.write(body)
        return status // 100

    container = engine.containers.run("busybox", "web", detach=True)

    assert (2, b"hello /me\n") == container.exec_run("ask")


def test_pipes_of_the_network_command(engine: Engine) -> None:
    """``nc`` carries bytes from one container to the other."""
    engine.networks.create("net")
    sink = engine.containers.run(
        "busybox", ["sh", "-c", "nc -l -p 9 > /got"], name="sink", network="net",
        detach=True,
    )  # fmt: skip
    engine.containers.run(
        "busybox", ["sh", "-c", "echo carried | nc sink 9"], network="net"
    )

    assert "carried\n" == sink.rw.read_text("/got")


def test_a_container_of_two_networks(engine: Engine) -> None:
    """One more interface at once; with the network it goes again."""
    engine.programs.register("/bin/web", serve("", 80, "web"))
    nets = [engine.networks.create(name) for name in ("one", "two")]
    web = engine.containers.run(
        "busybox", "web", network="one", name="web", detach=True
    )
    nets[1].connect(web, aliases=["www"])

    get = "wget -q -O - http://www/x"
    assert b"web /x\n" == engine.containers.run("busybox", get, network="two")
    assert b"eth0\neth1\nlo\n" == web.exec_run("ls /sys/class/net").output
    assert ["one", "two"] == list(web.attrs["NetworkSettings"]["Networks"])
    web.restart(0)
    assert b"eth0\neth1\nlo\n" == web.exec_run("ls /sys/class/net").output
    with pytest.raises(Forbidden, match="already exists in network two"):
        nets[1].connect(web)
    nets[1].disconnect(web)
    assert b"eth0\nlo\n" == web.exec_run("ls /sys/class/net").output


def test_a_joined_container_gets_no_other_network(engine: Engine) -> None:
    """It shares a namespace, and so cannot change it."""
    engine.containers.run("busybox", "sleep 9", name="first", detach=True)
    joined = engine.containers.create("busybox", "true", network="container:first")

    with pytest.raises(Forbidden, match="sharing network namespace"):
        engine.networks.create("net").connect(joined)


def test_what_the_predefined_networks_refuse(engine: Engine) -> None:
    """Nobody makes a second one, and who has no network gets none."""
    with pytest.raises(Forbidden, match="not permitted on predefined bridge network"):
        engine.networks.create("bridge")
    alone = engine.containers.run("busybox", "sleep 1000", network="none", detach=True)
    with pytest.raises(
        Forbidden, match=r"one of the networks in private \(none\) mode"
    ):
        engine.networks.create("net").connect(alone)
    code, out = alone.exec_run("hostname -i")
    assert (1, f"hostname: {alone.short_id}: Host name lookup failure\n".encode()) == (
        code, out,
    )  # fmt: skip


def test_freed_addresses_come_first_and_only_those_of_the_range() -> None:
    """The lowest that was given back is next; one outside of the range is not."""
    pool = Pool(IPv4Network("10.9.0.0/24"), IPv4Network("10.9.0.128/25"))
    first, second = pool.take(), pool.take()
    outside = pool.take("10.9.0.5")
    for address in (second, outside, first):
        pool.give_back(address)

    assert pool.take(str(first)) == first
    assert [pool.take(), pool.take()] == [second, IPv4Address(int(second) + 1)]
