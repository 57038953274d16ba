"""
Paths: text at the door, tuples of names inside.

A path is ``str`` (bytes that are not UTF-8 travel as surrogate escapes) and is split
at slashes only.  ``..`` is never folded away here: behind a symbolic link it means
the parent of the link's target, which only a walk can know.
"""

from __future__ import annotations

import errno
from typing import Final, Protocol, TypeAlias, runtime_checkable

from unionfs_sim.errors import fs_error

#: One component of a path.
Name: TypeAlias = str

#: A path as its components; the empty tuple is the root.
Parts: TypeAlias = tuple[Name, ...]

#: The longest name that Linux takes, in bytes of UTF-8 (``NAME_MAX``).
NAME_BYTES_MAX: Final = 255

#: The longest path that Linux takes, in bytes, its final NUL not counted.
PATH_BYTES_MAX: Final = 4095

#: How many symbolic links one lookup follows (case "forty symbolic links ...").
SYMLINKS_MAX: Final = 40


@runtime_checkable
class PathLike(Protocol):
    """Anything with ``__fspath__``, such as ``pathlib.PurePosixPath``."""

    def __fspath__(self) -> str:
        """Give the path as text."""
        ...  # pragma: no cover


#: What every verb takes as a path.
StrPath: TypeAlias = str | PathLike


def fspath(path: StrPath) -> str:
    """
    Give a path as text.

    Raises:
        TypeError: *path* is neither ``str`` nor path-like.

    >>> import pathlib
    >>> fspath(pathlib.PurePosixPath("/etc/motd"))
    '/etc/motd'
    """
    if isinstance(path, str):
        return path
    method = getattr(type(path), "__fspath__", None)
    text = method(path) if method is not None else None
    if not isinstance(text, str):
        msg = f"a path must be str or os.PathLike[str], not {type(path).__name__}"
        raise TypeError(msg)
    return text


def to_bytes(text: str) -> bytes:
    """
    Give the bytes behind a name or a path.

    >>> to_bytes("caf\\udce9")
    b'caf\\xe9'
    """
    return text.encode("utf-8", "surrogateescape")


def to_text(raw: bytes) -> str:
    """
    Give the text of a name or a path that came as bytes; the inverse of `to_bytes`.

    >>> to_text(b"caf\\xe9")
    'caf\\udce9'
    """
    return raw.decode("utf-8", "surrogateescape")


def check(path: str, *, op: str) -> None:
    """
    Refuse what is no path.

    Raises:
        NoEntryError: ENOENT, the path is empty.
        UnionFSError: ENAMETOOLONG, it is too long; EINVAL, it holds a NUL.
    """
    if not path:
        raise fs_error(errno.ENOENT, path, op=op)
    if "\0" in path:
        # os.stat answers ValueError; an errno serves callers behind a mount better.
        raise fs_error(errno.EINVAL, path, op=op)
    # A character takes at most four bytes, so short ones need no encoding.
    if len(path) > PATH_BYTES_MAX // 4 and len(to_bytes(path)) > PATH_BYTES_MAX:
        raise fs_error(errno.ENAMETOOLONG, path, op=op)


def split(path: str, *, op: str) -> tuple[Parts, bool]:
    """
    Split a path into its components, and tell whether it asks for a directory.

    Empty components and ``.`` go; ``..`` stays, for the walk.  The second value is
    true if the path ends in a slash, ``.`` or ``..``.  Takes O(n).

    Raises:
        UnionFSError: As `check`.

    >>> split("/usr//lib/./x/..", op="stat")
    (('usr', 'lib', 'x', '..'), True)
    """
    check(path, op=op)
    names = path.split("/")
    return (
        tuple(name for name in names if name not in {"", "."}),
        names[-1] in {"", ".", ".."},
    )


def name_fits(name: Name) -> bool:
    """
    Tell whether Linux takes a name of this length.

    >>> name_fits("é" * 127), name_fits("é" * 128)
    (True, False)
    """
    return len(name) <= NAME_BYTES_MAX // 4 or len(to_bytes(name)) <= NAME_BYTES_MAX


def join(parts: Parts) -> str:
    """
    Give the absolute path of a tuple of names.

    >>> join(("etc", "motd")), join(())
    ('/etc/motd', '/')
    """
    return "/" + "/".join(parts)
