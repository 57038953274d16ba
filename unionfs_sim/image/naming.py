"""The names that an image is written under: annotations of an index, tags of Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from unionfs_sim.image import names
from unionfs_sim.image.model import FULL_NAME, REF_NAME, Platform

_Entry: TypeAlias = Mapping[str, Any]

_DOCKER_HUB: Final = "docker.io"

#: What Docker takes as a name with a tag, once it is canonical.
_REPO_TAG: Final = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*"
    r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
)


def is_bare(name: str) -> bool:
    """
    Tell whether a name is a tag alone, as the reference of a layout may be.

    >>> is_bare("latest"), is_bare("app:latest"), is_bare("team/app")
    (True, False, False)
    """
    return not set(":/@").intersection(name)


def is_repo_tag(name: str) -> bool:
    """
    Tell whether Docker takes a name.

    >>> is_repo_tag("app:1"), is_repo_tag("App:1"), is_repo_tag("host:5000/app:1")
    (True, False, True)
    """
    return bool(_REPO_TAG.fullmatch(names.canonical(name)))


def repo_tags(names_of_image: Sequence[str]) -> list[str]:
    """
    Give the names that ``manifest.json`` can have, in Docker's own spelling.

    >>> repo_tags(["latest", "docker.io/library/app:1", "app:1", "Upper:1"])
    ['app:1']
    """
    fitting = (name for name in names_of_image if not is_bare(name))
    return list(dict.fromkeys(names.canonical(x) for x in fitting if is_repo_tag(x)))


def full_name(name: str) -> str:
    """
    Give a name with the registry that Docker leaves out.

    >>> full_name("app"), full_name("team/app:1"), full_name("host:5000/app:1")
    ('docker.io/library/app:latest', 'docker.io/team/app:1', 'host:5000/app:1')
    """
    short = names.canonical(name)
    head, slash, _ = short.partition("/")
    if not slash:
        return f"{_DOCKER_HUB}/library/{short}"
    if "." in head or ":" in head or head == "localhost":
        return short
    return f"{_DOCKER_HUB}/{short}"


def index_entries(
    descriptor: _Entry,
    names_of_image: Sequence[str],
    platform: Platform,
    *,
    docker: bool,
) -> list[dict[str, Any]]:
    """
    Give the entries of ``index.json`` for an image, one for each of its names.

    A tag that belongs to a full name goes into the same entry, where it came from.

    Args:
        descriptor: Media type, digest and size of the manifest.
        names_of_image: The names.
        platform: What the image runs on.
        docker: Whether they are Docker names, which stand there as Docker has them.

    >>> entries = index_entries({}, ["1", "app:1"], Platform(), docker=False)
    >>> [sorted(entry["annotations"].values()) for entry in entries]
    [['1', 'app:1']]
    """
    full = [name for name in names_of_image if not is_bare(name)]
    bare = [name for name in names_of_image if is_bare(name)]
    annotations: list[dict[str, str]] = []
    for name in full:
        tag = name.rpartition(":")[2]
        if docker and is_repo_tag(name):
            tag = names.canonical(name).rpartition(":")[2]
            annotations.append({FULL_NAME: full_name(name), REF_NAME: tag})
        elif tag in bare:
            annotations.append({FULL_NAME: name, REF_NAME: tag})
            bare.remove(tag)
        else:
            annotations.append({REF_NAME: name})
    annotations.extend({REF_NAME: name} for name in bare)
    entry = dict(descriptor)
    members = {
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
    }
    if platform.architecture and platform.os:
        entry["platform"] = {name: text for name, text in members.items() if text}
    if not annotations:
        return [entry]
    return [{**entry, "annotations": each} for each in annotations]


def without(present: Sequence[_Entry], new: Sequence[_Entry]) -> list[_Entry]:
    """
    Give the entries of an index that stay when others come in: those of other names.

    >>> new = [{"digest": "b", "annotations": {REF_NAME: "1"}}]
    >>> old = [{"digest": "a", "annotations": {REF_NAME: name}} for name in "12"]
    >>> without(old, new) == old[1:]
    True
    """
    return [old for old in present if not any(_replaces(each, old) for each in new)]


def _replaces(new: _Entry, old: _Entry) -> bool:
    """Tell whether two entries mean the same image to whoever asks by name."""
    ours, theirs = new.get("annotations") or {}, old.get("annotations") or {}
    if REF_NAME not in ours or REF_NAME not in theirs:
        return new.get("digest") == old.get("digest") and ours == theirs
    full = {x[FULL_NAME] for x in (ours, theirs) if x.get(FULL_NAME)}
    platforms = [x["platform"] for x in (new, old) if x.get("platform")]
    same_platform = len(platforms) < 2 or platforms[0] == platforms[1]
    return ours[REF_NAME] == theirs[REF_NAME] and len(full) < 2 and same_platform
