"""A real engine to record at: as empty before a scenario as after it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, final

from unionfs_sim.errors import FormatError
from unionfs_sim.image.open import open_image
from unionfs_sim.testing.docker.baseimage import NAME, describe
from unionfs_sim.testing.docker.client import DockerClient
from unionfs_sim.testing.docker.localfiles import ROOT
from unionfs_sim.testing.docker.normalising import Normal
from unionfs_sim.testing.docker.places import RealPlace
from unionfs_sim.testing.docker.realfiles import RealFiles
from unionfs_sim.testing.docker.record import record
from unionfs_sim.testing.docker.scenarios import Scenario
from unionfs_sim.testing.docker.steps import Place

#: How long it may take until all is gone that a scenario made.
_SECONDS: Final = 30
_BASE: Final = f"{NAME}:latest"


class UnfitError(Exception):
    """An engine is none to record at; the text says why."""


@final
class RealEngine:
    """
    A real engine that holds nothing but a busybox, and will hold nothing else after.

    Args:
        client: The client that talks to it.
        folder: A directory for files of the client's own.
        files: Whether scenarios have to do with ``/data``.

    Raises:
        UnfitError: It cannot be reached, or it holds what scenarios would see, or
            destroy; or ``/data`` does.
        FormatError: Its busybox cannot be described.
    """

    def __init__(self, client: DockerClient, folder: Path, *, files: bool) -> None:
        self._client = client
        self._folder = folder
        self._files = files
        self._saved = folder / "base.tar"
        self._made_data = False
        server, *rest = self._said(
            "version", "--format",
            "{{.Server.Version}} client {{.Client.Version}} api {{.Client.APIVersion}}",
        )  # fmt: skip
        self._version = server
        self.engine = " ".join([server, *rest])
        about = json.loads(self._text("info", "--format", "{{json .}}"))
        self.storage_driver = str(about["Driver"])
        self._root = str(about["DockerRootDir"])
        self._check_alone()
        self._images = frozenset(self._all_images())
        self.base_image, self._times = self._described()
        if files:
            self._take_data()

    def _text(self, *argv: str) -> str:
        """Ask, and give the answer."""
        said = self._client.run(list(argv))
        if said.code:
            reason = said.err.strip().splitlines() or [f"exit code {said.code}"]
            msg = f"docker {' '.join(argv)}: {reason[0]}"
            raise UnfitError(msg)
        return said.out.strip()

    def _said(self, *argv: str) -> list[str]:
        return self._text(*argv).split()

    def _names(self) -> list[str]:
        return self._said("images", "--format", "{{.Repository}}:{{.Tag}}")

    def _all_images(self) -> list[str]:
        return self._said("images", "-aq", "--no-trunc")

    def _left(self) -> dict[str, list[str]]:
        """Give what there is but images, and how it is removed."""
        return {
            "container": self._said("ps", "-aq", "--no-trunc"),
            "network": self._said("network", "ls", "-q", "--filter", "type=custom"),
            "volume": self._said("volume", "ls", "-q"),
        }

    def _check_alone(self) -> None:
        for kind, names in self._left().items():
            if names:
                msg = (
                    f"the engine has a {kind}, {names[0][:20]}: scenarios see and remove"
                    " all that there is, so they want an engine of their own"
                )
                raise UnfitError(msg)
        names = self._names()
        if _BASE not in names:
            msg = f"the engine has no image {_BASE}, which all scenarios start with"
            raise UnfitError(msg)
        others = [each for each in names if each != _BASE]
        if others:
            msg = (
                f"the engine has an image {others[0]}: scenarios want an engine that has"
                f" {_BASE} alone"
            )
            raise UnfitError(msg)

    def _described(self) -> tuple[dict[str, Any], frozenset[str]]:
        self._said("save", "-o", str(self._saved), NAME)
        shown = json.loads(self._text("image", "inspect", NAME))[0]
        with open_image(self._saved) as image:
            made = describe(image, built=bool(shown.get("Parent")))
        return made, frozenset({str(shown["Created"])})

    # --- /data ------------------------------------------------------------------------

    def _take_data(self) -> None:
        """See to it that ``/data`` is there, empty, and the engine's, too."""
        data = Path(ROOT)
        if data.exists() and (not data.is_dir() or any(data.iterdir())):
            msg = f"{ROOT} of this machine is not empty: scenarios would empty it"
            raise UnfitError(msg)
        if not data.exists():
            data.mkdir()
            self._made_data = True
        probe = data / ".unionfs-sim"
        probe.touch()
        try:
            look = ["run", "--rm", "-v", f"{ROOT}:/x", NAME, "ls", f"/x/{probe.name}"]
            seen = not self._client.run(look).code
        finally:
            probe.unlink()
        if not seen:
            self.close()
            msg = f"the engine does not see {ROOT} of this machine, which scenarios use"
            raise UnfitError(msg)

    def _empty_data(self) -> None:
        files = RealFiles(ROOT)
        for name in files.listdir(ROOT):
            path = f"{ROOT}/{name}"
            if files.isdir(path) and not files.islink(path):
                files.rmtree(path)
            else:
                files.unlink(path)

    # --- before and after -------------------------------------------------------------

    def record(
        self,
        scenarios: Sequence[Scenario],
        progress: Callable[[int, int], object] | None = None,
    ) -> list[Scenario]:
        """
        Record scenarios, as `record` does.

        Raises:
            NotRecordedError: One cannot be recorded.
            UnfitError: Something that was made does not go.
        """
        return list(
            record(
                scenarios,
                self._begin,
                normal=lambda: Normal(
                    self._root, version=self._version, times=self._times
                ),
                progress=progress,
            )
        )

    @contextmanager
    def _begin(self) -> Iterator[Place]:
        """Give the place of a scenario, and remove all that it made."""
        try:
            yield RealPlace(self._client, self._folder, self._root)
        finally:
            self.clean()
            if self._files:
                self._empty_data()

    def clean(self) -> None:
        """
        Remove all that was not there, and put the busybox back if it is gone.

        Raises:
            UnfitError: Something does not go.
        """
        remove = {
            "container": ("rm", "-fv"),
            "network": ("network", "rm"),
            "volume": ("volume", "rm", "-f"),
        }
        deadline = time.monotonic() + _SECONDS
        while True:
            left = {kind: names for kind, names in self._left().items() if names}
            images = [x for x in self._all_images() if x not in self._images]
            if not left and not images:
                break
            if time.monotonic() > deadline:
                msg = f"the engine does not let go of {left or images}"
                raise UnfitError(msg)
            for kind, names in left.items():
                # One that is going already is complained of, and looked for again.
                self._client.run([*remove[kind], *names])
            if not left:
                self._client.run(["rmi", "-f", *dict.fromkeys(images)])
        if _BASE not in self._names():
            self._said("load", "-i", str(self._saved))
            self._images |= frozenset(self._all_images())

    def close(self) -> None:
        """Remove ``/data`` if it was not there before."""
        if self._made_data:
            with suppress(OSError):
                Path(ROOT).rmdir()
            self._made_data = False


@contextmanager
def real_engine(
    client_of: Callable[[Path], DockerClient], *, files: bool
) -> Iterator[RealEngine]:
    """
    Give a real engine to record at.

    Args:
        client_of: Gives the client, told of a directory for its own files.
        files: Whether scenarios have to do with ``/data``.

    Raises:
        UnfitError: It is no engine to record at.
    """
    with tempfile.TemporaryDirectory(prefix="unionfs-sim-") as name:
        folder = Path(name)
        try:
            engine = RealEngine(client_of(folder), folder, files=files)
        except (TimeoutError, FormatError) as error:
            raise UnfitError(str(error)) from error
        try:
            yield engine
        finally:
            engine.close()
