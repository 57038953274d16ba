"""Networks: listed, made, inspected, tied to containers, removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unionfs_sim.containers.api.call import Answered, Call, nothing, of_json
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.errors import InvalidParameter, NotFound
from unionfs_sim.containers.filters import (
    PRUNE_FILTERS,
    check,
    labelled,
    prunable,
    until_ns,
)
from unionfs_sim.containers.networks import Network

_FILTERS: Final = frozenset(
    {"dangling", "driver", "id", "label", "name", "scope", "type"}
)


def list_networks(call: Call) -> Answered:
    """List networks; who is tied to them is shown by inspecting."""
    wanted = call.filters()
    check(wanted, _FILTERS)
    with call.engine.lock:
        return of_json(
            [
                {**each.attrs, "Containers": {}}
                for each in call.engine.networks.list()
                if _fits(each, wanted)
            ]
        )


def _fits(network: Network, wanted: Mapping[str, Sequence[str]]) -> bool:
    for key, values in wanted.items():
        match key:
            case "name":
                good = any(re.search(re.escape(x), network.name) for x in values)
            case "id":
                good = any(network.id.startswith(x) for x in values)
            case "driver":
                good = network.driver in values
            case "label":
                good = labelled(network.labels, values)
            case "type":
                good = ("custom" if network.user_defined else "builtin") in values
            case "dangling":
                unused = network.user_defined and not network.endpoints
                good = unused == (values[0] in {"true", "1"})
            case _:
                good = "local" in values
        if not good:
            return False
    return True


def create(call: Call) -> Answered:
    """Make a network."""
    body = call.document(needed=True)
    ipam = body.get("IPAM") or {}
    configs = ipam.get("Config") or []
    if len(configs) > 1:
        msg = "bridge driver doesn't support more than one subnet of each kind"
        raise InvalidParameter(msg)
    given = configs[0] if configs else {}
    made = call.engine.networks.create(
        str(body.get("Name") or ""),
        driver=str(body.get("Driver") or "bridge"),
        subnet=given.get("Subnet") or None,
        gateway=given.get("Gateway") or None,
        ip_range=given.get("IPRange") or None,
        internal=bool(body.get("Internal")),
        labels=body.get("Labels") or None,
        options=body.get("Options") or None,
        ipam_driver=str(ipam.get("Driver") or "default"),
        ipam_options=ipam.get("Options"),
        aux_addresses=given.get("AuxiliaryAddresses") or None,
    )
    return of_json({"Id": made.id, "Warning": ""}, 201)


def inspect(call: Call) -> Answered:
    """Show all of a network, and who is tied to it."""
    with call.engine.lock:
        return of_json(call.engine.networks.get(call.name).attrs)


def remove(call: Call) -> Answered:
    """Remove a network."""
    call.engine.networks.remove(call.name)
    return nothing()


def connect(call: Call) -> Answered:
    """Tie a container to a network."""
    body = call.document(needed=True)
    engine = call.engine
    with engine.verb():
        network = engine.networks.get(call.name)
        container = engine.containers.get(str(body.get("Container") or ""))
        settings = body.get("EndpointConfig") or {}
        address = (settings.get("IPAMConfig") or {}).get("IPv4Address")
        container.connect(
            network, wanted=address or None, aliases=settings.get("Aliases") or ()
        )
        if container.state.running:
            _tell(call, network, "connect", container.id)
    return nothing(200)


def disconnect(call: Call) -> Answered:
    """Untie a container from a network."""
    body = call.document(needed=True)
    engine = call.engine
    with engine.verb():
        network = engine.networks.get(call.name)
        try:
            container = engine.containers.get(str(body.get("Container") or ""))
        except NotFound:
            if body.get("Force"):
                return nothing(200)
            raise
        container.disconnect(network)
        _tell(call, network, "disconnect", container.id)
    return nothing(200)


def _tell(call: Call, network: Network, action: str, container: str) -> None:
    told: dict[str, Any] = {
        "container": container,
        "name": network.name,
        "type": network.driver,
    }
    call.engine.events.add("network", action, network.id, **told)


def prune(call: Call) -> Answered:
    """Remove the networks that no container is tied to."""
    wanted = call.filters()
    check(wanted, PRUNE_FILTERS)
    until = until_ns(wanted, call.engine.clock())
    with call.engine.verb():
        done = call.engine.networks.prune(
            lambda network: (
                prunable(network.labels, wanted)
                and (until is None or network.created_ns <= until)
            )
        )
        call.engine.events.add("network", "prune", "", reclaimed="0")
    return of_json(done)


ROUTES: Final = (
    Route("GET", "/networks", list_networks, "list; filters"),
    Route("POST", "/networks/create", create, "create; subnet, gateway, range, labels"),
    Route("POST", "/networks/prune", prune, "remove those not used"),
    Route("GET", "/networks/{name}", inspect, "inspect"),
    Route("POST", "/networks/{name}/connect", connect, "tie a container to it"),
    Route("POST", "/networks/{name}/disconnect", disconnect, "untie a container"),
    Route("DELETE", "/networks/{name}", remove, "remove"),
)
