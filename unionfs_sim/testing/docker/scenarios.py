"""Recorded sessions with Docker: what a file holds, and reading and writing it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.errors import FormatError

SCHEMA: Final = 1
_GZIP: Final = b"\x1f\x8b"
_KINDS: Final = {"cmd", "build", "host"}

#: One step: a command line, a build, or something done on the host; see `replay`.
Step: TypeAlias = Mapping[str, Any]


@final
@attrs.frozen
class Scenario:
    """
    One session, which starts with the base image alone.

    Attributes:
        id: Its name.
        title: What it is about.
        tags: Words to find it by.
        steps: What was done, and what came of it.
    """

    id: str
    title: str
    tags: tuple[str, ...]
    steps: tuple[Step, ...]

    def document(self) -> dict[str, Any]:
        """Give it as it lies in a file."""
        return {
            "id": self.id,
            "title": self.title,
            "tags": list(self.tags),
            "steps": [dict(step) for step in self.steps],
        }


@final
@attrs.frozen
class Recording:
    """
    The sessions of a file.

    Attributes:
        engine: What they were recorded with.
        base_image: What the base image holds.
        scenarios: The sessions.
    """

    engine: str
    base_image: Mapping[str, Any] = attrs.field(repr=False)
    scenarios: tuple[Scenario, ...] = attrs.field(repr=False)


def read_recording(path: str | os.PathLike[str]) -> Recording:
    """
    Read a file of sessions, compressed by gzip or not.

    Raises:
        FormatError: It is no such file.
        OSError: It cannot be read.
    """
    place = os.fspath(path)
    document = _document(place)
    try:
        return _recording(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"no recording of Docker sessions: {error!r}"
        raise FormatError(f"{place}: {msg}") from error


def _recording(document: Mapping[str, Any]) -> Recording:
    if document["schema"] != SCHEMA:
        msg = f"schema {document['schema']!r} is not known"
        raise ValueError(msg)
    return Recording(
        str(document["engine"]),
        document["base_image"],
        tuple(_scenario(each) for each in document["scenarios"]),
    )


def read_wanted(path: str | os.PathLike[str]) -> tuple[Scenario, ...]:
    """
    Read scenarios to be recorded: those of a recording, or with the steps alone.

    Raises:
        FormatError: It is no such file; the text names the scenario and the step.
        OSError: It cannot be read.
    """
    place = os.fspath(path)
    document = _document(place)
    given = document.get("scenarios") if isinstance(document, dict) else document
    if not isinstance(given, list):
        msg = f"{place}: no scenarios"
        raise FormatError(msg)
    found: dict[str, Scenario] = {}
    for number, each in enumerate(given):
        try:
            made = _scenario(each)
        except (KeyError, TypeError, AttributeError) as error:
            msg = f"{place}: scenario {number} wants an id and steps: {error!r}"
            raise FormatError(msg) from error
        if made.id in found:
            msg = f"{place}: two scenarios have the id {made.id!r}"
            raise FormatError(msg)
        for at, step in enumerate(made.steps):
            if (wrong := _wrong(step)) is not None:
                msg = f"{place}: {made.id}, step {at}: {wrong}"
                raise FormatError(msg)
        found[made.id] = made
    return tuple(found.values())


def _document(place: str) -> Any:  # noqa: ANN401 - what JSON can be
    raw = Path(place).read_bytes()
    try:
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
        return json.loads(raw)
    except (ValueError, EOFError, OSError) as error:
        msg = f"{place}: no JSON: {error}"
        raise FormatError(msg) from error


def _scenario(each: Mapping[str, Any]) -> Scenario:
    return Scenario(
        str(each["id"]),
        str(each.get("title", "")),
        tuple(each.get("tags", ())),
        tuple(each["steps"]),
    )


def _wrong(step: object) -> str | None:
    """Say what is wrong with a step that is to be done."""
    if not isinstance(step, dict) or len(kinds := _KINDS & step.keys()) != 1:
        return "it wants one of cmd, build and host"
    kind = kinds.pop()
    if not isinstance(step.get("expect", {}), dict):
        return "expect is no object"
    if kind == "build":
        build = step["build"]
        good = isinstance(build, dict) and {"tag", "dockerfile", "context"} <= set(
            build
        )
        return None if good else "a build wants tag, dockerfile and context"
    words = step[kind]
    if isinstance(words, list) and words and all(isinstance(x, str) for x in words):
        return None
    return f"{kind} is no list of words"


def recording_text(
    scenarios: Sequence[Scenario],
    *,
    engine: str,
    storage_driver: str,
    base_image: Mapping[str, Any],
) -> str:
    """Give the text of a file that `read_recording` reads."""
    document = {
        "schema": SCHEMA,
        "engine": engine,
        "storage_driver": storage_driver,
        "base_image": base_image,
        "count": len(scenarios),
        "scenarios": [each.document() for each in scenarios],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
