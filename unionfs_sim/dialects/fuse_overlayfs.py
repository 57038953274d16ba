"""
The fuse-overlayfs dialect: what it reads, and what it prefers to write.

It reads the marks of overlayfs and, besides, ``.wh.`` files and opaque marks under a
name of its own.  Without root it keeps owner, mode and type in an xattr of each file
(``override_stat``), because it cannot give the file itself away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

from unionfs_sim.core.content import EMPTY
from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import MODE_BITS, Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Device,
    Directory,
    Fifo,
    Kind,
    Leaf,
    Regular,
    Socket,
    Symlink,
)
from unionfs_sim.core.paths import Parts, join, to_text
from unionfs_sim.core.policy import Policy, Redirect
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects import oci
from unionfs_sim.dialects.conversion import Form, is_device_zero, prepare
from unionfs_sim.dialects.dialect import Dialect, Encoded, lowerdir
from unionfs_sim.dialects.markers import (
    OPAQUE_MARKER,
    apply_marks,
    is_bookkeeping,
)
from unionfs_sim.errors import FormatError

#: The names of the opaque mark; the first that is there counts, whatever it says.
_OPAQUE: Final = (
    "trusted.overlay.opaque",
    "user.overlay.opaque",
    "user.fuseoverlayfs.opaque",
)

#: What the root of a layer has one of if all its files keep their attributes so; the
#: first that is there counts.
_OVERRIDES: Final = (
    "security.fuseoverlayfs.override_stat",
    "user.fuseoverlayfs.override_stat",
    "user.containers.override_stat",
)
_WRITTEN_OVERRIDE: Final = _OVERRIDES[1]

#: Under these names other xattrs are kept that the disk would not take.
_HIDDEN_XATTR: Final = "user.containers.override_"

#: What version 1.10 leaves in opaque directories, as a device 0:0.
_NOISE: Final = ".wh..opq"

_STAT: Final = re.compile(
    rb"(\d{1,10}):(\d{1,10}):([0-7]{1,7})"
    rb"(?::(dir|file|symlink|pipe|socket|(?:block|char)(\d{1,10}):(\d{1,10})))?"
)

_ENTRY_MODE: Final = 0o755
_ACCESS_LIST: Final = "system.posix_acl_access"


@attrs.frozen
class _Override:
    """What ``override_stat`` says."""

    uid: int
    gid: int
    mode: int
    kind: str
    major: int
    minor: int

    @classmethod
    def parse(cls, value: bytes, path: Parts) -> _Override:
        match = _STAT.fullmatch(value.rstrip(b"\0"))
        if match is None:
            msg = f"{join(path)}: {value!r:.100} is no override_stat"
            raise FormatError(msg)
        uid, gid, mode, kind, major, minor = match.groups()
        return cls(
            int(uid),
            int(gid),
            int(mode, 8) & MODE_BITS,
            re.sub(r"[\d:]", "", to_text(kind or b"")),
            int(major or 0),
            int(minor or 0),
        )


def decode(raw: Layer) -> Layer:
    """
    Read a directory as fuse-overlayfs does.

    Owner, mode and type come from ``override_stat`` if the root has it: version 1.10
    then wants it on every file and directory, and does not read the type.

    Raises:
        FormatError: A mark makes no sense.

    >>> raw = Layer.build({"a": Device(0, 0), ".wh.b": "", "c/.wh..wh..opq": ""})
    >>> [path for path, _ in decode(raw).walk()]
    ['/', '/a', '/b', '/c']
    """
    builder = LayerBuilder(raw.label, diff_id=raw.diff_id)
    key = next((name for name in _OVERRIDES if name in raw.root.meta.xattrs), "")
    whiteouts: list[Parts] = []
    opaques: list[Parts] = []
    made: dict[int, Leaf] = {}
    pending: list[tuple[Parts, Directory]] = [((), raw.root)]
    while pending:
        parts, directory = pending.pop()
        builder.set_meta(parts, _directory_meta(parts, directory, key))
        if _is_opaque(directory):
            opaques.append(parts)
        for name, entry in directory.entries.items():
            assert entry is not WHITEOUT, "a raw layer has no marks"
            path = (*parts, name)
            hidden = _hidden(path, entry)
            if hidden is not None:
                whiteouts.append((*parts, hidden))
            elif oci.told(path) is not None:
                continue  # a mark of another kind, or what version 1.10 leaves
            elif isinstance(entry, Directory):
                pending.append((path, entry))
            else:
                if id(entry) not in made:
                    made[id(entry)] = _leaf(path, entry, key)
                builder.add(path, made[id(entry)])
    apply_marks(builder, whiteouts, opaques)
    return builder.freeze()


def _hidden(path: Parts, entry: Directory | Leaf) -> str | None:
    """Give the name that an entry hides, if it is a whiteout."""
    name = path[-1]
    device = is_device_zero(entry)
    if device and name == _NOISE:
        return None
    what = oci.told(path)
    if isinstance(what, str):
        return what
    return name if device and what is None else None


def _is_opaque(directory: Directory) -> bool:
    """Tell whether a directory is opaque: the file counts if no xattr is there."""
    xattrs = directory.meta.xattrs
    for name in _OPAQUE:
        if name in xattrs:
            return xattrs[name].startswith(b"y")
    return OPAQUE_MARKER in directory.entries


def _read(path: Parts, meta: Meta, key: str) -> tuple[Meta, _Override | None]:
    """Give attributes as the mount shows them, and what overrides them."""
    xattrs = meta.xattrs
    override = None
    if key and key in xattrs:
        override = _Override.parse(xattrs[key], path)
        meta = attrs.evolve(
            meta, uid=override.uid, gid=override.gid, mode=override.mode
        )
    kept = {name: xattrs[name] for name in xattrs if not is_bookkeeping(name)}
    if key == _OVERRIDES[2]:
        kept = {name.removeprefix(_HIDDEN_XATTR): kept[name] for name in kept}
    if len(kept) != len(xattrs) or kept.keys() != xattrs.keys():
        meta = attrs.evolve(meta, xattrs=kept)
    return meta, override


def _directory_meta(path: Parts, directory: Directory, key: str) -> Meta:
    return _read(path, directory.meta, key)[0]


def _leaf(path: Parts, entry: Leaf, key: str) -> Leaf:
    """Make the node that a raw one stands for."""
    meta, override = _read(path, entry.meta, key)
    if override is None or isinstance(entry, Symlink):
        # Its mode says nothing, and the owner of its own is all that it can have.
        kept = attrs.evolve(entry.meta, xattrs=meta.xattrs)
        return entry if kept == entry.meta else attrs.evolve(entry, meta=kept)
    if isinstance(entry, Regular):
        match override.kind:
            case "block" | "char":
                block = override.kind == "block"
                return Device(override.major, override.minor, block=block, meta=meta)
            case "pipe":
                return Fifo(meta)
            case "socket":
                return Socket(meta)
            case "symlink":
                return Symlink(to_text(entry.content.read_all()), meta)
            case _:
                pass
    return attrs.evolve(entry, meta=meta)


def _meant(
    xattrs: Mapping[str, bytes], path: Parts, losses: list[str]
) -> dict[str, bytes]:
    """Leave out the xattrs of content that the mount would take for its own."""
    losses += [
        f"{join(path)}: the xattr {name}, which would be taken for a mark"
        for name in xattrs
        if is_bookkeeping(name)
    ]
    return {name: xattrs[name] for name in xattrs if not is_bookkeeping(name)}


_FORM: Final = Form(
    root_named=True, ghosts=False, device_zero=False, refusal=oci.refusal
)

_MARK: Final = Regular(b"", Meta(mode=0o700))

#: How a kind of mount writes attributes down.
_Write: TypeAlias = Callable[[Leaf | Directory, dict[str, bytes]], Meta]


def _as_root(node: Leaf | Directory, xattrs: dict[str, bytes]) -> Meta:
    return attrs.evolve(node.meta, xattrs=xattrs, private={})


def _rootless(node: Leaf | Directory, xattrs: dict[str, bytes]) -> Meta:
    """Move owner, mode and type into an xattr, where the disk takes one."""
    meta = node.meta
    if isinstance(node, Symlink):
        return attrs.evolve(meta, xattrs=xattrs, private={})
    mode = node.kind.type_bits | meta.mode if _is_plain(node) else meta.mode
    text = f"{meta.uid}:{meta.gid}:{mode:o}"
    match node:
        case Device():
            kind = "block" if node.block else "char"
            text += f":{kind}{node.major}:{node.minor}"
        case Fifo():
            text += ":pipe"
        case Socket():
            text += ":socket"
        case _:
            pass
    return attrs.evolve(
        meta,
        # An access control list is the mode's twin: another mode would change it.
        mode=meta.mode & 0o777 if _ACCESS_LIST in xattrs else _ENTRY_MODE,
        uid=0,
        gid=0,
        xattrs={**xattrs, _WRITTEN_OVERRIDE: text.encode()},
        private={},
    )


def _is_plain(node: Leaf | Directory) -> bool:
    return node.kind in {Kind.REGULAR, Kind.DIRECTORY}


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down as fuse-overlayfs does as root.

    >>> from unionfs_sim import OPAQUE
    >>> raw = encode(Layer.build({"srv": OPAQUE})).raw
    >>> [path for path, _ in raw.walk()], dict(raw.get(("srv",)).meta.xattrs)
    (['/', '/srv', '/srv/.wh..wh..opq'], {'trusted.overlay.opaque': b'y'})
    """
    return _encode(layer, below, _as_root, _OPAQUE[0], _device)


