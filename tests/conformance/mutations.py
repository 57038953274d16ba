"""
Bugs to plant: each is a small change of the core that a careless hand might make.

Most change what a commit does, step by step; the others change one decision.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import attrs
import pytest

from unionfs_sim.core import (
    commit,
    fold,
    permissions,
    plan,
    policy,
    rename,
    status,
    upper,
    xattrs,
)
from unionfs_sim.core.meta import timed
from unionfs_sim.core.nodes import WHITEOUT, Directory
from unionfs_sim.core.steps import (
    AddToIndex,
    CopyUp,
    Make,
    Move,
    PutWhiteout,
    Remove,
    SetContent,
    SetMark,
    SetMeta,
    Step,
)
from unionfs_sim.core.upper import UpperDirectory
from unionfs_sim.dialects import overlay

Patch: TypeAlias = pytest.MonkeyPatch
Plant: TypeAlias = Callable[[Patch], None]


def _steps(patch: Patch, change: Callable[[Step], Iterable[Step]]) -> None:
    """Change the steps that commits do."""
    do = commit._Work.do

    def wrong(self: Any, step: Step) -> None:
        for each in change(step):
            do(self, each)

    patch.setattr(commit._Work, "do", wrong)


def _without(wanted: Callable[[Step], bool]) -> Plant:
    """Plant a bug that leaves steps out."""
    return lambda patch: _steps(patch, lambda step: () if wanted(step) else (step,))


def _without_mark(key: str) -> Plant:
    return _without(lambda step: isinstance(step, SetMark) and step.key == key)


def _copied(change: Callable[[Any], dict[str, Any]]) -> Plant:
    """Plant a bug that loses an attribute in copy-up."""

    def wrong(step: Step) -> Iterable[Step]:
        if isinstance(step, CopyUp):
            meta = step.inode.meta
            commit._put_meta(step.inode, attrs.evolve(meta, **change(meta)))
        yield step

    return lambda patch: _steps(patch, wrong)


# --- whiteouts and opaque marks --------------------------------------------------


def whiteout_forgotten(patch: Patch) -> None:
    """A name that lower layers show is removed without a whiteout."""

    def wrong(step: Step) -> Iterable[Step]:
        if not isinstance(step, PutWhiteout):
            yield step
        elif step.name in step.directory.entries:
            yield Remove(step.directory, step.name)

    _steps(patch, wrong)


def whiteout_too_many(patch: Patch) -> None:
    """A name that only the upper has leaves a whiteout."""

    def wrong(step: Step) -> Iterable[Step]:
        if isinstance(step, Remove):
            yield PutWhiteout(step.directory, step.name)
        else:
            yield step

    _steps(patch, wrong)


def whiteout_after_every_move(patch: Patch) -> None:
    """A rename leaves a whiteout also where nothing is covered."""

    def wrong(step: Step) -> Iterable[Step]:
        yield step
        if isinstance(step, Move):
            yield PutWhiteout(step.directory, step.name)

    _steps(patch, wrong)


def lower_whiteout_ignored(patch: Patch) -> None:
    """A whiteout of a lower layer is taken for an ordinary device."""
    patch.setattr(overlay, "_is_whiteout", lambda _: False)


def opaque_ignored(patch: Patch) -> None:
    """An opaque directory of a lower layer merges with what is below it."""
    entry_of = fold._Fold._entry

    def wrong(self: Any, entries: Any, name: str, entry: Any, present: Any) -> Any:
        if isinstance(entry, Directory) and entry.opaque:
            entry = attrs.evolve(entry, opaque=False)
        return entry_of(self, entries, name, entry, present)

    patch.setattr(fold._Fold, "_entry", wrong)


def fresh_directory_not_opaque(patch: Patch) -> None:
    """A directory that is made over a whiteout lets the old content through."""

    def wrong(step: Step) -> Iterable[Step]:
        if isinstance(step, Make) and isinstance(step.inode, UpperDirectory):
            step.inode.opaque = False
        yield step

    _steps(patch, wrong)


def stray_whiteouts_not_counted(patch: Patch) -> None:
    """A directory of the upper with nothing but whiteouts counts as empty."""

    def wrong(directory: Any, **_: object) -> bool:
        return any(entry is not WHITEOUT for entry in directory.entries.values())

    patch.setattr(plan, "_entries_on_disk", wrong)


# --- the order and the kind of errors --------------------------------------------


def rename_looks_at_the_target_first(patch: Patch) -> None:
    """RENAME_NOREPLACE gives EEXIST before ENOENT of the source."""
    right = rename._error

    def wrong(call: Any, source: Any, place: Any, flags: int) -> int:
        if flags & 1 and place.live is not None:
            return errno.EEXIST
        return right(call, source, place, flags)

    patch.setattr(rename, "_error", wrong)


def cross_device_comes_first(patch: Patch) -> None:
    """EXDEV of a lower directory comes before EISDIR and ENOTDIR of the target."""
    right = rename._late_error

    def wrong(call: Any, source: Any, place: Any, flags: int) -> int:
        stays = call.policy.redirect_dir is not policy.Redirect.ON
        if stays and rename._needs_redirect(source.live):
            return errno.EXDEV
        return right(call, source, place, flags)

    patch.setattr(rename, "_late_error", wrong)


def failed_setxattr_copies_nothing(patch: Patch) -> None:
    """A setxattr that fails leaves the upper as it was."""
    right = plan.set_meta

    def wrong(call: Any, op: str, place: Any, change: Any, **how: Any) -> Any:
        if how.get("error"):
            raise plan.failed(how["error"], place, op)
        return right(call, op, place, change, **how)

    patch.setattr(plan, "set_meta", wrong)


def sticky_bit_ignored(patch: Patch) -> None:
    """In a sticky directory everyone may remove everything."""
    right = permissions.entry_error
    patch.setattr(
        permissions, "entry_error", lambda meta, caller, _=None: right(meta, caller)
    )


# --- attributes ------------------------------------------------------------------


def set_id_bits_survive_chown(patch: Patch) -> None:
    """A chown leaves set-user-id where it is."""
    patch.setattr(permissions, "without_set_id", lambda mode: mode)


def times_of_parents_stay(patch: Patch) -> None:
    """Making and removing names leaves the directory's time as it was."""
    patch.setattr(commit._Work, "_stamp", lambda *_: None)


