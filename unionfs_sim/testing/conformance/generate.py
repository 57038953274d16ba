"""
Draw random cases: stacks, options and programs in which much collides.

Four names and three levels make layers meet, and paths are taken from what is there
more often than not.  Some things are left out on purpose: what depends on the kernel's
memory of earlier lookups (overlayfs.md, section 7: two directories that share an
origin), on the file system of the layers (holes, block sizes), or on the host (links
and paths that lead out of the mount).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, final

import attrs

from unionfs_sim.testing.conformance.cases import Case, Tree, TreeNode
from unionfs_sim.testing.conformance.programs import (
    BLK,
    CHR,
    DEPTH_MAX,
    MODES,
    NAMES,
    OWNERS,
    STICKY,
    TARGETS,
    ProgramMaker,
    Sketch,
    weighted,
)

OPS_MAX: Final = 60

#: Mount options, each with its weight.
OPTIONS: Final[Sequence[tuple[int, Mapping[str, str | bool]]]] = (
    (55, {}),
    (12, {"redirect_dir": "on"}),
    (7, {"metacopy": "on"}),
    (7, {"index": "on"}),
    (4, {"redirect_dir": "on", "index": "on"}),
    (2, {"metacopy": "on", "index": "on"}),
    (4, {"userxattr": True}),
    (3, {"xino": "on"}),
    (2, {"volatile": True}),
    (2, {"redirect_dir": "nofollow"}),
    (1, {"redirect_dir": "follow"}),
    (1, {"redirect_dir": "off", "metacopy": "off", "index": "off"}),
    (1, {"nfs_export": "on"}),
    (1, {"default_permissions": True}),
    (1, {"xino": "auto", "uuid": "null"}),
    (2, {"redirect_dir": "on", "metacopy": "on", "index": "on", "xino": "on"}),
)

#: What a mount can be made again with; after a volatile one none succeeds.
REMOUNT_OPTIONS: Final[Sequence[Mapping[str, str | bool]]] = (
    {},
    {"redirect_dir": "on"},
    {"redirect_dir": "nofollow"},
    {"xino": "on"},
    {"index": "on"},
    {"volatile": True},
)
#: With these it is made again just so.  Handles and marks are kept elsewhere, or under
#: names that others do not read; and metadata-only files cannot be looked up without
#: metacopy: where a listing breaks off is up to the order of names on disk.
_FIXED: Final = frozenset({"userxattr", "nfs_export", "metacopy"})


@final
class _TreeMaker:
    """Draws one layer."""

    _TYPES: Final = (
        (38, "dir"),
        (30, "file"),
        (12, "whiteout"),
        (7, "symlink"),
        (5, "hardlink"),
        (2, "fifo"),
        (2, "chr"),
        (1, "blk"),
        (1, "sock"),
        (1, "xwhiteout"),
    )

    def __init__(
        self,
        rng: Random,
        options: Mapping[str, str | bool],
        *,
        times: bool,
        sticky: bool,
    ) -> None:
        self._rng = rng
        self._prefix = "user" if options.get("userxattr") else "trusted"
        self._metacopy = options.get("metacopy") == "on"
        self._follows = options.get("redirect_dir") != "nofollow" and not options.get(
            "userxattr"
        )
        self._times = times
        self._sticky = sticky
        self.density = rng.choice((0.25, 0.45, 0.6))

    def tree(self) -> dict[str, TreeNode]:
        """Draw a tree."""
        rng = self._rng
        tree: dict[str, TreeNode] = {}
        if rng.random() < 0.15:
            tree["."] = self._dressed("dir")
        pending = [("", 1)]
        while pending:
            directory, depth = pending.pop(0)
            for name in NAMES:
                if rng.random() >= (self.density if depth < 3 else 0.3):
                    continue
                path = directory + name
                node = self._node(tree, depth)
                tree[path] = node
                if node.type == "dir":
                    pending.append((f"{path}/", depth + 1))
        if self._follows and rng.random() < 0.06:
            self._redirect(tree)
        return tree

    def _node(self, tree: Tree, depth: int) -> TreeNode:
        kind = weighted(self._rng, self._TYPES)
        if kind == "dir" and depth == DEPTH_MAX + 1:
            kind = "file"
        if kind == "hardlink":
            others = [
                path
                for path, node in tree.items()
                if node.type in {"file", "symlink", "fifo"}
                and node.hardlink is None
                and not _metadata_only(node)
            ]
            if others:
                other = self._rng.choice(others)
                return TreeNode(type=tree[other].type, hardlink=other)
            kind = "file"
        return self._dressed(kind)

    def _dressed(self, kind: str) -> TreeNode:
        rng = self._rng
        fields: dict[str, Any] = {"type": kind}
        if kind in {"whiteout", "xwhiteout"}:
            return TreeNode(**fields)
        if kind == "file":
            fields["content"] = rng.choice((b"", b"x", b"lower", b"0123456789"))
        elif kind == "symlink":
            fields["target"] = rng.choice(TARGETS)
        elif kind == "chr":
            fields["rdev"] = CHR
        elif kind == "blk":
            fields["rdev"] = BLK
        if kind != "symlink" and rng.random() < 0.3:
            modes: Sequence[str] = MODES.get(kind, MODES["file"])
            if kind == "dir" and self._sticky:
                modes = (STICKY, *modes)
            fields["mode"] = int(rng.choice(modes), 8)
        if rng.random() < 0.25:
            fields["uid"], fields["gid"] = rng.choice(OWNERS)
        if self._times and rng.random() < 0.8:
            fields["mtime"] = rng.randrange(1, 1000) * 10
        xattrs = self._xattrs(kind)
        if xattrs:
            fields["xattrs"] = xattrs
        if f"{self._prefix}.overlay.metacopy" in xattrs:
            fields["content"] = None
        return TreeNode(**fields)

    def _xattrs(self, kind: str) -> dict[str, bytes]:
        rng = self._rng
        xattrs: dict[str, bytes] = {}
        if kind in {"file", "dir"} and rng.random() < 0.3:
            xattrs["user.k"] = rng.choice((b"v", b"w", b""))
        if rng.random() < 0.05:
            xattrs["trusted.t"] = b"t"
        if kind in {"file", "dir"} and rng.random() < 0.01:
            xattrs[f"{self._prefix}.overlay.overlay.q"] = b"q"
        if kind == "dir" and rng.random() < 0.15:
            value = weighted(rng, ((12, b"y"), (1, b"x"), (1, b"n")))
            xattrs[f"{self._prefix}.overlay.opaque"] = value
        if kind == "file" and self._metacopy and rng.random() < 0.05:
            xattrs[f"{self._prefix}.overlay.metacopy"] = b""
        return xattrs

    def _redirect(self, tree: dict[str, TreeNode]) -> None:
        """Redirect a directory, and hide where it leads, as a rename would have."""
        rng = self._rng
        directories = [
            path for path, node in tree.items() if node.type == "dir" and path != "."
        ]
        if not directories:
            return
        path = rng.choice(directories)
        parent, slash, name = path.rpartition("/")
        other = rng.choice([other for other in NAMES if other != name])
        absolute = rng.random() < 0.4
        target = other if absolute else f"{parent}{slash}{other}"
        if path == target or path.startswith(f"{target}/"):
            return
        for key in [k for k in tree if k == target or k.startswith(f"{target}/")]:
            del tree[key]
        gone = {key for key, node in tree.items() if node.hardlink not in {None, *tree}}
        for key in gone:
            tree[key] = TreeNode(type="file")
        tree[target] = TreeNode(type="whiteout")
        value = f"/{other}" if absolute else other
        xattrs = {f"{self._prefix}.overlay.redirect": value.encode()}
        tree[path] = TreeNode(type="dir", xattrs=xattrs)


def _fit_sizes(layers_base_first: Sequence[dict[str, TreeNode]]) -> None:
    """
    Give metadata-only files the size of the data that they stand for.

    One without data is made an ordinary file: where a listing breaks off at a name that
    cannot be looked up depends on the order of the names.
    """
    sizes: dict[str, int] = {}
    for tree in layers_base_first:
        for path, node in tree.items():
            file = tree[node.hardlink] if node.hardlink is not None else node
            if file.type != "file":
                sizes.pop(path, None)
            elif not _metadata_only(node):
                sizes[path] = len(file.content or b"")
            elif _in_data_layers(node):
                sizes[path] = node.size or 0
            elif path in sizes:
                tree[path] = attrs.evolve(node, size=sizes[path])
            else:
                tree[path] = TreeNode(type="file")
                sizes[path] = 0


#: What data-only layers hold.
_DATA: Final = ("data", "more", "deep/data")


def _data_layers(
    rng: Random, layers: Sequence[dict[str, TreeNode]], *, metacopy: bool
) -> list[dict[str, TreeNode]]:
    """
    Draw data-only layers, and make files of layers, top first, stand for data in them.

    A few stand for data that is nowhere: they can be seen, and not be opened.  Without
    *metacopy* those of the lowest layer alone can be looked up: above it there is one a
    layer, for two in a directory break its listing off.
    """
    data: list[dict[str, TreeNode]] = []
    for _ in range(rng.choice((1, 1, 2))):
        data.append({"deep": TreeNode(type="dir")})
        for path in _DATA:
            if rng.random() < 0.7:
                content = rng.choice((b"data", b"D", b""))
                data[-1][path] = TreeNode(type="file", content=content)
    linked = {node.hardlink for tree in layers for node in tree.values()}
    for tree in layers:
        room = len(tree) if metacopy or tree is layers[-1] else 1
        for path, node in tree.items():
            plain = node.type == "file" and node.hardlink is None
            if not plain or path in linked or not room or rng.random() < 0.5:
                continue
            room -= 1
            target = rng.choice(_DATA)
            found = next((layer[target] for layer in data if target in layer), None)
            tree[path] = attrs.evolve(
                node,
                content=None,
                size=len(found.content or b"") if found else 3,
                xattrs={
                    **node.xattrs,
                    "trusted.overlay.metacopy": b"",
                    "trusted.overlay.redirect": f"/{target}".encode(),
                },
            )
    return data


def _in_data_layers(node: TreeNode) -> bool:
    return "trusted.overlay.redirect" in node.xattrs


def _metadata_only(node: TreeNode) -> bool:
    return any(name.endswith(".overlay.metacopy") for name in node.xattrs)


def draw_case(rng: Random, name: str) -> Case:
    """
    Draw a case without expectations; the same *rng* state gives the same case.

    >>> draw_case(Random(1), "x") == draw_case(Random(1), "x")
    True
    """
    options = weighted(rng, OPTIONS)
    times = rng.random() < 0.15
    sticky = rng.random() < 0.1
    maker = _TreeMaker(rng, options, times=times, sticky=sticky)
    read_only = rng.random() < 0.04
    count = weighted(rng, ((45, 1), (35, 2), (15, 3), (5, 4)))
    lower = [maker.tree() for _ in range(max(count, 2) if read_only else count)]
    upper: dict[str, TreeNode] | None = None
    if not read_only:
        maker.density *= rng.choice((0.0, 0.5, 1.0))
        upper = maker.tree()
    _fit_sizes((*lower[::-1], upper or {}))
    data_only: list[dict[str, TreeNode]] = []
    if "userxattr" not in options and rng.random() < 0.04:
        data_only = _data_layers(rng, lower, metacopy=options.get("metacopy") == "on")
        _fit_sizes((*lower[::-1], upper or {}))
    sketch = Sketch.of((upper or {}, *lower))
    programmer = ProgramMaker(
        rng,
        sketch,
        remounts=True,
        remounts_with=() if _FIXED & options.keys() else REMOUNT_OPTIONS,
        sticky=sticky,
        times=times,
        # A special file has no room for user.overlay.origin: whether two links to a
        # copy of one are one inode depends on what the kernel still remembers.
        links=not {"userxattr", "nfs_export"} & options.keys()
        and not any(map(_metadata_only, (upper or {}).values())),
    )
    length = rng.randrange(1, rng.choice((4, 12, 30, OPS_MAX + 1)))
    return Case(
        id=name,
        tags=["fuzz"],
        options=options,
        lower=lower,
        data_only=data_only,
        upper=upper,
        times=times,
        ops=[programmer.op() for _ in range(length)],
    )
