"""
The overlayfs dialect: layers as the kernel keeps them in directories.

*Raw* layers are what is on disk, name by name: a whiteout is a character device 0:0, an
opaque directory has an xattr, and so have redirects, metadata-only files and the
kernel's own bookkeeping.  `decode` reads a raw layer, `encode` writes one, and `mount`
makes a union of raw layers as ``mount -t overlay`` does, errnos included.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, final

import attrs

from unionfs_sim.core.clock import Clock
from unionfs_sim.core.content import Content, hole
from unionfs_sim.core.fold import Rules, visible
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta, marked
from unionfs_sim.core.nodes import WHITEOUT, Device, Directory, Leaf, Regular
from unionfs_sim.core.paths import Parts, join
from unionfs_sim.core.policy import LAYERS_MAX, Policy
from unionfs_sim.core.space import Space
from unionfs_sim.core.stack import Stack
from unionfs_sim.core.union import UnionFS
from unionfs_sim.core.upper import UpperDirectory, UpperFile, UpperInode, listed
from unionfs_sim.errors import SpecError, fs_error

_ESCAPE: Final = "overlay."


def decode(
    raw: Layer, prefix: str = "trusted.overlay.", *, xattr_whiteouts: bool = False
) -> Layer:
    """
    Read a raw layer: devices 0:0 become whiteouts, marks become marks.

    Args:
        raw: The layer as it is on disk.
        prefix: What private xattrs start with; ``user.overlay.`` with ``userxattr``.
        xattr_whiteouts: Whether whiteouts in the form of xattrs become whiteouts as
            well, where both marks are there.  Otherwise they stay as they are, for a
            mount lists some of them (overlayfs.md, 1.5).

    >>> raw = LayerBuilder()
    >>> raw.add(("gone",), Device(0, 0))
    >>> decode(raw.freeze()).get(("gone",))
    WHITEOUT
    """
    builder = LayerBuilder(raw.label, diff_id=raw.diff_id)
    seen: dict[int, Leaf] = {}
    marked_x: set[Parts] = set()
    for parts, entry in raw.items():
        assert entry is not WHITEOUT, "a raw layer has no marks"
        meta = _decoded(entry.meta, prefix)
        if isinstance(entry, Directory):
            if xattr_whiteouts and meta.private.get("opaque") == b"x":
                marked_x.add(parts)
                meta = marked(meta, "opaque", None)
            # A root is never opaque, whatever it says (S22).
            opaque = bool(parts) and meta.private.get("opaque") == b"y"
            if opaque:
                meta = marked(meta, "opaque", None)
            builder.set_meta(parts, meta)
            if opaque:
                builder.opaque(parts)
        elif _is_whiteout(entry) or (
            parts[:-1] in marked_x
            and isinstance(entry, Regular)
            and not entry.content.size
            and "whiteout" in meta.private
        ):
            builder.whiteout(parts)
        else:
            if id(entry) not in seen:
                seen[id(entry)] = attrs.evolve(entry, meta=meta)
            builder.add(parts, seen[id(entry)])
    return builder.freeze()


def _is_whiteout(node: Leaf) -> bool:
    return isinstance(node, Device) and not (node.block or node.major or node.minor)


def _decoded(meta: Meta, prefix: str) -> Meta:
    """Tell private xattrs, and one level of escaping, from the others."""
    if not any(name.startswith(prefix) for name in meta.xattrs):
        return meta
    xattrs: dict[str, bytes] = {}
    private: dict[str, bytes] = {}
    for name, value in meta.xattrs.items():
        rest = name.removeprefix(prefix)
        if rest == name:
            xattrs[name] = value
        elif rest.startswith(_ESCAPE):
            xattrs[prefix + rest.removeprefix(_ESCAPE)] = value
        else:
            private[rest] = value
    return attrs.evolve(meta, xattrs=xattrs, private=private)


def _encoded(meta: Meta, prefix: str, private: Mapping[str, bytes]) -> Meta:
    xattrs = {
        prefix + _ESCAPE + name.removeprefix(prefix)
        if name.startswith(prefix)
        else name: value
        for name, value in meta.xattrs.items()
    }
    xattrs.update((prefix + key, value) for key, value in private.items())
    return attrs.evolve(meta, xattrs=xattrs, private={})


def _encoded_directory(meta: Meta, prefix: str, *, opaque: bool) -> Meta:
    private = {**meta.private, "opaque": b"y"} if opaque else meta.private
    return _encoded(meta, prefix, private)


def _encoded_leaf(node: Leaf, prefix: str, stub: Content | None = None) -> Leaf:
    """Give a node as it is on disk; of a metadata-only file a hole, or its stub."""
    meta = _encoded(node.meta, prefix, node.meta.private)
    if isinstance(node, Regular) and "metacopy" in node.meta.private:
        content = hole(node.content.size) if stub is None else stub
        return attrs.evolve(node, meta=meta, content=content)
    return attrs.evolve(node, meta=meta)


_WHITEOUT_DEVICE: Final = Device(0, 0, meta=Meta(mode=0))


def _whiteout(prefix: str, *, xattr: bool) -> Leaf:
    """Make a whiteout of one name: two with one node would be hard links."""
    if not xattr:
        return attrs.evolve(_WHITEOUT_DEVICE)
    # Whoever may not read the file may not read its ``user.`` xattrs either.
    return Regular(b"", Meta(mode=0o644, xattrs={prefix + "whiteout": b"y"}))


def encode(
    layer: Layer,
    prefix: str = "trusted.overlay.",
    *,
    xattr_whiteouts: bool = False,
    ghosts: bool = False,
) -> Layer:
    """
    Write a layer down: the inverse of `decode`, but for implied directories.

    Args:
        layer: The layer.
        prefix: What private xattrs start with; ``user.overlay.`` with ``userxattr``.
        xattr_whiteouts: Whether whiteouts are empty files with an xattr, in
            directories marked ``opaque=x``.  They count in lower layers only.
        ghosts: Whether whiteouts in opaque directories are written too.  They say
            nothing, and the kernel lists them (S1).

    Raises:
        SpecError: A character device 0:0 is content, which cannot be said.

    >>> encode(Layer.build({"gone": WHITEOUT})).get(("gone",)).major
    0
    """
    builder = LayerBuilder(layer.label)
    seen: dict[int, Leaf] = {}
    opaque: set[Parts] = set()
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            if parts[:-1] not in opaque:
                builder.add(parts, _whiteout(prefix, xattr=xattr_whiteouts))
            elif ghosts:  # one directory cannot have both values of the mark
                builder.add(parts, _whiteout(prefix, xattr=False))
        elif isinstance(entry, Directory):
            meta = _encoded_directory(entry.meta, prefix, opaque=entry.opaque)
            if entry.opaque:
                opaque.add(parts)
            elif xattr_whiteouts and WHITEOUT in entry.entries.values():
                xattrs = {**meta.xattrs, prefix + "opaque": b"x"}
                meta = attrs.evolve(meta, xattrs=xattrs)
            builder.set_meta(parts, meta)
        elif _is_whiteout(entry):
            msg = f"{join(parts)}: a character device 0:0 would be a whiteout"
            raise SpecError(msg)
        else:
            if id(entry) not in seen:
                seen[id(entry)] = _encoded_leaf(entry, prefix)
            builder.add(parts, seen[id(entry)])
    return builder.freeze()


@final
@attrs.frozen(eq=False)
class Disk:
    """
    What a mount leaves on disk.

    Attributes:
        upper: The upper directory, raw.
        index: The index directory of ``index=on``: by the number of the lower inode,
            the inode that it became.
        stack: The stack that was mounted; holding it keeps inode numbers.
        numbers: The inode numbers that the upper's own objects were given, by path.
        last_number: The last one that was given out.
        dirty: Whether the mount was ``volatile``: its mark in the work directory keeps
            every other mount away.
    """

    upper: Layer
    index: Mapping[int, Leaf] = attrs.field(factory=dict)
    stack: Stack | None = None
    numbers: Mapping[Parts, int] = attrs.field(factory=dict)
    last_number: int = 0
    dirty: bool = False


def mount(
    lowers: Sequence[Layer],
    upper: Layer | Disk | None,
    *,
    data_only: Sequence[Layer] = (),
    policy: Policy | None = None,
    clock: Clock | None = None,
) -> UnionFS:
    """
    Mount raw layers as ``mount -t overlay`` does.

    Args:
        lowers: The lower layers, raw, top first.
        upper: The upper, raw; ``None`` mounts read-only.
        data_only: Layers that only hold data, raw, top first.
        policy: The mount options.
        clock: Where times come from.

    Raises:
        UnionFSError: EINVAL, there are too few or too many layers (S41), or the upper
            was part of a volatile mount (found-111).

    >>> base = Layer.build({"motd": "hello"})
    >>> fs = mount([base], Layer.build({}))
    >>> fs.unlink("/motd")
    >>> upper_on_disk(fs).get(("motd",)).major
    0
    """
    policy = policy or Policy(ghosts=True)
    count = len(lowers) + len(data_only)
    too_few = not lowers or (upper is None and count < _READ_ONLY_LAYERS_MIN)
    if too_few or count > LAYERS_MAX:
        raise fs_error(errno.EINVAL, "lowerdir", op="mount")
    prefix = policy.prefix
    rules = Rules(
        follows=policy.follows,
        metacopy=policy.metacopy,
        data_only=tuple(_lower(layer, prefix) for layer in data_only),
    )
    stack = Stack((_lower(layer, prefix) for layer in lowers), rules=rules)
    disk = Disk(upper) if isinstance(upper, Layer) else upper
    if disk is not None and disk.dirty:
        raise fs_error(errno.EINVAL, "workdir", op="mount")
    fs = UnionFS(
        stack,
        upper=None if disk is None else decode(disk.upper, prefix),
        read_only=disk is None,
        policy=policy,
        clock=clock,
    )
    if disk is not None:
        _settle_root(fs, policy)
        for parts, inode in _inodes(fs.space.root) if disk.numbers else ():
            inode.number = disk.numbers.get(parts, 0)
        fs.space.last_number = max(fs.space.last_number, disk.last_number)
        _restore_index(fs, disk, prefix)
    return fs


_READ_ONLY_LAYERS_MIN: Final = 2

#: Decoded lower layers, so that mounting them again finds the same view and numbers.
_DECODED: Final[dict[tuple[int, str], tuple[Layer, Layer]]] = {}


def _lower(layer: Layer, prefix: str) -> Layer:
    key = (id(layer), prefix)
    known = _DECODED.get(key)
    if known is not None and known[0] is layer:
        return known[1]
    if len(_DECODED) >= _DECODED_MAX:
        _DECODED.clear()
    decoded = decode(layer, prefix)
    _DECODED[key] = (layer, decoded)
    return decoded


_DECODED_MAX: Final = 1024


def _settle_root(fs: UnionFS, policy: Policy) -> None:
    """Set the marks that a mount sets on the upper's root (overlayfs.md, 2)."""
    space = fs.space
    root = space.root
    private = dict(root.meta.private)
    automatic = policy.uuid == "auto" and "impure" not in private
    if "uuid" not in private and (automatic or policy.uuid == "on"):
        private["uuid"] = bytes(16)
    root.meta = attrs.evolve(root.meta, private=private)
    if policy.index and "origin" not in private:
        root.meta = space.with_origin(root.meta, space.view.root)


