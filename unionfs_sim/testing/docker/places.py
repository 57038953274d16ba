"""Where the steps of a scenario are done: at a simulated engine, or at a real one."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol, final

from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.engine import Engine
from unionfs_sim.image.image import Image
from unionfs_sim.testing.docker.baseimage import fresh_engine
from unionfs_sim.testing.docker.client import DockerClient, Said, with_local_paths
from unionfs_sim.testing.docker.hosts import on_host, operate, tree
from unionfs_sim.testing.docker.localfiles import ROOT, LocalFiles
from unionfs_sim.testing.docker.normalising import ENGINE_ROOT
from unionfs_sim.testing.docker.realfiles import RealFiles
from unionfs_sim.testing.docker.steps import Place

_LOWER_AND_UPPER: Final = ("LowerDir", "UpperDir")


class Runner(Protocol):
    """What runs a command line of the client."""

    def run(self, argv: list[str]) -> Said:
        """Run it."""


def _built(client: Runner, folder: Path, wanted: dict[str, Any]) -> Said:
    """Build what a step describes."""
    context = folder / "context"
    context.mkdir()
    try:
        write_context(context, wanted)
        return client.run(["build", "-t", wanted["tag"], str(context)])
    finally:
        shutil.rmtree(context)


def write_context(folder: Path, wanted: dict[str, Any]) -> None:
    """Write the files of a build."""
    (folder / "Dockerfile").write_text(wanted["dockerfile"], encoding="utf-8")
    for name, file in wanted["context"].items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file["content"], encoding="utf-8")
        place.chmod(int(file["mode"], 8))


@final
class SimulatedPlace:
    """
    A simulated engine behind a server, asked by the real client.

    Args:
        engine: The engine.
        client: The client.
        folder: A directory for files of the client's own.
    """

    def __init__(self, engine: Engine, client: Runner, folder: Path) -> None:
        self._engine = engine
        self._client = client
        self._folder = folder
        self._numbers = count()

    def run(self, argv: list[str]) -> Said:
        """Run a command line; files below ``/data`` stand in for the simulated ones."""
        folder = self._folder / f"files{next(self._numbers)}"
        local = LocalFiles(self._engine.host.fs, folder)
        changed = with_local_paths(argv, local.local)
        if changed is None:
            return self._client.run(argv)
        local.put_out()
        said = self._client.run(changed)
        local.take_in()
        return Said(said.code, local.unlocal(said.out), local.unlocal(said.err))

    def build(self, wanted: dict[str, Any]) -> Said:
        """Build what a step describes."""
        return _built(self._client, self._folder, wanted)

    def host(self, operation: str, args: list[str]) -> dict[str, Any]:
        """Do something on the simulated host."""
        return on_host(self._engine, operation, args)


@contextmanager
def simulated(images: tuple[Image, ...], program: str) -> Iterator[Place]:
    """Give a fresh engine that holds the base image alone."""
    with (
        tempfile.TemporaryDirectory(prefix="unionfs-sim-") as name,
        fresh_engine(images) as engine,
        Server(engine) as server,
    ):
        folder = Path(name)
        client = DockerClient(program, server.listen_unix(folder / "sock"), folder)
        yield SimulatedPlace(engine, client, folder)


@final
class RealPlace:
    """
    A real engine on this machine, whose ``/data`` is that of this machine.

    Args:
        client: The client.
        folder: A directory for files of the client's own.
        root: Where the engine keeps its things; scenarios call it
            ``/var/lib/docker``.
    """

    def __init__(self, client: Runner, folder: Path, root: str = ENGINE_ROOT) -> None:
        self._client = client
        self._folder = folder
        self._root = root
        self._files = RealFiles(ROOT, root)

    def run(self, argv: list[str]) -> Said:
        """Run a command line."""
        return self._client.run(argv)

    def build(self, wanted: dict[str, Any]) -> Said:
        """Build what a step describes."""
        return _built(self._client, self._folder, wanted)

    def host(self, operation: str, args: list[str]) -> dict[str, Any]:
        """
        Do something below ``/data``, or where the engine keeps its things.

        Raises:
            OSError: It cannot be done.
            SpecError: It would be elsewhere.
        """
        if operation == "upper":
            return tree(self._files, self._directories(args[0])[-1])
        if operation == "layer":
            return tree(self._files, self._directories(args[0])[int(args[1])])
        return operate(self._files, operation, list(map(self._real, args)))

    def _real(self, path: str) -> str:
        """Give the real path of one of the engine's own."""
        inside = path.startswith(f"{ENGINE_ROOT}/")
        return f"{self._root}{path[len(ENGINE_ROOT) :]}" if inside else path

    def _directories(self, name: str) -> list[str]:
        """Give where the layers of an image or of a container lie, lowest first."""
        said = self._client.run(["inspect", "-f", "{{json .GraphDriver.Data}}", name])
        if said.code:
            raise FileNotFoundError(2, said.err.strip(), name)
        data = json.loads(said.out)
        lower, upper = (data.get(key, "") for key in _LOWER_AND_UPPER)
        return [*reversed([each for each in lower.split(":") if each]), upper]
