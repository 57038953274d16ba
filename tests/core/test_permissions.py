"""Who may do what, in tables (overlayfs.md, 10)."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import Credentials, Meta, UnionFSError
from unionfs_sim.core import permissions
from unionfs_sim.core.permissions import EXECUTE, READ, WRITE

OWNER = Credentials(uid=1, gid=1)
GROUP = Credentials(uid=2, gid=10)
SECOND = Credentials(uid=2, gid=2, groups=frozenset({10}))
OTHER = Credentials(uid=3, gid=3)
ROOT = Credentials()
R, W, X = READ, WRITE, EXECUTE


@pytest.mark.parametrize(
    ("caller", "mode", "expected"),
    [
        (OWNER, 0o700, R | W | X),
        (OWNER, 0o077, 0),
        (OWNER, 0o400, R),
        (GROUP, 0o070, R | W | X),
        (GROUP, 0o707, 0),
        (SECOND, 0o050, R | X),
        (SECOND, 0o707, 0),
        (OTHER, 0o007, R | W | X),
        (OTHER, 0o770, 0),
        (OTHER, 0o002, W),
        (ROOT, 0o000, R | W),
        (ROOT, 0o100, R | W | X),
        (ROOT, 0o001, R | W | X),
    ],
)
def test_allows(caller: Credentials, mode: int, expected: int) -> None:
    """The first class that fits decides; root does all but execute what nobody can."""
    meta = Meta(mode=mode, uid=1, gid=10)

    assert expected == sum(
        wanted for wanted in (R, W, X) if permissions.allows(meta, caller, wanted)
    )
    assert permissions.allows(meta, caller, expected)


def test_root_searches_every_directory() -> None:
    """Search needs no bit for root."""
    meta = Meta(mode=0)

    assert permissions.allows(meta, ROOT, X, directory=True)
    assert not permissions.allows(meta, ROOT, X)


@pytest.mark.parametrize(
    ("caller", "mode", "child_uid", "expected"),
    [
        (OTHER, 0o777, None, 0),
        (OTHER, 0o775, None, errno.EACCES),
        (OTHER, 0o776, None, errno.EACCES),
        (OTHER, 0o777, 1, 0),
        (OTHER, 0o1777, None, 0),
        (OTHER, 0o1777, 2, errno.EPERM),
        (OTHER, 0o1777, 3, 0),
        (OWNER, 0o1777, 2, 0),
        (ROOT, 0o1000, 2, 0),
    ],
)
def test_entry_error(
    caller: Credentials, mode: int, child_uid: int | None, expected: int
) -> None:
    """Entries are made by who may write, and removed by owners in sticky places."""
    directory = Meta(mode=mode, uid=1, gid=10)
    child = None if child_uid is None else Meta(mode=0, uid=child_uid)

    assert expected == permissions.entry_error(directory, caller, child)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o755, 0o755),
        (0o4755, 0o755),
        (0o2755, 0o755),
        (0o2745, 0o2745),
        (0o6711, 0o711),
        (0o6701, 0o2701),
        (0o1777, 0o1777),
    ],
)
def test_without_set_id(mode: int, expected: int) -> None:
    """Set-group-id stays where the group may not execute."""
    assert expected == permissions.without_set_id(mode)


def attempt(change: permissions.Change, meta: Meta) -> Meta | int:
    """Give the new attributes, or the error."""
    try:
        change.check(meta, "/f", "verb")
    except UnionFSError as error:
        return error.errno or 0
    return change.apply(meta)


@pytest.mark.parametrize(
    ("caller", "mode", "expected"),
    [
        (OWNER, 0o644, 0o644),
        (OWNER, 0o2644, 0o644),
        (Credentials(uid=1, gid=10), 0o2644, 0o2644),
        (ROOT, 0o6777, 0o6777),
        (GROUP, 0o644, None),
        (OTHER, 0o644, None),
    ],
)
def test_chmod(caller: Credentials, mode: int, expected: int | None) -> None:
    """Owners change modes; set-group-id only of a group of theirs."""
    got = attempt(permissions.chmod(caller, mode), Meta(mode=0, uid=1, gid=10))

    assert (errno.EPERM if expected is None else expected) == (
        got.mode if isinstance(got, Meta) else got
    )


@pytest.mark.parametrize(
    ("caller", "uid", "gid", "expected"),
    [
        (ROOT, 5, 6, (5, 6)),
        (ROOT, -1, -1, (1, 10)),
        (OWNER, -1, -1, (1, 10)),
        (OTHER, -1, -1, (1, 10)),
        (OWNER, 1, -1, (1, 10)),
        (OWNER, 1, 10, (1, 10)),
        (OWNER, -1, 1, (1, 1)),
        (Credentials(uid=1, gid=1, groups=frozenset({9})), -1, 9, (1, 9)),
        (OWNER, -1, 9, None),
        (OWNER, 2, -1, None),
        (OTHER, 3, -1, None),
        (OTHER, 1, -1, None),
        (GROUP, -1, 10, None),
    ],
)
def test_chown(
    caller: Credentials, uid: int, gid: int, expected: tuple[int, int] | None
) -> None:
    """Root gives away; owners change to groups of theirs."""
    change = permissions.chown(caller, uid, gid, directory=False)
    got = attempt(change, Meta(mode=0o644, uid=1, gid=10))

    assert (errno.EPERM if expected is None else expected) == (
        (got.uid, got.gid) if isinstance(got, Meta) else got
    )


@pytest.mark.parametrize(("directory", "mode"), [(False, 0o755), (True, 0o6755)])
def test_chown_drops_set_id_bits_of_files(directory: bool, mode: int) -> None:
    """A file loses its set-id bits, also by chown(-1, -1); a directory keeps them."""
    change = permissions.chown(ROOT, -1, -1, directory=directory)

    assert mode == change.apply(Meta(mode=0o6755)).mode


@pytest.mark.parametrize(
    ("caller", "ns", "mode", "expected"),
    [
        (OWNER, None, 0, (9, 9)),
        (OWNER, (1, 2), 0, (1, 2)),
        (OWNER, (None, 2), 0, (5, 2)),
        (OWNER, (1, None), 0, (1, 6)),
        (ROOT, (1, 2), 0, (1, 2)),
        (OTHER, None, 0o002, (9, 9)),
        (OTHER, None, 0o004, errno.EACCES),
        (OTHER, (1, 2), 0o007, errno.EPERM),
    ],
)
def test_utime(
    caller: Credentials,
    ns: tuple[int | None, int | None] | None,
    mode: int,
    expected: tuple[int, int] | int,
) -> None:
    """Owners set times; who may write can set them to now."""
    meta = Meta(mode=mode, uid=1, gid=10, atime_ns=5, mtime_ns=6)
    got = attempt(permissions.utime(caller, ns, 9), meta)

    assert expected == ((got.atime_ns, got.mtime_ns) if isinstance(got, Meta) else got)
