"""What a container uses: nothing is used, so all numbers are nought."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from unionfs_sim.containers.api.call import JSON, Answer, Answered, Call, encoded
from unionfs_sim.containers.api.containers import found
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.container import Container
from unionfs_sim.containers.states import NEVER, timestamp

#: How often Docker tells, in seconds.
_PAUSE_SECONDS: Final = 1.0

_CPU: Final[dict[str, Any]] = {
    "cpu_usage": {
        "total_usage": 0,
        "usage_in_kernelmode": 0,
        "usage_in_usermode": 0,
    },
    "system_cpu_usage": 0,
    "online_cpus": 1,
    "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
}


def stats(call: Call) -> Answered:
    """Tell what a container uses, once or every second."""
    container = found(call)
    if call.flag("stream", default=True):
        return Answer(body=_told(call, container), kind=JSON)
    return Answer(body=encoded(_document(container)), kind=JSON)


def _told(call: Call, container: Container) -> Iterator[bytes]:
    while not (container.removed or call.wire.gone()):
        yield encoded(_document(container))
        with call.engine.lock:
            call.engine.changed.wait(_PAUSE_SECONDS)


def _document(container: Container) -> dict[str, Any]:
    with container.engine.lock:
        running = container.state.running
        pids = {"current": len(container.processes())} if running else {}
    return {
        "read": timestamp(container.engine.clock()) if running else NEVER,
        "preread": NEVER,
        "pids_stats": pids,
        "blkio_stats": {},
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _CPU,
        "precpu_stats": _CPU,
        "memory_stats": {},
        "name": f"/{container.name}",
        "id": container.id,
    }


ROUTES: Final = (
    Route("GET", "/containers/{name}/stats", stats, "what is used: all nought"),
)
