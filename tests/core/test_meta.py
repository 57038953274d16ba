"""Attributes are values: shared where empty, never changed in place."""

from __future__ import annotations

import attrs
import pytest

from unionfs_sim import Credentials, Meta
from unionfs_sim.core import meta


def test_empty_xattrs_are_shared() -> None:
    """A million files without attributes share one empty mapping."""
    assert Meta(mode=0).xattrs is Meta(mode=1, xattrs={}).xattrs is meta.NO_XATTRS


@pytest.mark.parametrize(("mtime_ns", "expected"), [(None, 2), (9, 9)])
def test_timed(mtime_ns: int | None, expected: int) -> None:
    """A change sets its time, and nothing else but the content's time."""
    before = Meta(
        mode=0o4755,
        uid=1,
        gid=2,
        atime_ns=1,
        mtime_ns=2,
        ctime_ns=3,
        xattrs={"user.k": b"v"},
        private={"impure": b"y"},
    )

    after = attrs.evolve(before, ctime_ns=7, mtime_ns=expected)
    assert after == meta.timed(before, 7, mtime_ns)


def test_meta_is_frozen() -> None:
    """Attributes are replaced, not changed."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Meta(mode=0).mode = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("before", "key", "value", "expected"),
    [
        ({}, "impure", b"y", {"impure": b"y"}),
        ({"impure": b"y"}, "impure", b"y", {"impure": b"y"}),
        ({"origin": b"1"}, "impure", b"y", {"origin": b"1", "impure": b"y"}),
        ({"origin": b"1"}, "origin", None, {}),
        ({}, "origin", None, {}),
    ],
)
def test_marked(
    before: dict[str, bytes],
    key: str,
    value: bytes | None,
    expected: dict[str, bytes],
) -> None:
    """A private mark is set or removed in a new value; the old one stays."""
    old = Meta(mode=0o644, private=before)

    assert expected == meta.marked(old, key, value).private
    assert before == old.private


def test_marks_do_not_show_in_repr() -> None:
    """What overlayfs keeps for itself is not printed."""
    assert "impure" not in repr(Meta(mode=0, private={"impure": b"y"}))


@pytest.mark.parametrize(("uid", "expected"), [(0, True), (1, False)])
def test_root_is_user_0(uid: int, expected: bool) -> None:
    """Only user 0 passes checks over."""
    assert expected is Credentials(uid=uid).is_root
