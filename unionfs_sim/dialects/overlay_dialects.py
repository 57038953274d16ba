"""The two dialects of overlayfs: marks under ``trusted.``, or under ``user.``."""

from __future__ import annotations

from typing import Final

import attrs

from unionfs_sim.core.layer import Layer, LayerBuilder
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import WHITEOUT, Directory, Leaf
from unionfs_sim.core.policy import Policy, Redirect
from unionfs_sim.core.records import DirectoryRecord
from unionfs_sim.dialects import overlay
from unionfs_sim.dialects.conversion import Form, plain, prepare
from unionfs_sim.dialects.dialect import Dialect, Encoded, lowerdir

#: The private xattrs that say something of a layer; all others speak of one mount.
_MEANING: Final = frozenset({"redirect", "metacopy", "whiteout"})

_FORM: Final = Form(redirects=True, root_opaque=False, ghosts=False, device_zero=False)
_FORM_USER: Final = attrs.evolve(_FORM, redirects=False)


def _without_bookkeeping(layer: Layer) -> Layer:
    """Leave out what the kernel notes for itself (layer-formats, 6.1)."""
    builder = LayerBuilder(layer.label, diff_id=layer.diff_id)
    made: dict[int, Leaf] = {}
    for parts, entry in layer.items():
        if entry is WHITEOUT:
            builder.whiteout(parts)
        elif isinstance(entry, Directory):
            if entry.implied:
                builder.directory(parts)
            else:
                builder.set_meta(parts, _meaning(entry.meta))
            if entry.opaque:
                builder.opaque(parts)
        else:
            builder.add(parts, plain(entry, made, _meaning(entry.meta)))
    return builder.freeze()


def _meaning(meta: Meta) -> Meta:
    if meta.private.keys() <= _MEANING:
        return meta
    kept = {key: meta.private[key] for key in meta.private.keys() & _MEANING}
    return attrs.evolve(meta, private=kept)


def decode(raw: Layer) -> Layer:
    """Read a layer with marks under ``trusted.overlay.``, without bookkeeping."""
    return _without_bookkeeping(overlay.decode(raw, xattr_whiteouts=True))


def encode(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down so that the kernel mounts it.

    An opaque root, which the kernel does not know, hides name by name, and whiteouts
    that would be listed are left out.
    """
    return _encode(layer, below, _FORM, "trusted.overlay.")


def decode_user(raw: Layer) -> Layer:
    """Read a layer with marks under ``user.overlay.``, without bookkeeping."""
    prefix = "user.overlay."
    return _without_bookkeeping(overlay.decode(raw, prefix, xattr_whiteouts=True))


def encode_user(layer: Layer, below: DirectoryRecord | None = None) -> Encoded:
    """
    Write a layer down for a mount with ``userxattr``.

    Such a mount follows no redirects and knows no metadata-only files.
    """
    return _encode(layer, below, _FORM_USER, "user.overlay.")


def _encode(
    layer: Layer, below: DirectoryRecord | None, form: Form, prefix: str
) -> Encoded:
    prepared = prepare(layer, below, form)
    raw = overlay.encode(_without_bookkeeping(prepared.layer), prefix)
    return Encoded(raw, tuple(prepared.losses))


_POLICY: Final = Policy()
_POLICY_USER: Final = Policy(userxattr=True, redirect_dir=Redirect.NOFOLLOW)

OVERLAY: Final = Dialect(
    name="overlay",
    about="layers of the kernel's overlayfs: devices 0:0 and trusted.overlay. xattrs",
    policy=_POLICY,
    decode=decode,
    encode=encode,
    options=lowerdir,
)

OVERLAY_USERXATTR: Final = Dialect(
    name="overlay-userxattr",
    about="layers of overlayfs mounted with userxattr: user.overlay. xattrs",
    policy=_POLICY_USER,
    decode=decode_user,
    encode=encode_user,
    options=lambda directories: lowerdir(directories) + ",userxattr",
)
