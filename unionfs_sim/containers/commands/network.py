"""Commands of the network: ``ip``, ``wget``, ``httpd``, ``nc``."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.process import Process, Program
from unionfs_sim.containers.scheduling import Steps
from unionfs_sim.containers.sockets import Connection, Interface
from unionfs_sim.errors import UnionFSError

_HTTP_PORT: Final = 80
_MTU: Final = {"lo": 65_536}
_FLAGS: Final = {"lo": "LOOPBACK,UP,LOWER_UP"}


def ip(process: Process) -> int:
    """Show interfaces: ``ip [-o] [-4] addr [show [dev] NAME]``, ``ip link``, ``ip route``."""
    args = list(process.args)
    flags = set()
    while args and args[0].startswith("-"):
        flags.add(args.pop(0))
    kind = args.pop(0) if args else "addr"
    if "route".startswith(kind) and kind[0] == "r":
        return _routes(process)
    words = [word for word in args if word not in {"show", "dev", "list", "ls"}]
    found = list(process.network.interfaces.values())
    if words:
        found = [each for each in found if each.name == words[0]]
        if not found:
            process.stderr.write(f"ip: can't find device '{words[0]}'\n")
            return 1
    for each in found:
        if "-o" in flags:
            _one_line(process, each)
        else:
            addresses = "addr".startswith(kind) or kind == "address"
            _show(process, each, addresses=addresses, link="-4" not in flags)
    return 0


def _show(process: Process, each: Interface, *, addresses: bool, link: bool) -> None:
    name = f"{each.name}@if{each.peer}" if each.peer else each.name
    flags = _FLAGS.get(each.name, "BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN")
    tail = "qdisc noqueue qlen 1000" if each.name == "lo" else "qdisc noqueue "
    process.print(f"{each.index}: {name}: <{flags}> mtu {_mtu(each)} {tail}")
    kind = "loopback" if each.name == "lo" else "ether"
    all_ones = "00:00:00:00:00:00" if each.name == "lo" else "ff:ff:ff:ff:ff:ff"
    if link:
        process.print(f"    link/{kind} {each.mac} brd {all_ones}")
    if addresses and each.address is not None:
        process.print(f"    {_inet(each)}")
        process.print("       valid_lft forever preferred_lft forever")


def _mtu(each: Interface) -> int:
    return _MTU.get(each.name, 1500)


def _inet(each: Interface) -> str:
    assert each.address is not None, "whoever asks has looked"
    if each.name == "lo":
        return f"inet {each.address} scope host lo"
    last = each.address.network.broadcast_address
    return f"inet {each.address} brd {last} scope global {each.name}"


def _one_line(process: Process, each: Interface) -> None:
    if each.address is not None:
        process.print(
            f"{each.index}: {each.name}    {_inet(each)}"
            "\\       valid_lft forever preferred_lft forever"
        )


def _routes(process: Process) -> int:
    for each in process.network.interfaces.values():
        if each.name == "lo" or each.address is None:
            continue
        network = each.address.network
        process.print(f"default via {network[1]} dev {each.name} ")
        process.print(f"{network} dev {each.name} scope link  src {each.address.ip} ")
    return 0


def wget(process: Process) -> Steps[int]:
    """Fetch a page: ``wget [-q] [-O FILE] URL``."""
    options = Options(process, "O:T:cqS", {"quiet": "q", "spider": "S"})
    if not options.args:
        return process.fail("missing URL")
    url = options.args[0]
    parts = urlsplit(url if "://" in url else f"http://{url}")
    host, port = parts.hostname or "", parts.port or _HTTP_PORT
    try:
        connection = process.connect(host, port)
    except UnionFSError as error:
        if error.op == "resolve":
            return process.fail(f"bad address '{host}'")
        shown = f"{process.network.resolve(host)}"
        return process.fail(f"can't connect to remote host ({shown}): {reason(error)}")
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    connection.write(
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    )
    status, body = yield from read_response(connection)
    if status >= 400:
        return process.fail(
            f"server returned error: HTTP/1.1 {status} {_TEXTS[status]}"
        )
    name = options.get("O") or posixpath.basename(parts.path) or "index.html"
    if name == "-":
        process.stdout.write(body)
        return 0
    try:
        with process.open(name, "wb") as file:
            file.write(body)
    except UnionFSError as error:
        return process.fail(f"can't open '{name}': {reason(error)}")
    return 0


_TEXTS: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


def read_response(connection: Connection) -> Steps[tuple[int, bytes]]:
    """Read an answer of HTTP: its status and its body; with ``yield from``."""
    start = (yield from connection.readline()).split()
    size: int | None = None
    while line := (yield from connection.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    body = yield from connection.read(-1 if size is None else size)
    connection.close()
    status = int(start[1]) if len(start) > 1 and start[1].isdigit() else 502
    return status, body


def read_request(connection: Connection) -> Steps[tuple[str, str, dict[str, str]]]:
    """Read a question of HTTP: method, path and headers; with ``yield from``."""
    words = (yield from connection.readline()).decode("latin-1").split()
    headers: dict[str, str] = {}
    while line := (yield from connection.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    method, path = [*words, "", ""][:2]
    return method, path, headers


def respond(connection: Connection, status: int, body: bytes | str) -> None:
    """Answer a question of HTTP, and close the connection."""
    data = body.encode() if isinstance(body, str) else body
    connection.write(
        f"HTTP/1.1 {status} {_TEXTS.get(status, '')}\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    )
    connection.write(data)
    connection.close()


def httpd(process: Process) -> int | Steps[int]:
    """Serve files: ``httpd [-f] [-p [ADDRESS:]PORT] [-h DIRECTORY]``."""
    options = Options(process, "c:fh:p:r:u:v")
    address, _, port = options.get("p", str(_HTTP_PORT)).rpartition(":")
    try:
        listener = process.listen(address, int(port))
    except UnionFSError as error:
        return process.fail(f"bind: {reason(error)}")
    home = process.path(options.get("h") or process.cwd)

    def serve() -> Steps[int]:
        while True:
            connection = yield from listener.accept()
            method, path, _ = yield from read_request(connection)
            if method not in {"GET", "HEAD"} or ".." in path.split("/"):
                respond(connection, 400, "")
                continue
            place = f"{home.rstrip('/')}{path.partition('?')[0]}"
            if place.endswith("/") or process.fs.isdir(place):
                place = f"{place.rstrip('/')}/index.html"
            try:
                respond(connection, 200, process.fs.read_bytes(place))
            except FileNotFoundError:
                respond(connection, 404, "")
            except UnionFSError:
                respond(connection, 403, "")

    if "f" in options:
        return serve()
    process.background(serve())
    return 0


def nc(process: Process) -> Steps[int]:
    """Send the input and show what comes back: ``nc HOST PORT``, ``nc -l -p PORT``."""
    options = Options(process, "lp:w:")
    try:
        if "l" in options:
            port = int(options.get("p") or options.args[0])
            listener = process.listen("", port)
            connection = yield from listener.accept()
            listener.close()
        else:
            connection = process.connect(options.args[0], int(options.args[1]))
    except UnionFSError as error:
        return process.fail(reason(error))
    connection.write((yield from process.stdin.read()))
    if "l" not in options:
        connection.finish()
    while data := (yield from connection.read_some()):
        process.stdout.write(data)
    connection.close()
    return 0


COMMANDS: Final[Mapping[str, Program]] = {
    "httpd": httpd,
    "ip": ip,
    "nc": nc,
    "wget": wget,
}
