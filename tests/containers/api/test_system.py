"""Ping, version, info, space, events; versions of the API, unknown routes."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import pytest

from tests.containers.api.conftest import Asker
from unionfs_sim.containers.api.routes import GROUPS


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.41"])
def test_ping(ask: Asker, prefix: str) -> None:
    """Any version that is spoken; the headers are what clients go by."""
    found = ask("GET", f"{prefix}/_ping")

    assert (200, b"OK") == (found.status, found.body)
    assert "1.41" == found.headers["Api-Version"]
    assert "1" == found.headers["Builder-Version"]


@pytest.mark.parametrize("newest", ["1.44", "1.50", "1.51"])
def test_a_newer_client_comes_down(ask: Asker, newest: str) -> None:
    """
    What a client of 28.x does first: ping by HEAD without a version, then speak the
    version that it is told.  One that insists on its own is told what there is.
    """
    headers = {"User-Agent": "Docker-Client/28.4.0 (linux)"}
    ping = ask("HEAD", "/_ping", headers=headers)
    ours = ping.headers["Api-Version"]
    spoken = min(newest, ours, key=lambda text: [int(x) for x in text.split(".")])
    info = ask("GET", f"/v{spoken}/info", headers=headers)
    version = ask("GET", f"/v{spoken}/version", headers=headers).json
    refused = ask("GET", f"/v{newest}/containers/json", headers=headers)

    assert ("1.41", 200, 200) == (spoken, ping.status, info.status)
    assert ("1.41", "1.24") == (version["ApiVersion"], version["MinAPIVersion"])
    assert 400 == refused.status
    assert (
        f"client version {newest} is too new. Maximum supported API version is 1.41"
    ) == refused.message


def test_ping_by_head(ask: Asker) -> None:
    """No body."""
    found = ask("HEAD", "/_ping")

    assert (200, b"") == (found.status, found.body)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "1.99",
            "client version 1.99 is too new. Maximum supported API version is 1.41",
        ),
        (
            "1.1",
            "client version 1.1 is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version",
        ),
    ],
)
def test_a_version_that_is_not_spoken(ask: Asker, version: str, message: str) -> None:
    """The words are those of the recorded engine."""
    found = ask("GET", f"/v{version}/info")

    assert (400, message) == (found.status, found.message)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("PATCH", "/info"), ("GET", "/v1.41")]
)
def test_an_unknown_route(ask: Asker, method: str, path: str) -> None:
    """As the recorded engine: also for a method that the route has not."""
    found = ask(method, path)

    assert (404, "page not found") == (found.status, found.message)


def test_info_counts(ask: Asker) -> None:
    """Containers by their state."""
    ask.run("web", "sleep", "1000")
    ask.run("job", "true")
    found = ask("GET", "/info").json

    assert (2, 1, 1) == (
        found["Containers"], found["ContainersRunning"], found["ContainersStopped"],
    )  # fmt: skip


def test_space(ask: Asker) -> None:
    """Images, containers, volumes."""
    ask.run("web", "sh", "-c", "echo 1 > /f", HostConfig={"Binds": ["data:/d"]})
    found = ask("GET", "/system/df").json

    assert 1 == found["Images"][0]["Containers"]
    assert 2 == found["Containers"][0]["SizeRw"]
    assert {"RefCount": 1, "Size": 0} == found["Volumes"][0]["UsageData"]


def test_events_until_now(ask: Asker) -> None:
    """Those that were, filtered; the stream ends by itself."""
    ask.run("web", "true", Labels={"tier": "web"})
    wanted = json.dumps({"type": ["container"], "label": ["tier=web"]})
    query = urlencode({"since": 0, "until": time.time(), "filters": wanted})
    lines = ask("GET", f"/events?{query}").body.splitlines()

    assert ["create", "start", "die"] == [json.loads(x)["Action"] for x in lines]


@pytest.mark.parametrize(
    "path",
    [
        "/events?filters={",
        "/events?filters=[]",
        "/events?since=yesterday",
        '/containers/json?filters={"bogus":["1"]}',
        '/images/json?filters={"bogus":["1"]}',
        '/networks?filters={"bogus":["1"]}',
        '/volumes?filters={"bogus":["1"]}',
        "/containers/json?limit=x",
    ],
)
def test_parameters_that_make_no_sense(ask: Asker, path: str) -> None:
    """A clear 400."""
    found = ask("GET", path.replace('"', "%22").replace("{", "%7B"))

    assert 400 == found.status
    assert found.message


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/swarm", 503, "swarm"),
        ("POST", "/services/create", 503, "swarm"),
        ("POST", "/auth", 501, "registry"),
        ("POST", "/images/create?fromImage=alpine", 501, "pull of alpine refused"),
        ("POST", "/images/busybox/push", 501, "push of busybox refused"),
        ("GET", "/images/search?term=alpine", 501, "search for alpine refused"),
        ("GET", "/distribution/alpine/json", 501, "registry"),
        ("POST", "/session", 501, "DOCKER_BUILDKIT=0"),
        ("POST", "/build?version=2", 501, "DOCKER_BUILDKIT=0"),
        ("GET", "/containers/web/attach/ws", 400, "websocket"),
    ],
)
def test_what_is_refused(
    ask: Asker, method: str, path: str, status: int, word: str
) -> None:
    """Each says why, and what to do instead if there is something."""
    found = ask(method, path)

    assert status == found.status
    assert word in found.message


def test_every_route_has_words() -> None:
    """The table of the documentation is made of them."""
    routes = [route for routes in GROUPS.values() for route in routes]

    assert all(route.about for route in routes)
    assert len(routes) == len({(route.method, route.pattern) for route in routes})
