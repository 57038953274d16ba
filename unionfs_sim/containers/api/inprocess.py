"""The unchanged Docker SDK for Python, talking to an engine of the same process."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final, final

from docker import DockerClient
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.api.system import API_VERSION

if TYPE_CHECKING:
    from unionfs_sim.containers.engine import Engine

#: Where the SDK believes the engine to be.
_ADDRESS: Final = "unionfs-sim:2375"
_CONNECTIONS: Final = 25


@final
class _Socket(socket.socket):
    """A socket that goes quietly: the SDK forgets those that it took for streams."""

    def __del__(self) -> None:
        """Close it."""
        if self.fileno() >= 0:
            os.close(self.detach())


@final
class _Connection(HTTPConnection):
    """A connection whose other end is in this process."""

    def __init__(self, server: Server, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._server = server

    def connect(self) -> None:
        """Get an end from the server."""
        self.sock = _Socket(fileno=self._server.connect().detach())
        self.sock.settimeout(self.timeout)


@final
class _Pool(HTTPConnectionPool):
    """Keeps connections that may be used again."""

    def __init__(self, server: Server, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout, maxsize=_CONNECTIONS)
        self._server = server
        self._seconds = timeout

    def _new_conn(self) -> _Connection:
        return _Connection(self._server, self._seconds)


@final
class _Adapter(HTTPAdapter):
    """What `requests` sends by, to a server of this process."""

    def __init__(self, server: Server, timeout: float) -> None:
        self._server = server
        self._pool = _Pool(server, timeout)
        super().__init__()

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: Any,  # noqa: ANN401
        proxies: Any = None,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> _Pool:
        """Give the only pool; there is no way through a proxy."""
        return self._pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:  # noqa: ANN401
        """Give the path alone, as to a server and not a proxy."""
        return str(request.path_url)

    def close(self) -> None:
        """Close the connections, and the server with them."""
        super().close()
        self._pool.close()
        self._server.close()


def client_of(engine: Engine, *, timeout: float = 60) -> DockerClient:
    """Make the client; see `unionfs_sim.containers.docker_client`."""
    made = DockerClient(
        base_url=f"tcp://{_ADDRESS}", version=API_VERSION, timeout=int(timeout)
    )
    made.api.mount(f"http://{_ADDRESS}", _Adapter(Server(engine), timeout))
    return made