def _restore_index(fs: UnionFS, disk: Disk, prefix: str) -> None:
    """
    Put back what lower hard links have become.

    Without an index the directory is left alone: what is in it is a link more of an
    inode, and nothing else (found-112).
    """
    space = fs.space
    used = space.policy.index or space.policy.nfs_export
    found = {
        space.number(inode): inode
        for _, inode in _inodes(space.root)
        if isinstance(inode, UpperFile)
    }
    for number, raw in disk.index.items():
        lower = space.view.numbered(number)
        if lower is None or isinstance(lower, Directory):
            continue
        inode = found.get(number)
        if inode is None:
            node = attrs.evolve(raw, meta=_decoded(raw.meta, prefix))
            if "metacopy" in node.meta.private and isinstance(lower, Regular):
                node = attrs.evolve(lower, meta=node.meta)  # its data is still there
            inode = UpperFile(node, origin=lower)  # type: ignore[arg-type]
        inode.nlink += 1
        if used:
            space.index[id(lower)] = inode
        else:
            space.idle_index[number] = inode
            inode.plain_count, inode.origin = True, None


def _inodes(root: UpperDirectory) -> Iterator[tuple[Parts, UpperInode]]:
    """Go through the inodes of an upper, with a path of each."""
    pending: list[tuple[Parts, UpperDirectory]] = [((), root)]
    while pending:
        parts, directory = pending.pop()
        yield parts, directory
        for name, entry in directory.entries.items():
            if isinstance(entry, UpperDirectory):
                pending.append(((*parts, name), entry))
            elif entry is not WHITEOUT:
                yield (*parts, name), entry


