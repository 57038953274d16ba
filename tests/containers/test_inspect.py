"""``inspect`` of the library shows what that of a real engine does, key by key."""

from __future__ import annotations

import contextlib
import difflib
import gzip
import io
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.containers.inspections import CASES, RECORDED, base_image, normalized
from unionfs_sim.containers import Engine, archives
from unionfs_sim.containers.errors import EngineError
from unionfs_sim.containers.host import Host
from unionfs_sim.core.content import hole


@cache
def recorded() -> dict[str, Any]:
    """Read the recording."""
    found: dict[str, Any] = json.loads(gzip.decompress(RECORDED.read_bytes()))
    return found


def step(engine: Engine, verb: str, given: Any) -> None:
    """Do one step."""
    match verb:
        case "container":
            name, body = given
            engine.containers.create_from(body, name)
        case "volume":
            engine.volumes.create(
                given["Name"],
                options=given.get("DriverOpts"),
                labels=given.get("Labels"),
            )
        case "network":
            (ipam,) = given["IPAM"]["Config"]
            engine.networks.create(
                given["Name"],
                subnet=ipam["Subnet"],
                gateway=ipam.get("Gateway"),
                ip_range=ipam.get("IPRange"),
                internal=given.get("Internal", False),
                labels=given.get("Labels"),
                options=given.get("Options"),
                ipam_options=None,
            )
        case "commit":
            name, repository, change, comment, author = given
            engine.containers.get(name).commit(
                repository, message=comment, author=author, changes=[change]
            )
        case "build":
            engine.build(given, tag="hb_img")
        case _:
            with contextlib.suppress(EngineError):
                getattr(engine.containers.get(given), verb)()


def objects(engine: Engine) -> Iterator[tuple[str, Any]]:
    """Give all that there is, by kind and name, as the recording has it."""
    for container in sorted(engine.containers, key=lambda each: each.name):
        yield f"container {container.name}", container.attrs
    for image in sorted(engine.images.list(), key=lambda each: each.tags):
        yield f"image {image.tags[0]}", image.attrs
    for network in sorted(engine.networks.list(), key=lambda each: each.name):
        if network.name not in {"host", "none"}:
            yield f"network {network.name}", network.attrs
    for volume in sorted(engine.volumes, key=lambda each: (each.anonymous, each.name)):
        yield f"volume {'*' if volume.anonymous else volume.name}", volume.attrs()


def shown(value: Any) -> list[str]:
    """Give a value line by line, its keys in their order."""
    return json.dumps(value, indent=1).splitlines()


@pytest.mark.parametrize("name", CASES)
def test_all_keys_in_their_order(name: str) -> None:
    """With what is below them, and with the types of all values."""
    with Engine(Host(recorded()["host"])) as engine:
        busybox = base_image(hole(recorded()["binary_bytes"]))
        archive = io.BytesIO()
        archives.save([(busybox, ["busybox:latest"])], archive)
        engine.images.load(archive.getvalue())
        for verb, given in CASES[name]:
            step(engine, verb, given)

        found = normalized(json.loads(json.dumps(list(objects(engine)))))

    expected = recorded()["cases"][name]
    assert not list(
        difflib.unified_diff(shown(expected), shown(found), "recorded", "found", n=4)
    )
