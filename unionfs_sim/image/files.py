"""The files of a layout or an archive by path, wherever they are stored."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.nodes import WHITEOUT, Directory, Node, Regular, Symlink
from unionfs_sim.core.paths import join
from unionfs_sim.errors import FormatError
from unionfs_sim.image.limits import Limits
from unionfs_sim.image.sources import FileSource


class Files(Protocol):
    """Files by relative path, such as ``"blobs/sha256/..."``."""

    @property
    def place(self) -> str:
        """What errors call the whole."""
        ...  # pragma: no cover

    def has(self, path: str) -> bool:
        """Tell whether there is something of this name."""
        ...  # pragma: no cover

    def get(self, path: str) -> Content:
        """
        Give a file's content.

        Raises:
            FormatError: It is not there, or not a regular file.
        """
        ...  # pragma: no cover


def checked(path: str, *, place: str) -> tuple[str, ...]:
    """
    Split a path that a document names; it must be plain, and stay inside.

    Raises:
        FormatError: It is absolute, empty, or has ``.``, ``..`` or a NUL.

    >>> checked("blobs/sha256/ab", place="x.tar")
    ('blobs', 'sha256', 'ab')
    """
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        msg = f"{place}: {path[:200]!r} is not a plain path inside the archive"
        raise FormatError(msg)
    return tuple(parts)


@attrs.frozen
class ArchiveFiles:
    """
    The files of an archive that was read as if it were a layer.

    Attributes:
        place: What errors call the archive.
        layer: The archive.
        limits: How many links are followed.
    """

    place: str
    layer: Layer
    limits: Limits

    def has(self, path: str) -> bool:
        """Tell whether the archive has something of this name."""
        return self.layer.get(checked(path, place=self.place)) is not None

    def get(self, path: str) -> Content:
        """
        Give a file's content; links are followed inside the archive only.

        ``docker save`` stores a layer once and puts links in the other places
        (case ``two-images.docker.tar``).

        Raises:
            FormatError: It is not there, not a regular file, or a link leads outside
                or in a circle.
        """
        todo = list(reversed(checked(path, place=self.place)))
        trail: list[tuple[str, Node]] = [("", self.layer.root)]
        hops = 0
        while todo:
            name = todo.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                if len(trail) == 1:
                    raise self._error(path, "a link leads out of the archive")
                trail.pop()
                continue
            directory = trail[-1][1]
            entry = (
                directory.entries.get(name)
                if isinstance(directory, Directory)
                else None
            )
            if isinstance(entry, Symlink):
                hops += 1
                if hops > self.limits.symlink_hops_max:
                    raise self._error(path, "too many links lead there")
                if entry.target.startswith("/"):
                    raise self._error(path, "a link leads out of the archive")
                todo.extend(reversed(entry.target.split("/")))
            elif entry is None or entry is WHITEOUT:
                raise self._error(path, "it is not in the archive")
            else:
                trail.append((name, entry))
        node = trail[-1][1]
        if not isinstance(node, Regular):
            where = join(tuple(name for name, _ in trail[1:]))
            raise self._error(path, f"{where} is not a regular file")
        return node.content

    def _error(self, path: str, reason: str) -> FormatError:
        return FormatError(f"{self.place}: {path[:1000]!r}: {reason}")


@attrs.frozen
class DirectoryFiles:
    """
    The files of a directory of the host.

    Attributes:
        place: Its path.
        resources: Closes the files that were opened.
    """

    place: str
    resources: ExitStack
    _opened: dict[tuple[str, ...], Content] = attrs.field(factory=dict, init=False)

    def has(self, path: str) -> bool:
        """Tell whether the directory has something of this name."""
        return os.path.lexists(Path(self.place, *checked(path, place=self.place)))

    def get(self, path: str) -> Content:
        """
        Open a file, which stays open until the image is closed.

        Raises:
            FormatError: It is not there, or not a regular file.
            OSError: It cannot be opened.
        """
        parts = checked(path, place=self.place)
        if parts in self._opened:
            return self._opened[parts]
        try:
            source = FileSource(Path(self.place, *parts))
        except (FileNotFoundError, NotADirectoryError) as error:
            msg = f"{self.place}: {path[:1000]!r}: it is not in the directory"
            raise FormatError(msg) from error
        self.resources.callback(source.close)
        self._opened[parts] = source.content()
        return self._opened[parts]
