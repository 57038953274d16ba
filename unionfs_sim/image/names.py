"""Names of images as people write them, and which of several images they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from unionfs_sim.errors import FormatError

_DEFAULT_TAG: Final = "latest"

#: How many texts a message shows, and how much of each.
_SHOWN_MAX: Final = 20
_SHOWN_CHARS_MAX: Final = 200
_DOCKER_HUB: Final = ("docker.io/library/", "index.docker.io/library/", "docker.io/")


def canonical(name: str) -> str:
    """
    Give a Docker name without what Docker adds by itself, and with its tag.

    >>> canonical("docker.io/library/busybox"), canonical("host:5000/x:1")
    ('busybox:latest', 'host:5000/x:1')
    """
    for prefix in _DOCKER_HUB:
        if name.startswith(prefix):
            name = name[len(prefix) :]
            break
    if ":" not in name.rpartition("/")[2] and "@" not in name:
        name += f":{_DEFAULT_TAG}"
    return name


def matching(
    wanted: str, names_of_images: Sequence[Sequence[str]], *, place: str
) -> list[int]:
    """
    Find the images that a name means: exactly, as a Docker name, or as a bare tag.

    Args:
        wanted: The name.
        names_of_images: The names of each image.
        place: The archive, for the error's message.

    Returns:
        The numbers of the images that the best of the three readings finds.

    Raises:
        FormatError: There are none; the message lists all names.

    >>> matching("app", [["app:latest"], ["app:1"]], place="x.tar")
    [0]
    >>> matching("app:1", [["latest"], ["1"]], place="x.tar")
    [1]
    """
    full = canonical(wanted)
    tag = full.rpartition(":")[2]
    readings = (
        lambda name: name == wanted,
        lambda name: canonical(name) == full,
        lambda name: name == tag,
    )
    for fits in readings:
        found = [
            number
            for number, names in enumerate(names_of_images)
            if any(map(fits, names))
        ]
        if found:
            return found
    msg = f"{place}: no image is called {wanted!r}; {listing(names_of_images)}"
    raise FormatError(msg)


def some(texts: Iterable[str]) -> str:
    """
    List texts for a message: each once, the first twenty, and none longer than 200.

    >>> some(["b", "a", "b"]), some(map(str, range(30)))[-11:]
    ('b, a', '10 more ...')
    """
    different = list(dict.fromkeys(texts))
    words = [
        each if len(each) <= _SHOWN_CHARS_MAX else f"{each[:_SHOWN_CHARS_MAX]}..."
        for each in different[:_SHOWN_MAX]
    ]
    left_out = len(different) - len(words)
    return ", ".join([*words, f"{left_out} more ..."] if left_out else words)


def listing(names_of_images: Sequence[Sequence[str]]) -> str:
    """
    Say which names there are.

    >>> listing([["a:1", "a:2"], []])
    'it has: a:1, a:2, and 1 without a name'
    """
    names = [name for names in names_of_images for name in names]
    nameless = sum(1 for names in names_of_images if not names)
    words = some(names)
    if nameless:
        words += f"{', and ' if words else ''}{nameless} without a name"
    return f"it has: {words or 'no image'}"
