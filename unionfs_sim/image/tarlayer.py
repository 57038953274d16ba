"""
A tar as a layer: the changeset rules of image layers applied to its entries.

The order of the entries does not matter: all removals come first and all additions
second (layer-formats, section 5), except that a hard link means the entry of that name
as of this point of the layer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from sys import intern
from typing import Final, Literal, TypeAlias

import attrs

from unionfs_sim.core.content import Content
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import DIRECTORY_META
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Leaf,
    Node,
    Regular,
    Symlink,
)
from unionfs_sim.core.paths import Parts, join, to_bytes
from unionfs_sim.dialects.markers import (
    AUFS_PREFIX,
    MARKER_PREFIX,
    OPAQUE_MARKER,
    Marker,
    apply_marks,
    read_marker,
)
from unionfs_sim.errors import FormatError
from unionfs_sim.image import tarfields, tarstream
from unionfs_sim.image.limits import DEFAULT_LIMITS, Limits, Oddity
from unionfs_sim.image.tarstream import TarEntry, TarWalk
from unionfs_sim.image.tarxattrs import Like

#: A path of more components counts as further entries: each is a word of memory.
_ENTRY_COMPONENTS: Final = 64

#: Longer names take the slow path, which checks their length.
_PLAIN_CHARS_MAX: Final = 4096

#: The largest numbers of a device on Linux.
_MAJOR_MAX: Final = 2**12 - 1
_MINOR_MAX: Final = 2**20 - 1

#: What `read_layer` makes of a character device 0:0: refuse, keep it, or hide a name.
DeviceZero: TypeAlias = Literal["refuse", "keep", "whiteout"]

#: Finds what the layers below show at a path, no link followed.
Below: TypeAlias = Callable[[Parts], Node | None]


@attrs.frozen(kw_only=True)
class TarLayer:
    """
    A layer as it was read.

    Attributes:
        layer: The layer.
        oddities: What was odd.
        entries: How many entries count, with those before.
        depends: Whether a hard link was looked for in the layers below.
        refusal: What a strict reading refuses, if the reading was to put that off.
    """

    layer: Layer
    oddities: tuple[Oddity, ...]
    entries: int
    depends: bool
    refusal: FormatError | None = None


def read_layer(
    tar: Content,
    *,
    label: str = "",
    place: str = "",
    diff_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    stored_bytes: int | None = None,
    entries_before: int = 0,
    lenient: bool = False,
    device_zero: DeviceZero = "refuse",
    like: Like | None = None,
    below: Below | None = None,
    postpone: bool = False,
    refused: Callable[[FormatError], None] | None = None,
) -> TarLayer:
    """
    Read a tar as a layer; the content of its files is not read, only referred to.

    Takes O(n) for n entries.

    Args:
        tar: The uncompressed archive.
        label: How people call the layer.
        place: What errors call the archive, if not by the label.
        diff_id: The archive's digest, to be noted in the layer.
        limits: How much is put up with.
        stored_bytes: How long the archive is as it is stored, which growth is measured
            by; by default as long as *tar*.
        entries_before: How many entries count towards the limit already.
        lenient: Of two entries of one name the last wins, and a hard link may come
            before its target; both are reported.
        device_zero: What becomes of a character device 0:0, which the format has as
            content and overlay filesystems as a whiteout.
        like: ``"docker"`` reads as Docker and podman unpack: a character device 0:0
            is a whiteout, directories without an entry are made (mode 0755, owner
            0:0) in place of whatever is below, a directory named ``.wh.x`` can have
            content, the root's own entry counts for nothing, and of the extended
            attributes ``user.overlay.*`` are content and those of no namespace are
            dropped.  What Docker refuses is read as without.
        below: Finds what hard links mean that this layer has no target for.
        postpone: Read on where a strict reading refuses something, and give the first
            refusal as `TarLayer.refusal` instead of raising it.
        refused: Takes all that would be raised, an entry at a time; what could be read
            all the same is the layer.

    Raises:
        FormatError: The archive is broken, over a limit, or no changeset.

    >>> from unionfs_sim.core.content import literal
    >>> len(read_layer(literal(bytes(1024))).layer)
    0
    """
    reading = _Reading(
        tar,
        builder=LayerBuilder(label, diff_id=diff_id),
        place=place or label or "layer",
        limits=limits,
        stored_bytes=stored_bytes,
        entries_before=entries_before,
        lenient=lenient,
        device_zero="whiteout" if like == "docker" else device_zero,
        like=like,
        below=below,
        postpone=postpone,
        refused=refused,
    )
    return reading.run()


class _Reading:
    """One reading of one archive."""

    def __init__(
        self,
        tar: Content,
        *,
        builder: LayerBuilder,
        place: str,
        limits: Limits,
        stored_bytes: int | None,
        entries_before: int,
        lenient: bool,
        device_zero: DeviceZero,
        like: Like | None,
        below: Below | None,
        postpone: bool,
        refused: Callable[[FormatError], None] | None,
    ) -> None:
        self._place = place
        self._walk = TarWalk(
            tar,
            place=self._place,
            limits=limits,
            stored_bytes=stored_bytes,
            entries_before=entries_before,
            like=like,
        )
        self._limits = limits
        # A character takes at most four bytes, so shorter names need no counting.
        self._plain_chars_max = min(_PLAIN_CHARS_MAX, limits.path_bytes_max // 4)
        self._lenient = lenient
        self._device_zero = device_zero
        self._like_docker = like == "docker"
        self._below = below
        self._depends = False
        self._postpone = postpone
        self._refused = refused
        self._builder = builder
        self._oddities = self._walk.oddities
        self._refusal: FormatError | None = None
        self._entry = ""
        # A directory's name as the archive writes it -> its parts; only plain ones.
        self._parents: dict[str, Parts] = {}
        self._whiteouts: dict[Parts, None] = {}
        self._opaques: dict[Parts, None] = {}
        # What aufs keeps under names of its own: hidden, but hard links lead there.
        self._aufs: dict[Parts, Leaf] = {}
        # Lenient only: the target of a hard link that is not there yet -> the links.
        self._waiting: dict[Parts, list[Parts]] = {}

    def run(self) -> TarLayer:
        """Go through the archive, then apply the marks."""
        try:
            for entry in self._walk:
                self._entry = entry.name
                try:
                    self._take(entry)
                except FormatError:
                    raise
                except ValueError as error:  # and SpecError
                    self._give_up_entry(str(error), error)
        except FormatError as error:
            if self._refused is None:
                raise
            self._refused(error)
        self._settle_links()
        self._apply_marks()
        if self._like_docker:
            self._make_implied()
        return TarLayer(
            layer=self._builder.freeze(),
            oddities=tuple(self._oddities),
            entries=self._walk.entries,
            depends=self._depends,
            refusal=self._refusal,
        )

    def _give_up_entry(self, reason: str, cause: Exception | None = None) -> None:
        """Refuse an entry of which nothing can be made."""
        error = self._error(reason)
        if self._refused is None:
            raise error from cause
        self._refused(error)

    def _error(self, reason: str) -> FormatError:
        return FormatError(f"{self._place}: entry {self._entry[:1000]!r}: {reason}")

    def _report(self, sentence: str) -> None:
        place = f"{self._place}: entry {self._entry[:1000]!r}"
        self._oddities.append(Oddity(place, sentence))

    def _irregular(self, reason: str, made_of_it: str) -> bool:
        """Refuse what only a lenient reading takes; tell whether it is read on."""
        if not self._lenient:
            told = reason
            if self._refused is None:  # a check lists what is wrong, and no remedies
                told += f" (lenient: {made_of_it})"
            self._refuse(told)
            if self._refused is not None:
                return False  # it has been told of
        self._report(f"{reason}; {made_of_it}")
        return True

    def _refuse(self, reason: str) -> None:
        """Refuse something that could be read, now or at the end."""
        error = self._error(reason)
        if self._refused is not None:
            self._refused(error)
        elif not self._postpone:
            raise error
        self._refusal = self._refusal or error

    def _take(self, entry: TarEntry) -> None:
        """Take one entry in."""
        name = entry.name
        if name[-1:] == "/":
            name = name.rstrip("/")
        head, slash, tail = name.rpartition("/")
        parent = self._parents.get(head) if slash else ()
        if (
            parent is None
            or tail in {"", ".", ".."}
            or len(name) > self._plain_chars_max
        ):
            parts = self._parts(name)
            if parts:
                tail = parts[-1]
                parent = parts[:-1]
                self._count(parent)
                if self._hidden_parent(parts, entry):
                    return
                # Only what is written plainly can be found again by its text.
                if name.endswith("/" + tail):
                    self._parents[head] = parent
            else:
                self._root(entry)
                return
        if tail.startswith(MARKER_PREFIX):
            self._marker(parent, tail, entry)
            return
        parts = (*parent, intern(tail))
        if entry.type == tarstream.DIRECTORY:
            self._directory(parts, entry)
        else:
            node = self._node(parts, entry)
            if node is not None:
                self._add(parts, node)

    def _parts(self, name: str) -> Parts:
        """Give a name's place in the layer, with shared components."""
        self._check_length(name)
        parts = tarfields.normalise(name, components_max=self._limits.components_max)
        return tuple(map(intern, parts))

    def _count(self, parts: Parts) -> None:
        """Count the directories that a new name implies, and its own length."""
        there = bisect_left(
            range(len(parts)),
            True,  # noqa: FBT003 - what the key gives for the first missing one
            key=lambda depth: self._builder.get(parts[: depth + 1]) is None,
        )
        self._walk.count(len(parts) - there + len(parts) // _ENTRY_COMPONENTS)

    def _check_length(self, path: str) -> None:
        limit = self._limits.path_bytes_max
        if 4 * len(path) > limit and len(to_bytes(path)) > limit:
            msg = f"a path of more than {limit} bytes"
            raise ValueError(msg)

    def _root(self, entry: TarEntry) -> None:
        """Take an entry of the root in, which may only be a directory."""
        if entry.type != tarstream.DIRECTORY:
            msg = "the root can only be a directory"
            raise ValueError(msg)
        if not self._like_docker:  # disputed/root-entry-attrs
            self._directory((), entry)

    def _hidden_parent(self, parts: Parts, entry: TarEntry) -> bool:
        """Tell whether an entry is within a directory of aufs, and keep its inode."""
        for name in parts[:-1]:
            if name.startswith(MARKER_PREFIX):
                if name.startswith(AUFS_PREFIX) and name != OPAQUE_MARKER:
                    self._keep_aufs(parts, entry)
                    return True
                # disputed/whiteout-component: the tools make a directory of it.
                if self._like_docker:
                    continue
                msg = f"{name!r} is a whiteout, and nothing can be in it"
                raise ValueError(msg)
        return False

    def _keep_aufs(self, parts: Parts, entry: TarEntry) -> None:
        """Keep a hidden inode of aufs for the hard links into it."""
        self._report("a name that is aufs' own, hidden")
        if entry.type != tarstream.DIRECTORY:
            node = self._node(parts, entry)
            if node is not None:
                self._aufs[parts] = node

    def _marker(self, parent: Parts, name: str, entry: TarEntry) -> None:
        """Note a whiteout or an opaque mark; its type and attributes mean nothing."""
        what = read_marker(name)
        assert what is not None, "only markers are given"
        if what is Marker.AUFS:
            self._keep_aufs((*parent, name), entry)
            return
        if entry.type != tarstream.FILE or entry.content.size:
            # disputed/whiteout-as-dir and the like: the name says it all.
            self._report("a mark that is no empty file; it counts all the same")
        if what is Marker.OPAQUE and not parent:
            # disputed/root-opaque: the kernel knows no such mark.
            self._report("the root is opaque, which mounts of Docker and podman ignore")
        if isinstance(what, Marker):
            marks, parts = self._opaques, parent
        else:
            marks, parts = self._whiteouts, (*parent, intern(what))
        if len(parts) > _ENTRY_COMPONENTS:
            self._walk.count(len(parts) // _ENTRY_COMPONENTS)
        if parts in marks:
            self._irregular("the layer has this marker twice", "it counts once")
        marks[parts] = None

    def _directory(self, parts: Parts, entry: TarEntry) -> None:
        """Give a directory its attributes."""
        present = self._builder.get(parts)
        if present is not None:
            if not isinstance(present, Directory):
                self._irregular("the layer has this name twice", "the last one wins")
                self._builder.discard(parts)
            elif not present.implied:
                self._irregular("the layer has this directory twice", "they are merged")
        self._builder.set_meta(parts, entry.meta)

    def _add(self, parts: Parts, node: Leaf) -> None:
        """Put a node at its place, and at those that wait for it as their target."""
        if self._builder.get(parts) is not None:
            self._irregular("the layer has this name twice", "the last one wins")
            self._builder.discard(parts)
        self._builder.add(parts, node)

    def _node(self, parts: Parts, entry: TarEntry) -> Leaf | None:
        """Make the node of an entry, or give ``None`` if it makes none."""
        kind = entry.type
        if kind == tarstream.FILE:
            return Regular(entry.content, entry.meta)
        if kind == tarstream.SYMLINK:
            if not entry.link:
                msg = "a symbolic link without a target"
                raise ValueError(msg)
            self._check_length(entry.link)
            return Symlink(entry.link, entry.meta)
        if kind == tarstream.HARD_LINK:
            return self._target(parts, entry)
        if kind in {tarstream.CHAR, tarstream.BLOCK}:
            return self._device(parts, entry)
        if kind == tarstream.FIFO:
            return Fifo(entry.meta)
        self._report(f"the type {kind!r} is unknown, skipped")
        return None

    def _device(self, parts: Parts, entry: TarEntry) -> Leaf | None:
        """Make a device, or decide what becomes of the ambiguous one."""
        block = entry.type == tarstream.BLOCK
        if not block and not entry.major and not entry.minor:
            if self._device_zero == "refuse":
                # disputed/char00: Docker and podman hide the name, umoci makes it.
                self._refuse("a character device 0:0, which is a whiteout elsewhere")
            if self._device_zero == "whiteout":
                self._whiteouts[parts] = None
                return None
        if entry.major > _MAJOR_MAX or entry.minor > _MINOR_MAX:
            number = f"{entry.major}:{entry.minor}"
            self._report(f"the device number {number}, which Linux cannot have")
        return Device(entry.major, entry.minor, block=block, meta=entry.meta)

    def _target(self, parts: Parts, entry: TarEntry) -> Leaf | None:
        """
        Find the inode that a hard link is a further name of.

        The link's own attributes are ignored, as umoci does (rules-main, t18).
        """
        target = self._parts(entry.link)
        if not target or target == parts:
            msg = f"a hard link to {entry.link!r}, which is the root or itself"
            raise ValueError(msg)
        node: Node | None = self._aufs.get(target)
        if node is None:
            found = self._builder.get(target)
            node = None if found is WHITEOUT else found
        if node is None and self._below is not None:
            self._depends = True
            node = self._below(target)
            if node is not None:
                self._report(
                    f"a hard link to {entry.link!r} of a layer below, which Docker"
                    " refuses; both names are one inode"
                )
        if node is None:
            reason = f"a hard link to {entry.link!r}, which is not there"
            if not self._irregular(reason, "it may come later"):
                return None
            self._waiting.setdefault(target, []).append(parts)
            return None
        if isinstance(node, Directory):
            msg = f"a hard link to {entry.link!r}, which is a directory"
            raise ValueError(msg)  # noqa: TRY004 - the archive is wrong, not the caller
        return node

    def _settle_links(self) -> None:
        """Resolve the hard links that came before their targets, chains as well."""
        ready = [target for target in self._waiting if self._builder.get(target)]
        while ready:
            target = ready.pop()
            node = self._builder.get(target)
            for parts in self._waiting.pop(target, ()):
                self._entry = join(parts)
                if node is None or node is WHITEOUT or isinstance(node, Directory):
                    self._give_up_entry(f"a hard link to the directory {join(target)}")
                    continue
                if self._builder.get(parts) is None:
                    self._builder.add(parts, node)
                    ready.append(parts)
        for target, links in self._waiting.items():
            self._entry = join(links[0])
            self._give_up_entry(f"a hard link to {join(target)}, which is nowhere")

    def _apply_marks(self) -> None:
        """Apply whiteouts and opaque marks to what the archive adds."""
        dropped = apply_marks(self._builder, self._whiteouts, self._opaques)
        for parts, error in dropped:
            self._entry = join((*parts, OPAQUE_MARKER))
            self._report(f"the mark is not in a directory ({error}), dropped")

    def _make_implied(self) -> None:
        """Make the directories that have no entry, as Docker does (implied-parents)."""
        for parts, entry in self._builder.freeze().items():
            if isinstance(entry, Directory) and entry.implied and parts:
                self._builder.set_meta(parts, DIRECTORY_META)