def copy_up_stamps_the_parent(patch: Patch) -> None:
    """Copying a file up changes the time of its directory."""

    def wrong(step: Step) -> Iterable[Step]:
        yield step
        if isinstance(step, CopyUp):
            now = 5_000_000_000 * 1_000_000_000
            yield SetMeta(step.directory, timed(step.directory.meta, now, now))

    _steps(patch, wrong)


def group_of_parent_ignored(patch: Patch) -> None:
    """A new object in a set-group-id directory gets the caller's group."""
    right = plan.new_meta

    def wrong(call: Any, place: Any, mode: int, *, directory: bool = False) -> Any:
        meta = right(call, place, mode, directory=directory)
        return attrs.evolve(meta, gid=call.caller.gid)

    patch.setattr(plan, "new_meta", wrong)


def trusted_attributes_hidden(patch: Patch) -> None:
    """The attributes of `trusted.` are not listed, not even to root."""
    right = xattrs.shown
    patch.setattr(
        xattrs,
        "shown",
        lambda *args: [name for name in right(*args) if not name.startswith("t")],
    )


def merged_directories_count_links(patch: Patch) -> None:
    """A merged directory shows two links and one for each subdirectory."""

    def wrong(directory: Any) -> int:
        entries = directory.entries.values()
        return 2 + sum(isinstance(x, upper.LIVE_DIRECTORY_TYPES) for x in entries)

    patch.setattr(status, "directory_nlink", wrong)


# --- redirects, hard links, metadata-only files ----------------------------------


def redirect_always_relative(patch: Patch) -> None:
    """A directory that moves to another parent keeps only its old name."""
    right = rename._redirect

    def wrong(draft: Any, inode: Any, place: Any, **_: Any) -> int:
        return right(draft, inode, place, same_parent=True)

    patch.setattr(rename, "_redirect", wrong)


def hard_links_are_one_inode(patch: Patch) -> None:
    """A rename between two lower hard links does nothing, also with index=off."""
    patch.setattr(
        rename, "_one_inode", lambda _, source, place: source.live is place.live
    )


def truncation_loses_the_content(patch: Patch) -> None:
    """Whatever is written, the size is that of before."""

    def wrong(step: Step) -> Iterable[Step]:
        if isinstance(step, SetContent):
            size = step.inode.node.content.size  # type: ignore[union-attr]
            step = attrs.evolve(step, content=step.content.resize(size))
        yield step

    _steps(patch, wrong)


MUTATIONS: Final[dict[str, Plant]] = {
    "a whiteout forgotten": whiteout_forgotten,
    "a whiteout too many": whiteout_too_many,
    "a whiteout after every move": whiteout_after_every_move,
    "lower whiteouts ignored": lower_whiteout_ignored,
    "opaque ignored": opaque_ignored,
    "a fresh directory not opaque": fresh_directory_not_opaque,
    "a moved directory not opaque": _without_mark("opaque"),
    "stray whiteouts not counted": stray_whiteouts_not_counted,
    "EEXIST before ENOENT": rename_looks_at_the_target_first,
    "EXDEV before EISDIR": cross_device_comes_first,
    "a failed setxattr copies nothing": failed_setxattr_copies_nothing,
    "the sticky bit ignored": sticky_bit_ignored,
    "mode lost in copy-up": _copied(lambda _: {"mode": 0o666}),
    "owner lost in copy-up": _copied(lambda _: {"uid": 0, "gid": 0}),
    "xattrs lost in copy-up": _copied(lambda _: {"xattrs": {}}),
    "time lost in copy-up": _copied(lambda _: {"mtime_ns": 0}),
    "origin lost in copy-up": _copied(
        lambda meta: {
            "private": {k: v for k, v in meta.private.items() if k != "origin"}
        }
    ),
    "set-id bits survive chown": set_id_bits_survive_chown,
    "times of parents stay": times_of_parents_stay,
    "copy-up stamps the parent": copy_up_stamps_the_parent,
    "the parent's group ignored": group_of_parent_ignored,
    "trusted attributes hidden": trusted_attributes_hidden,
    "links of merged directories counted": merged_directories_count_links,
    "a lost redirect": _without_mark("redirect"),
    "redirects always relative": redirect_always_relative,
    "impure never set": _without_mark("impure"),
    "metacopy never removed": _without_mark("metacopy"),
    "link counts never written": _without_mark("nlink"),
    "nothing in the index": _without(lambda step: isinstance(step, AddToIndex)),
    "hard links are one inode": hard_links_are_one_inode,
    "content cut to what it was": truncation_loses_the_content,
}
