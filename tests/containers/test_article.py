"""The article's arrangement: joined containers around one volume and one address."""

from __future__ import annotations

import pytest

from unionfs_sim.containers import ContainerError, Engine, Process
from unionfs_sim.containers.commands.network import (
    read_request,
    read_response,
    respond,
)
from unionfs_sim.containers.errors import Conflict
from unionfs_sim.containers.scheduling import Steps


def tomcat(process: Process) -> Steps[int]:
    """Serve the volume, on the loopback alone."""
    listener = process.listen("127.0.0.1", 8080)
    while True:
        connection = yield from listener.accept()
        _, path, _ = yield from read_request(connection)
        try:
            body = process.fs.read_bytes(f"/data/wwwroot{path}")
        except FileNotFoundError:
            respond(connection, 404, "")
        else:
            respond(connection, 200, body)


def nginx(process: Process) -> Steps[int]:
    """Listen on the outer address, ask the one behind, and log into the volume."""
    listener = process.listen(process.network.address, 80)
    while True:
        connection = yield from listener.accept()
        _, path, _ = yield from read_request(connection)
        behind = process.connect("127.0.0.1", 8080)
        behind.write(f"GET {path} HTTP/1.1\r\n\r\n")
        status, body = yield from read_response(behind)
        with process.open("/data/wwwroot/access.log", "ab") as log:
            log.write(f"{path} {status}\n".encode())
        respond(connection, status, body)


@pytest.fixture
def site(engine: Engine) -> Engine:
    """Give an engine where the arrangement runs."""
    engine.programs.register("/usr/sbin/nginx", nginx)
    engine.programs.register("/usr/bin/tomcat", tomcat)
    engine.networks.create("linuxea0", subnet="172.25.100.0/24")
    run = engine.containers.run
    run(
        "busybox",
        name="init",
        network="linuxea0",
        volumes=["/data/init/volume:/data/wwwroot"],
        stdin_open=True,
        tty=True,
        detach=True,
    )
    for name, program in (("tomcat", "tomcat"), ("nginx", "nginx")):
        run(
            "busybox",
            program,
            name=name,
            network="container:init",
            volumes_from=["init"],
            detach=True,
        )
    return engine


def test_a_visitor_gets_the_page_through_both(site: Engine) -> None:
    """Outer address, loopback, volume: three containers answer as one machine."""
    site.host.fs.write_text("/data/init/volume/index.html", "hello\n")
    address = site.containers.get("init").attrs["NetworkSettings"]["Networks"][
        "linuxea0"
    ]["IPAddress"]

    page = site.containers.run(
        "busybox",
        f"wget -q -O - http://{address}/index.html",
        network="linuxea0",
        remove=True,
    )

    assert ("172.25.100.2", b"hello\n") == (address, page)
    assert "/index.html 200\n" == site.host.fs.read_text("/data/init/volume/access.log")


def test_the_loopback_is_not_to_be_reached_from_outside(site: Engine) -> None:
    """Tomcat listens on 127.0.0.1 alone."""
    with pytest.raises(ContainerError, match="Connection refused"):
        site.containers.run(
            "busybox", "wget -q -O - http://172.25.100.2:8080/", network="linuxea0"
        )


def test_all_three_see_one_address_and_one_hosts_file(site: Engine) -> None:
    """Interfaces, host name and hosts file are the first one's."""
    seen = {
        site.containers.get(name)
        .exec_run(["sh", "-c", "hostname; ip -o -4 addr show dev eth0; cat /etc/hosts"])
        .output
        for name in ("init", "tomcat", "nginx")
    }

    assert 1 == len(seen)
    assert b"172.25.100.2/24" in seen.pop()


def test_mounts_are_the_same_and_the_rw_layers_are_not(site: Engine) -> None:
    """The second gets no further mount; what is written beside it is its own."""
    first, second = (site.containers.get(name) for name in ("init", "nginx"))
    first.exec_run("touch /only-init")

    assert first.attrs["Mounts"] == second.attrs["Mounts"]
    assert 1 == second.exec_run("ls /only-init").exit_code


def test_the_infrastructure_container_must_run(site: Engine) -> None:
    """When it stops, the others go on with ``lo`` alone, and cannot start again."""
    init, other = site.containers.get("init"), site.containers.get("nginx")
    init.stop(0)

    assert "running" == other.status
    assert b"lo\n" == other.exec_run("ls /sys/class/net").output
    with pytest.raises(Conflict, match="cannot join network of a non running"):
        other.restart(0)
    init.start()
    other.start()
    assert b"eth0\nlo\n" == other.exec_run("ls /sys/class/net").output


def test_the_volume_outlives_them_all(site: Engine) -> None:
    """Removed, every one of them; the data is on the host."""
    site.containers.get("nginx").exec_run(["sh", "-c", "echo kept > /data/wwwroot/f"])
    for container in site.containers.list(all=True):
        container.remove(v=True, force=True)

    again = site.containers.run(
        "busybox", "cat /www/f", volumes=["/data/init/volume:/www"]
    )
    assert b"kept\n" == again


def test_explain_tells_where_things_lie(site: Engine) -> None:
    """The union answers for one path, the host's directory for the other."""
    container = site.containers.get("nginx")
    container.exec_run("touch /lost")

    assert "union" == container.explain("/lost").by
    found = container.explain("/data/wwwroot")
    assert ("bind", "/data/init/volume", True) == (
        found.by,
        found.host_path,
        found.survives,
    )
    assert ["/lost"] == [loss.path for loss in site.why_lost("nginx")]
