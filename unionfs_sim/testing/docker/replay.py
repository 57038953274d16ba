"""Replaying: each scenario on a fresh engine, through the real client."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, final

import attrs

from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.engine import Engine
from unionfs_sim.image.image import Image
from unionfs_sim.testing.docker.client import (
    DockerClient,
    Said,
    canonical,
    normal_err,
    normal_json,
    normal_out,
    with_local_paths,
)
from unionfs_sim.testing.docker.hosts import on_host
from unionfs_sim.testing.docker.localfiles import LocalFiles
from unionfs_sim.testing.docker.matching import Ids
from unionfs_sim.testing.docker.scenarios import (
    Recording,
    Scenario,
    Step,
    base_images,
    fresh_engine,
)


@final
@attrs.frozen
class Difference:
    """
    What was not as it was recorded.

    Attributes:
        step: The number of the step, from nought.
        command: What was done.
        what: ``rc``, ``stdout``, ``stderr``, ``json``, ``host`` or ``build``.
        expected: What was recorded.
        got: What came now.
    """

    step: int
    command: str
    what: str
    expected: Any
    got: Any


@final
@attrs.frozen
class Result:
    """
    What came of a scenario.

    Attributes:
        scenario: The scenario.
        differences: What was not as recorded; nothing, if it passed.
    """

    scenario: Scenario
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether all was as recorded."""
        return not self.differences


def named(step: Step) -> str:
    """
    Say what a step does.

    >>> named({"cmd": ["ps", "-a"]}), named({"host": ["ls", "/data"]})
    ('docker ps -a', 'host ls /data')
    """
    if "cmd" in step:
        return " ".join(["docker", *step["cmd"]])
    if "host" in step:
        return " ".join(["host", *map(str, step["host"])])
    return f"docker build -t {step['build']['tag']}"


class Session:
    """
    One scenario under way.

    Args:
        engine: The engine.
        run: Runs a command line.
        build: Builds what a step describes, and gives the exit code and complaints.
    """

    def __init__(
        self,
        engine: Engine,
        run: Callable[[list[str]], Said],
        build: Callable[[dict[str, Any]], tuple[int, str]],
    ) -> None:
        self._engine = engine
        self._run = run
        self._build = build
        self._ids = Ids()
        self._saved: dict[str, str] = {}

    def steps(self, scenario: Scenario) -> Iterator[Difference]:
        """Do all steps, and give the differences."""
        for number, step in enumerate(scenario.steps):
            for what, expected, got in self._step(step):
                yield Difference(number, named(step), what, expected, got)

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda m: self._saved.get(m[1], m[0]), text)

    def _step(self, step: Step) -> Iterator[tuple[str, Any, Any]]:
        expect = step["expect"]
        if "host" in step:
            operation, *args = step["host"]
            try:
                given = on_host(self._engine, operation, list(map(self._filled, args)))
            except OSError as error:
                given = {"error": errno.errorcode[error.errno or 0]}
            yield from self._compare("host", expect, given)
            return
        if "build" in step:
            code, text = self._build(step["build"])
            if code != expect["rc"]:
                yield "build", expect["rc"], f"{code}: {text}"
            return
        argv = [self._filled(arg) for arg in step["cmd"]]
        said = self._run(argv)
        if "save" in step:
            self._saved[step["save"]] = said.out.strip()
        if said.code != expect["rc"]:
            yield "rc", expect["rc"], f"{said.code}: {said.err}"
        if "json" in expect:
            try:
                value = normal_json(said.out)
            except ValueError:
                value = said.out
            yield from self._compare("json", canonical(expect["json"]), value)
        if "stdout" in expect:
            out = normal_out(step["cmd"], said.out)
            yield from self._compare("stdout", expect["stdout"], out)
        if "stderr" in expect:
            err = normal_err(said.err)
            yield from self._compare("stderr", expect["stderr"], err)

    def _compare(
        self, what: str, expected: Any, got: Any  # noqa: ANN401 - any JSON
    ) -> Iterator[tuple[str, Any, Any]]:  # fmt: skip
        if not self._ids.matches(expected, got):
            yield what, expected, got


def replay_one(scenario: Scenario, images: tuple[Image, Image], program: str) -> Result:
    """Replay one scenario through a client."""
    with (
        tempfile.TemporaryDirectory(prefix="unionfs-sim-") as name,
        fresh_engine(images) as engine,
        Server(engine) as server,
    ):
        folder = Path(name)
        client = DockerClient(program, server.listen_unix(folder / "sock"), folder)
        count = iter(range(1 << 30))

        def run(argv: list[str]) -> Said:
            local = LocalFiles(engine.host.fs, folder / f"files{next(count)}")
            changed = with_local_paths(argv, local.local)
            if changed is None:
                return client.run(argv)
            local.put_out()
            said = client.run(changed)
            local.take_in()
            return Said(said.code, local.unlocal(said.out), local.unlocal(said.err))

        def build(wanted: dict[str, Any]) -> tuple[int, str]:
            context = folder / f"context{next(count)}"
            context.mkdir()
            write_context(context, wanted)
            said = client.run(["build", "-t", wanted["tag"], str(context)])
            return said.code, said.err

        try:
            differences = tuple(Session(engine, run, build).steps(scenario))
        except TimeoutError as error:
            differences = (Difference(0, "", "time", "an answer", str(error)),)
    return Result(scenario, differences)


def write_context(folder: Path, wanted: dict[str, Any]) -> None:
    """Write the files of a build."""
    (folder / "Dockerfile").write_text(wanted["dockerfile"], encoding="utf-8")
    for name, file in wanted["context"].items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file["content"], encoding="utf-8")
        place.chmod(int(file["mode"], 8))


def replay(
    recording: Recording,
    scenarios: Sequence[Scenario],
    program: str,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Iterable[Result]:
    """
    Replay scenarios, several at a time.

    Args:
        recording: Where they come from.
        scenarios: The scenarios.
        program: The client.
        jobs: How many at a time.
        progress: Is told how many of how many are done.

    Returns:
        The results, in the order of the scenarios, as they come.
    """
    images = base_images(recording.base_image)
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda each: replay_one(each, images, program), scenarios)
        for number, result in enumerate(results, 1):
            if progress is not None:
                progress(number, len(scenarios))
            yield result
