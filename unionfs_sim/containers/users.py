"""Users and groups of a container, as its ``/etc/passwd`` and ``/etc/group`` have them."""

from __future__ import annotations

from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.process import User
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError


def _rows(fs: FileSystem, path: str) -> list[list[str]]:
    try:
        text = fs.read_text(path)
    except UnionFSError:
        return []
    return [line.split(":") for line in text.splitlines() if line.count(":") > 2]


def _id(fs: FileSystem, path: str, name: str) -> int | None:
    for row in _rows(fs, path):
        if row[0] == name and row[2].isdigit():
            return int(row[2])
    return int(name) if name.isdigit() else None


def user_id(fs: FileSystem, name: str) -> int | None:
    """
    Give the id of a user, by name or number; ``None`` if there is none.

    >>> from unionfs_sim import Layer, UnionFS
    >>> fs = UnionFS([Layer.build({"etc/passwd": "web:x:33:34::/srv:/bin/sh\\n"})])
    >>> user_id(fs, "web"), user_id(fs, "7"), user_id(fs, "none")
    (33, 7, None)
    """
    return _id(fs, "/etc/passwd", name)


def group_id(fs: FileSystem, name: str) -> int | None:
    """Give the id of a group, by name or number; ``None`` if there is none."""
    return _id(fs, "/etc/group", name)


def name_of(fs: FileSystem, uid: int) -> str | None:
    """Give the name of a user id, or ``None``."""
    return next(
        (row[0] for row in _rows(fs, "/etc/passwd") if row[2] == str(uid)), None
    )


def group_name_of(fs: FileSystem, gid: int) -> str | None:
    """Give the name of a group id, or ``None``."""
    return next((row[0] for row in _rows(fs, "/etc/group") if row[2] == str(gid)), None)


def find_user(fs: FileSystem, text: str) -> User:
    """
    Find who ``USER[:GROUP]`` means, names or numbers, as the engine does.

    Raises:
        InvalidParameter: A name is not in the container's files.

    >>> from unionfs_sim import UnionFS
    >>> find_user(UnionFS(), "1000:1000")
    User(uid=1000, gid=1000, groups=(), home='/')
    """
    if not text:
        return User()
    name, colon, group = text.partition(":")
    rows = _rows(fs, "/etc/passwd")
    row = next((row for row in rows if name in (row[0], row[2])), None)
    if row is not None and not any(each[0] == name for each in rows):
        row = next(each for each in rows if each[2] == name)
    if row is None and not name.isdigit():
        msg = f"unable to find user {name}: no matching entries in passwd file"
        raise InvalidParameter(msg)
    uid = int(row[2]) if row else int(name)
    gid = int(row[3]) if row and row[3].isdigit() else 0
    home = row[5] if row and len(row) > 5 else "/"
    groups: tuple[int, ...] = ()
    if colon and group:
        found = group_id(fs, group)
        if found is None:
            msg = f"unable to find group {group}: no matching entries in group file"
            raise InvalidParameter(msg)
        gid = found
    elif row is not None:
        groups = tuple(
            int(each[2])
            for each in _rows(fs, "/etc/group")
            if row[0] in each[3].split(",")
        )
    return User(uid, gid, groups, home or "/")
