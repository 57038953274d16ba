"""Images: listed, inspected, named, brought in and out, removed."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unionfs_sim.containers import archives
from unionfs_sim.containers.api import summaries
from unionfs_sim.containers.api.call import (
    JSON,
    TAR,
    Answer,
    Answered,
    Call,
    encoded,
    nothing,
    of_json,
    pieces,
)
from unionfs_sim.containers.api.errors import NO_REGISTRY
from unionfs_sim.containers.api.routing import Route
from unionfs_sim.containers.errors import (
    EngineError,
    InvalidParameter,
    NotFound,
    NotImplemented_,
)
from unionfs_sim.containers.filters import check, labelled
from unionfs_sim.containers.images import Image
from unionfs_sim.image.names import canonical

_FILTERS: Final = frozenset(
    {"before", "dangling", "label", "reference", "since", "until"}
)


def list_images(call: Call) -> Answered:
    """List the images, newest first."""
    wanted = call.filters()
    check(wanted, _FILTERS)
    if "filter" in call.query:
        wanted.setdefault("reference", []).append(call.text("filter"))
    store = call.engine.images
    with call.engine.lock:
        before = [store.get(name).id for name in wanted.get("before", ())]
        since = [store.get(name).id for name in wanted.get("since", ())]
        found = store.list(all=call.flag("all"))
        order = [each.id for each in store.list(all=True)]
        chosen = [
            each
            for each in found
            if _fits(each, wanted)
            and all(order.index(each.id) > order.index(other) for other in before)
            and all(order.index(each.id) < order.index(other) for other in since)
        ]
        shown = [_chosen_names(each, wanted.get("reference", ())) for each in chosen]
    return of_json(shown)


def _fits(image: Image, wanted: Mapping[str, Sequence[str]]) -> bool:
    dangling = wanted.get("dangling")
    if dangling and bool(image.tags) == (dangling[0] in {"true", "1"}):
        return False
    if not labelled(image.labels, wanted.get("label", ())):
        return False
    patterns = wanted.get("reference")
    if not patterns:
        return True
    return any(matches(tag, text) for tag in image.tags for text in patterns)


def matches(tag: str, pattern: str) -> bool:
    """
    Tell whether a name fits what ``--filter reference=`` says.

    >>> matches("busybox:latest", "busy*"), matches("app:1", "app:2")
    (True, False)
    """
    names = (tag, tag.rpartition(":")[0])
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _chosen_names(image: Image, patterns: Sequence[str]) -> dict[str, Any]:
    """Give an image, by those of its names alone that fit."""
    shown = summaries.image(image)
    if patterns:
        shown["RepoTags"] = [
            tag for tag in image.tags if any(matches(tag, text) for text in patterns)
        ]
    return shown


def inspect(call: Call) -> Answered:
    """Show all of an image."""
    try:
        image = call.engine.images.get(call.name)
    except NotFound as error:
        msg = f"no such image: {call.name}: {error.message}"
        raise NotFound(msg) from error
    return of_json(image.attrs)


def history(call: Call) -> Answered:
    """Show how an image came about."""
    rows = call.engine.images.get(call.name).history()
    return of_json(
        [
            {
                "Comment": row["Comment"],
                "Created": summaries.unix_seconds(row["Created"]),
                "CreatedBy": row["CreatedBy"],
                "Id": row["Id"],
                "Size": row["Size"],
                "Tags": row["Tags"],
            }
            for row in rows
        ]
    )


def tag(call: Call) -> Answered:
    """Give an image one more name."""
    call.engine.images.tag(call.name, call.text("repo"), call.text("tag"))
    return nothing(201)


def remove(call: Call) -> Answered:
    """Take a name from an image, or remove it."""
    done = call.engine.images.remove(
        call.name, force=call.flag("force"), prune=not call.flag("noprune")
    )
    return of_json(done)


def prune(call: Call) -> Answered:
    """Remove images that nothing uses."""
    return of_json(call.engine.images.prune(filters=call.filters()))


# --- archives ----------------------------------------------------------------------


def save_one(call: Call) -> Answered:
    """Give an archive of an image."""
    return _saved(call, [call.name])


def save_several(call: Call) -> Answered:
    """Give an archive of several images."""
    return _saved(call, call.texts("names"))


def _saved(call: Call, names: Sequence[str]) -> Answered:
    store = call.engine.images
    chosen: dict[str, tuple[Any, list[str]]] = {}
    with call.engine.lock:
        for name in names:
            try:
                image = store.get(name)
            except NotFound as error:
                msg = f"No such image: {name}"
                raise NotFound(msg) from error
            _, tags = chosen.setdefault(image.id, (image.value, []))
            full = canonical(name)
            if full in image.tags:
                tags.append(full)
            elif not image.id.removeprefix("sha256:").startswith(name):
                tags += image.tags
        out = io.BytesIO()
        archives.save(list(chosen.values()), out)
    return Answer(body=pieces(out.getvalue()), kind=TAR)


def load(call: Call) -> Answered:
    """Take in all images of an archive."""
    if not call.body:
        msg = "unexpected EOF"
        raise InvalidParameter(msg)
    lines = [
        {"stream": f"Loaded image{name}\n"}
        for image, names in call.engine.images.load_named(call.body)
        for name in [f": {name}" for name in names] or [f" ID: {image.id}"]
    ]
    return Answer(body=map(encoded, lines), kind=JSON)


def create(call: Call) -> Answered:
    """Make an image of a tar of a tree; pulling one is refused."""
    source = call.text("fromSrc")
    if not source:
        name = call.text("fromImage")
        msg = f"pull of {name} refused: {NO_REGISTRY}"
        raise NotImplemented_(msg)
    if source != "-":
        msg = f"import of a URL refused: nothing here reaches a network ({source})"
        raise NotImplemented_(msg)
    try:
        image = call.engine.images.import_image(
            call.body,
            call.text("repo") or None,
            call.text("tag"),
            changes=call.texts("changes"),
            message=call.text("message") or "Imported from -",
        )
    except EngineError as error:
        raise InvalidParameter(error.message) from error
    return Answer(body=iter((encoded({"status": image.id}),)), kind=JSON)


def push(call: Call) -> Answered:
    """Say that nothing can be pushed."""
    msg = f"push of {call.name} refused: {NO_REGISTRY}"
    raise NotImplemented_(msg)


def search(call: Call) -> Answered:
    """Say that nothing can be searched."""
    msg = f"search for {call.text('term')} refused: {NO_REGISTRY}"
    raise NotImplemented_(msg)


ROUTES: Final = (
    Route("GET", "/images/json", list_images, "list; all, filters"),
    Route("GET", "/images/search", search, "search a registry", refused=True),
    Route("GET", "/images/get", save_several, "save several"),
    Route("POST", "/images/load", load, "load", uploads=True),
    Route(
        "POST", "/images/create", create, "import a tar; to pull is refused",
        uploads=True,
    ),
    Route("POST", "/images/prune", prune, "remove those not used"),
    Route("GET", "/images/{name...}/json", inspect, "inspect"),
    Route("GET", "/images/{name...}/history", history, "history"),
    Route("GET", "/images/{name...}/get", save_one, "save"),
    Route("POST", "/images/{name...}/tag", tag, "tag"),
    Route("POST", "/images/{name...}/push", push, "push to a registry", refused=True),
    Route("DELETE", "/images/{name...}", remove, "untag, delete"),
)  # fmt: skip