def unmount(fs: UnionFS) -> Disk:
    """Give what a union leaves on disk; it can go on, or be mounted again."""
    space = fs.space
    prefix = space.policy.prefix
    index = {
        number: _encoded_leaf(inode.node, prefix, inode.stub)
        for number, inode in _indexed(space)
    }
    numbers = {parts: x.number for parts, x in _inodes(space.root) if x.number}
    dirty = space.policy.volatile and not space.read_only
    return Disk(
        upper_on_disk(fs), index, fs.stack, numbers, space.last_number, dirty=dirty
    )


def _indexed(space: Space) -> Iterator[tuple[int, UpperFile]]:
    """Go through the inodes that have a link in the index directory, by its name."""
    for inode in space.index.values():
        yield space.number(inode), inode
    yield from space.idle_index.items()


#: What speaks of one mount on one disk: handles, link counts, and what comes of them.
_BOOKKEEPING: Final = frozenset({"origin", "impure", "nlink", "uuid", "upper"})


def upper_on_disk(fs: UnionFS, *, portable: bool = False) -> Layer:
    """
    Give the upper directory of a union, raw; link counts include the index.

    Args:
        fs: The union.
        portable: Whether it is to be mounted elsewhere, over copies of the layers.
            Bookkeeping is left out: a handle that leads to nothing makes a mount with
            ``index=on`` fail with ESTALE.  Unless the policy is to show them, so are
            whiteouts that the kernel would list; an opaque root, which the kernel
            does not know (S22), hides name by name.
    """
    space = fs.space
    prefix = space.policy.prefix
    builder = LayerBuilder("upper")
    indexed = {id(inode) for _, inode in _indexed(space)}
    leaves: dict[int, Leaf] = {}
    pending: list[tuple[Parts, UpperDirectory]] = [((), space.root)]
    while pending:
        parts, directory = pending.pop()
        meta = directory.meta
        if portable:
            meta = _portable(meta)
        opaque = directory.opaque and not (portable and not parts)
        if portable and len(parts) == 1 and space.root.opaque:
            opaque = True
        builder.set_meta(parts, _encoded_directory(meta, prefix, opaque=opaque))
        for name, entry in directory.entries.items():
            path = (*parts, name)
            if entry is WHITEOUT:
                if not portable or space.policy.ghosts or directory.below is not None:
                    builder.add(path, attrs.evolve(_WHITEOUT_DEVICE))
            elif isinstance(entry, UpperDirectory):
                pending.append((path, entry))
            else:
                if id(entry) not in leaves:
                    node = entry.node
                    if portable:
                        node = attrs.evolve(node, meta=_portable(node.meta))
                    leaves[id(entry)] = _encoded_leaf(node, prefix, entry.stub)
                    if id(entry) in indexed and not portable:
                        builder.link_outside(leaves[id(entry)])
                builder.add(path, leaves[id(entry)])
    if portable and space.root.opaque:
        for name, record in visible(fs.stack.root).items():
            if name not in space.root.entries and listed(record, ghosts=False):
                builder.add((name,), attrs.evolve(_WHITEOUT_DEVICE))
    return builder.freeze()


def _portable(meta: Meta) -> Meta:
    private = meta.private
    if _BOOKKEEPING.isdisjoint(private):
        return meta
    kept = {key: value for key, value in private.items() if key not in _BOOKKEEPING}
    return attrs.evolve(meta, private=kept)