def encode_rootless(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down so that no privilege is needed, nor to be had.

    Whiteouts are ``.wh.`` files, special files are empty ones that say in their
    ``override_stat`` what they are.

    >>> raw = encode_rootless(Layer.build({"motd": "hello"})).raw
    >>> raw.get(("motd",)).meta.xattrs
    {'user.fuseoverlayfs.override_stat': b'0:0:100644'}
    """
    return _encode(layer, below, _rootless, _OPAQUE[2], _file)


def _device(path: Parts) -> tuple[Parts, Leaf]:
    return path, Device(0, 0, meta=Meta(mode=0))


def _file(path: Parts) -> tuple[Parts, Leaf]:
    return oci.marker(path), attrs.evolve(_MARK)


def _encode(
    layer: Layer,
    below: DirectoryRecord | None,
    write: _Write,
    opaque: str,
    whiteout: Callable[[Parts], tuple[Parts, Leaf]],
) -> Encoded:
    prepared = prepare(layer, below, _FORM)
    losses = prepared.losses
    builder = LayerBuilder(layer.label)
    made: dict[int, Leaf] = {}
    for parts, entry in prepared.layer.items():
        if entry is WHITEOUT:
            builder.add(*whiteout(parts))
        elif isinstance(entry, Directory):
            xattrs = _meant(entry.meta.xattrs, parts, losses)
            if entry.opaque:
                xattrs[opaque] = b"y"
                builder.add((*parts, OPAQUE_MARKER), attrs.evolve(_MARK))
            builder.set_meta(parts, write(entry, xattrs))
        else:
            if id(entry) not in made:
                meta = write(entry, _meant(entry.meta.xattrs, parts, losses))
                special = write is _rootless and not isinstance(entry, Symlink)
                made[id(entry)] = (
                    attrs.evolve(entry, meta=meta)
                    if not special or isinstance(entry, Regular)
                    else Regular(EMPTY, meta)
                )
            builder.add(parts, made[id(entry)])
    return Encoded(builder.freeze(), tuple(losses))


_POLICY: Final = Policy(redirect_dir=Redirect.NOFOLLOW)

FUSE_OVERLAYFS: Final = Dialect(
    name="fuse-overlayfs",
    about="layers of fuse-overlayfs as root: xattrs, devices and .wh. files",
    policy=_POLICY,
    decode=decode,
    encode=encode,
    options=lowerdir,
)

FUSE_OVERLAYFS_ROOTLESS: Final = Dialect(
    name="fuse-overlayfs-rootless",
    about="layers of fuse-overlayfs without root: owners and modes in xattrs",
    policy=_POLICY,
    decode=decode,
    encode=encode_rootless,
    options=lowerdir,
)
