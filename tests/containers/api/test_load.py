"""
Many clients at once, and many that leave in the middle: nothing hangs, nothing stays.

``UNIONFS_SIM_LOAD_SECONDS=60 pytest -s -m slow tests/containers/api/test_load.py`` is
the long version, which also tells what was in use before, meanwhile and after.
"""

from __future__ import annotations

import gc
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.containers.api.conftest import Asker, read_all
from unionfs_sim.containers.api.server import Server
from unionfs_sim.containers.api.streams import frame

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("UNIONFS_SIM_LOAD_SECONDS", "10"))
THREADS = 50
STREAMS = 1_000


def used() -> dict[str, int]:
    """Count threads, open files, and the sockets among them."""
    gc.collect()
    names = os.listdir("/proc/self/fd")
    links = []
    for name in names:
        with suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    sockets = sum(link.startswith("socket:") for link in links)
    threads = threading.active_count()
    return {"threads": threads, "files": len(names), "sockets": sockets}


def memory() -> str:
    """Say what memory the process has, and how many objects there are."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    mib = pages * os.sysconf("SC_PAGESIZE") / 2**20
    return f"{mib:.1f} MiB, {len(gc.get_objects()):,} objects"


def settles(done: Callable[[], bool]) -> bool:
    """Tell whether something becomes true within some seconds."""
    for _ in range(1_000):
        if done():
            return True
        time.sleep(0.01)
    return False


def life(ask: Asker, name: str) -> None:
    """Live one container's life; each answer is the one that a single client gets."""
    volume = f"{name}-data"
    assert 201 == ask("POST", "/volumes/create", {"Name": volume}).status
    script = f"echo {name}; echo {name} > /data/f; sleep 1000"
    host = {"Binds": [f"{volume}:/data"]}
    identifier = ask.run(name, "sh", "-c", script, HostConfig=host)
    assert 409 == ask("POST", f"/containers/create?name={name}",
                      {"Image": "busybox", "Cmd": ["true"]}).status  # fmt: skip
    logs = ask("GET", f"/containers/{name}/logs?stdout=1")
    assert frame("stdout", f"{name}\n".encode()) == logs.body
    shown = ask("GET", f"/containers/{name}/json").json
    assert (identifier, True) == (shown["Id"], shown["State"]["Running"])
    made = ask("POST", f"/containers/{name}/exec",
               {"Cmd": ["cat", "/data/f"], "AttachStdout": True}).json  # fmt: skip
    sock, _ = ask.hijack(f"/exec/{made['Id']}/start", {})
    with sock:
        assert frame("stdout", f"{name}\n".encode()) == read_all(sock)
    assert 0 == ask("GET", f"/exec/{made['Id']}/json").json["ExitCode"]
    names = [row["Names"][0] for row in ask("GET", "/containers/json").json]
    assert f"/{name}" in names
    assert len(names) == len(set(names))
    assert 409 == ask("DELETE", f"/volumes/{volume}").status
    assert 204 == ask("POST", f"/containers/{name}/stop?t=0").status
    assert 137 == ask("POST", f"/containers/{name}/wait").json["StatusCode"]
    assert 204 == ask("DELETE", f"/containers/{name}").status
    assert 404 == ask("GET", f"/containers/{name}/json").status
    assert 204 == ask("DELETE", f"/volumes/{volume}").status


def test_many_clients_at_once(ask: Asker, server: Server) -> None:
    """No answer is one that a single client could not get, and all is given back."""
    life(ask, "first")
    assert settles(lambda: not server.connections)
    before, objects = used(), len(gc.get_objects())
    sys.stdout.write(f"\nbefore: {before}, {memory()}\n")
    until = time.monotonic() + SECONDS
    wrong: list[BaseException] = []
    lives = [0] * THREADS

    def work(number: int) -> None:
        try:
            while time.monotonic() < until:
                life(ask, f"web-{number}")
                lives[number] += 1
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS / 2)
    sys.stdout.write(f"half way: {used()}, {memory()}, {sum(lives):,} lives\n")
    for thread in threads:
        thread.join(SECONDS + 120)

    assert not [thread for thread in threads if thread.is_alive()]
    if wrong:
        raise wrong[0]
    assert sum(lives) >= THREADS
    assert settles(lambda: not server.connections)
    assert settles(lambda: used() == before)
    sys.stdout.write(f"after: {used()}, {memory()}, {sum(lives):,} lives\n")
    engine = server.engine
    assert (0, 0) == (len(engine.containers), len(engine.volumes))
    assert len(gc.get_objects()) < objects * 1.05 + 10_000  # the kept events, and more


def test_streams_that_are_cut(ask: Asker, server: Server) -> None:
    """A thousand attached clients leave at random; nothing of them stays."""
    ask.run("web", "sh", "-c", "while sleep 0.05; do echo tick; done", OpenStdin=True)
    assert settles(lambda: not server.connections)
    before = used()
    sys.stdout.write(f"\nbefore: {before}, {memory()}\n")
    chance = random.Random(7)
    plans = [chance.randrange(5) for _ in range(STREAMS)]
    wrong: list[BaseException] = []

    def client(part: list[int]) -> None:
        try:
            for plan in part:
                cut(ask, plan)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=client, args=(plans[i::20],)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)

    assert not wrong
    assert settles(lambda: not server.connections)
    assert settles(lambda: used() == before)
    sys.stdout.write(f"after {STREAMS:,} streams: {used()}, {memory()}\n")
    assert 204 == ask("DELETE", "/containers/web?force=1").status


def cut(ask: Asker, plan: int) -> None:
    """Attach, and leave in one of several ways."""
    sock, _ = ask.hijack("/containers/web/attach?stream=1&stdout=1&stdin=1")
    with sock:
        if plan == 1:
            sock.recv(3)  # in the middle of a frame
        elif plan == 2:
            sock.shutdown(socket.SHUT_WR)
            sock.recv(20)
        elif plan == 3:
            sock.sendall(b"typed")
        elif plan == 4:
            sock.shutdown(socket.SHUT_RD)
