"""Doing the steps of a scenario: what replaying and recording have in common."""

from __future__ import annotations

import errno
import re
from typing import Any, Protocol, final

import attrs

from unionfs_sim.testing.docker.client import Said
from unionfs_sim.testing.docker.scenarios import Step


class Place(Protocol):
    """Where steps are done."""

    def run(self, argv: list[str]) -> Said:
        """Run a command line of the client."""

    def build(self, wanted: dict[str, Any]) -> Said:
        """Build what a step describes."""

    def host(self, operation: str, args: list[str]) -> dict[str, Any]:
        """Do something on the host, or raise `OSError`."""


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


@final
@attrs.frozen
class Outcome:
    """
    What came of a step.

    Attributes:
        said: What the client said, of a command or a build.
        found: What the host showed, else.
    """

    said: Said = attrs.field(factory=lambda: Said(0, "", ""))
    found: dict[str, Any] = attrs.field(factory=dict)


@final
class Doing:
    """
    One scenario under way: knows what earlier steps saved.

    Args:
        place: Where its steps are done.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._saved: dict[str, str] = {}

    def do(self, step: Step) -> Outcome:
        """Do a step."""
        if "host" in step:
            operation, *args = step["host"]
            return Outcome(found=self._host(operation, list(map(self._filled, args))))
        if "build" in step:
            return Outcome(self._place.build(step["build"]))
        said = self._place.run([self._filled(arg) for arg in step["cmd"]])
        if "save" in step:
            self._saved[step["save"]] = said.out.strip()
        return Outcome(said)

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda m: self._saved.get(m[1], m[0]), text)

    def _host(self, operation: str, args: list[str]) -> dict[str, Any]:
        try:
            return self._place.host(operation, args)
        except OSError as error:
            return {"error": errno.errorcode[error.errno or 0]}
