"""All small worlds: every way to fill a few names in a few layers, and every verb."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from unionfs_sim import (
    OPAQUE,
    WHITEOUT,
    Directory,
    Layer,
    Meta,
    Regular,
    Symlink,
    UnionFS,
)
from unionfs_sim.core import flags
from unionfs_sim.core.content import hole
from unionfs_sim.core.layer import SpecValue
from unionfs_sim.core.policy import Policy
from unionfs_sim.core.rename import RENAME_EXCHANGE, RENAME_NOREPLACE

#: The policies under which plans differ.
POLICIES: Final[Mapping[str, Policy]] = {
    "defaults": Policy(),
    "redirect_dir": Policy.from_options({"redirect_dir": "on"}),
    "metacopy": Policy.from_options({"metacopy": "on"}),
    "index": Policy.from_options({"index": "on"}),
}

_META = Meta(mode=0o640, uid=7, gid=8, mtime_ns=5, xattrs={"user.k": b"v"})
_TIMED = Meta(mode=0o751, uid=9, gid=9, mtime_ns=3)

#: What a layer can have under a name; each makes the entries of a description.
KINDS: Final[Mapping[str, Callable[[str], Mapping[str, SpecValue]]]] = {
    "absent": lambda _: {},
    "file": lambda at: {at: Regular("data", _META)},
    "dir": lambda at: {at: Directory(_TIMED)},
    "whiteout": lambda at: {at: WHITEOUT},
    "opaque": lambda at: {at: OPAQUE},
    "full": lambda at: {at: Directory(_TIMED), f"{at}/x": "x"},
    "symlink": lambda at: {at: Symlink("peer")},
    # Another name of the file that every layer has beside the names under test.
    "linked": lambda _: {},  # `layer` makes it
}

#: The upper first: what two layers can have under one name, as appendix B names them.
PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "nothing": ("absent", "absent"),
    "upper file": ("file", "absent"),
    "lower file": ("absent", "file"),
    "upper over lower file": ("file", "file"),
    "upper linked": ("linked", "absent"),
    "lower linked": ("absent", "linked"),
    "whiteouted file": ("whiteout", "file"),
    "whiteouted dir": ("whiteout", "full"),
    "stray whiteout": ("whiteout", "absent"),
    "lower symlink": ("absent", "symlink"),
    "empty upper dir": ("dir", "absent"),
    "full upper dir": ("full", "absent"),
    "empty lower dir": ("absent", "dir"),
    "full lower dir": ("absent", "full"),
    "full merged dir": ("dir", "full"),
    "opaque dir over lower dir": ("opaque", "full"),
}

#: Where the names under test are: a directory of the lowest layer.
HOME: Final = "d"


def layer(label: str, kinds: Mapping[str, str]) -> Layer | None:
    """
    Make a layer that has the kinds under the names, in `HOME`; ``None`` if nothing.

    A peer lies beside the names wherever something is linked to it.
    """
    peer = Regular("peer", _META)
    spec: dict[str, SpecValue] = {}
    for name, kind in kinds.items():
        made = KINDS[kind](f"{HOME}/{name}")
        if kind == "linked":
            spec[f"{HOME}/{name}"] = spec[f"{HOME}/peer"] = peer
        else:
            spec.update(made)
    if not spec:
        return None
    return Layer.build({HOME: Directory(_TIMED), **spec}, label=label)


def base() -> Layer:
    """Make the layer at the bottom: `HOME`, and a second directory."""
    return Layer.build(
        {
            HOME: Directory(_TIMED),
            f"{HOME}/still": "still",
            f"{HOME}/sparse": Regular(hole(1 << 20).splice(9000, b"x"), _META),
            "e": Directory(_TIMED),
            "e/still": "still",
        },
        label="base",
    )


#: The paths that are asked for before and after.
PATHS: Final = [
    "/",
    "/e",
    "/e/n",
    *(f"/{HOME}{rest}" for rest in ("", "/still", "/peer", "/n")),
    *(f"/{HOME}/{name}{rest}" for name in "ab" for rest in ("", "/x", "/n")),
    f"/{HOME}/../{HOME}/a",
]


def _opened(how: int, then: Callable[[UnionFS, int], object]) -> Verb:
    def run(fs: UnionFS) -> object:
        path = f"/{HOME}/a" if how & flags.O_TMPFILE != flags.O_TMPFILE else f"/{HOME}"
        fd = fs.os_open(path, how, 0o640)
        return then(fs, fd)

    return run


Verb = Callable[[UnionFS], object]

_A: Final = f"/{HOME}/a"
_B: Final = f"/{HOME}/b"

#: Verbs on one name.
VERBS: Final[Mapping[str, Verb]] = {
    "mkdir": lambda fs: fs.mkdir(_A),
    "mkdir below": lambda fs: fs.mkdir(f"{_A}/n"),
    "rmdir": lambda fs: fs.rmdir(_A),
    "unlink": lambda fs: fs.unlink(_A),
    "unlink below": lambda fs: fs.unlink(f"{_A}/x"),
    "unlink peer": lambda fs: fs.unlink(f"/{HOME}/peer"),
    "rename away": lambda fs: fs.rename(_A, "/e/n"),
    "rename beside": lambda fs: fs.rename(_A, f"/{HOME}/n"),
    "rename here": lambda fs: fs.rename(f"/{HOME}/still", _A),
    "rename from elsewhere": lambda fs: fs.rename("/e/still", _A),
    "rename to peer": lambda fs: fs.rename(_A, f"/{HOME}/peer"),
    "noreplace": lambda fs: fs.renameat2(_A, "/e/n", RENAME_NOREPLACE),
    "exchange": lambda fs: fs.renameat2(_A, "/e/still", RENAME_EXCHANGE),
    "exchange directories": lambda fs: fs.renameat2(_A, "/e", RENAME_EXCHANGE),
    "link": lambda fs: fs.link(_A, "/e/n"),
    "link here": lambda fs: fs.link(f"/{HOME}/still", _A),
    "symlink": lambda fs: fs.symlink("peer", _A),
    "mknod": lambda fs: fs.mknod(_A, 0o20600, 259),
    "chmod": lambda fs: fs.chmod(_A, 0o600),
    "chown": lambda fs: fs.chown(_A, 5, 6, follow_symlinks=False),
    "utime": lambda fs: fs.utime(_A, ns=(1, 2)),
    "truncate": lambda fs: fs.truncate(_A, 2),
    "truncate sparse": lambda fs: fs.truncate(f"/{HOME}/sparse", 9),
    "setxattr": lambda fs: fs.setxattr(_A, "user.n", b"1"),
    "setxattr of what is there": lambda fs: fs.setxattr(_A, "user.k", b"1", 1),
    "removexattr": lambda fs: fs.removexattr(_A, "user.k"),
    "write": lambda fs: fs.write_bytes(_A, b"new"),
    "create": _opened(flags.O_CREAT | flags.O_EXCL | flags.O_WRONLY, lambda _, fd: fd),
    "truncating open": _opened(flags.O_TRUNC, lambda fs, fd: fs.close(fd)),
    "append": _opened(
        flags.O_RDWR | flags.O_APPEND, lambda fs, fd: fs.write(fd, b"more")
    ),
    "pwrite": _opened(flags.O_RDWR, lambda fs, fd: fs.pwrite(fd, b"more", 9)),
    "ftruncate": _opened(flags.O_RDWR, lambda fs, fd: fs.ftruncate(fd, 1)),
    "fchmod of a reader": _opened(0, lambda fs, fd: fs.fchmod(fd, 0o600)),
    "fchown of a reader": _opened(0, lambda fs, fd: fs.fchown(fd, 1, 2)),
    "fallocate": _opened(flags.O_RDWR, lambda fs, fd: fs.fallocate(fd, 0, 0, 9)),
    "punch": _opened(flags.O_RDWR, lambda fs, fd: fs.fallocate(fd, 3, 1, 2)),
    "link open": _opened(0, lambda fs, fd: fs.link(fd, "/e/n")),
    "nameless": _opened(
        flags.O_TMPFILE | flags.O_RDWR, lambda fs, fd: fs.write(fd, b"new")
    ),
    "nameless, linked": _opened(
        flags.O_TMPFILE | flags.O_RDWR, lambda fs, fd: fs.link(fd, f"/{HOME}/a")
    ),
}

#: Verbs on two names.
PAIR_VERBS: Final[Mapping[str, Verb]] = {
    "rename": lambda fs: fs.rename(_A, _B),
    "noreplace": lambda fs: fs.renameat2(_A, _B, RENAME_NOREPLACE),
    "exchange": lambda fs: fs.renameat2(_A, _B, RENAME_EXCHANGE),
    "link": lambda fs: fs.link(_A, _B),
    "rename into": lambda fs: fs.rename(_A, f"{_B}/n"),
}


def stacks(*kinds_top_first: Mapping[str, str]) -> tuple[Layer | None, list[Layer]]:
    """Make the upper, and the layers below it, of what each has under the names."""
    upper, *lowers = (
        layer(f"layer {number}", kinds) for number, kinds in enumerate(kinds_top_first)
    )
    return upper, [*(x for x in lowers if x is not None), base()]


def one_name(depth: int) -> Iterator[tuple[str, ...]]:
    """Give every way to fill one name in as many layers."""
    combos: list[tuple[str, ...]] = [()]
    for _ in range(depth):
        combos = [(*combo, kind) for combo in combos for kind in KINDS]
    yield from combos
