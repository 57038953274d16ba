"""What we make of the images that real tools disagree about (section 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from unionfs_sim import Policy, UnionFS
from unionfs_sim.errors import FormatError
from unionfs_sim.image.manifest import manifest
from unionfs_sim.image.open import open_image

#: Images that we refuse -> the reason.
REFUSED: Final = {
    "char00": "a character device 0:0",
    "duplicate-dir-attrs": "this directory twice",
    "duplicate-file": "this name twice",
    "duplicate-file-then-dir": "this name twice",
    "hardlink-forward": "which is not there",
    "hardlink-self": "the root or itself",
    "hardlink-to-dir": "which is a directory",
    "symlink-parent-same-layer": "/p: not a directory",
    "whiteout-component": "nothing can be in it",
    "whiteout-dot": "names nothing",
    "whiteout-dotdot": "names nothing",
    "whiteout-empty-name": "names nothing",
}

#: Images of which we make something else than umoci: image -> path -> what we have.
#: ``None`` is a path that only umoci has, a dict holds the members that differ.
OURS: Final[dict[str, dict[str, dict[str, Any] | None]]] = {
    # The names of aufs are hidden; what is linked there is content.
    "aufs-meta": {
        "/.wh..wh.plnk": None,
        "/.wh..wh.plnk/99.1": None,
        "/d/a": {"nlink": 2, "links": ["/d/a", "/d/b"]},
        "/d/b": {"nlink": 2, "links": ["/d/a", "/d/b"]},
    },
    # Marks have no effect through a symbolic link of a lower layer.
    "opaque-through-symlink": {"/real/r": {"type": "file"}},
    "whiteout-through-symlink": {"/real/r": {"type": "file"}},
    # A directory replaces the link: a layer does not depend on what is below.
    "symlink-parent": {
        "/dl": {"type": "dir", "mode": "0755", "target": None, "size": None},
        "/dl/new": {"type": "file"},
        "/real/new": None,
    },
    # Attributes: kept as they are, but for the bookkeeping of overlays.
    "xattr-selinux": {
        "/d/f": {"xattrs": {"security.selinux": b"system_u:object_r:bin_t:s0\0".hex()}}
    },
    "xattr-unknown-ns": {"/d/f": {"xattrs": {"weird.name": b"v".hex()}}},
    "xattr-user-overlay": {"/d/sub": {"xattrs": None}},
    # umoci refuses a contiguous file, we read it.
    "contiguous-type": {},
}

#: What is told of an image.
TOLD: Final = {
    "whiteout-of-marker": "a name that is aufs' own, hidden",
    "aufs-meta": "a name that is aufs' own, hidden",
    "contiguous-type": "a contiguous file, which umoci, Docker and podman refuse",
    "opaque-as-dir": "a mark that is no empty file; it counts all the same",
    "root-opaque": "the root is opaque, which mounts of Docker and podman ignore",
    "whiteout-as-dir": "a mark that is no empty file; it counts all the same",
    "whiteout-as-hardlink": "a mark that is no empty file; it counts all the same",
    "whiteout-as-symlink": "a mark that is no empty file; it counts all the same",
    "whiteout-nonempty": "a mark that is no empty file; it counts all the same",
    "cross-layer-hardlink": "hard link to 'd/f' of a layer below",
    "cross-layer-hardlink-replaced": "hard link to 'd/f' of a layer below",
    "xattr-overlay-opaque": "'trusted.overlay.opaque' is bookkeeping",
    "xattr-overlay-redirect": "'trusted.overlay.redirect' is bookkeeping",
    "xattr-unknown-ns": "'weird.name' is of no namespace",
    "xattr-user-overlay": "'user.overlay.opaque' is bookkeeping",
}


#: Stands behind the tools whose answer takes asking.
LIKE: Final = ' with `like="docker"`'

#: Whose answer is ours where it is not umoci's: image -> tools, in words.
AS: Final = {
    "aufs-meta": "aufs, whose own names do not show; umoci and Docker leave some",
    "char00": f'Docker, podman{LIKE}; umoci with `device_zero="keep"`; else refused',
    "contiguous-type": "GNU tar; umoci, Docker and podman refuse",
    "duplicate-dir-attrs": "Docker, podman; lenient: umoci",
    "duplicate-file": "Docker, podman; lenient: umoci",
    "duplicate-file-then-dir": "Docker, podman; lenient: umoci",
    "file-parent": "Docker, podman; umoci refuses",
    "opaque-through-symlink": f"Docker, podman{LIKE}; else the link stays as with umoci,"
    " and what it leads to as with Docker",
    "symlink-parent": "Docker, podman",
    "symlink-parent-same-layer": "Docker, podman",
    "whiteout-component": f"umoci, Docker, podman{LIKE}; else refused, for no layer can"
    " remove a directory of that name",
    "whiteout-dot": "Docker, podman; umoci deletes what it should not",
    "whiteout-dotdot": "Docker, podman; umoci deletes what it should not",
    "whiteout-empty-name": "Docker, podman; umoci deletes what it should not",
    "whiteout-through-symlink": f"Docker, podman{LIKE}, the ghost in its listing with"
    " `Policy(ghosts=True)`; else as `opaque-through-symlink`",
    "xattr-selinux": "Docker",
    "xattr-unknown-ns": f"umoci, Docker, podman{LIKE}, and on unpacking; else kept in"
    " memory",
    "xattr-user-overlay": f"umoci, Docker, podman{LIKE}; else dropped, as no mark may"
    " come out of a tar",
}


def test_the_docs_say_whose_answer_is_ours(root: Path) -> None:
    """The table in the docs is this one."""
    table = "".join(f"| `{name}` | {who} |\n" for name, who in AS.items())

    assert table in (root / "docs" / "compatibility.md").read_text()


def test_our_answer_is_that_of_the_named_tools(shared: Path) -> None:
    """Each image is answered as the table says, by the recorded answers of the tools."""
    wrong = {}
    for path in sorted((shared / "images" / "disputed").glob("*.oci.tar")):
        name = path.name.removesuffix(".oci.tar")
        said = AS.get(name, "umoci").partition(";")[0]
        found = agreeing(path, like="docker" if LIKE in said else None)
        named = {tool for tool in TOOLS if tool in said}
        if not named <= found or not (named or said.startswith(("aufs", "GNU tar"))):
            wrong[name] = found

    assert {} == wrong


def test_reading_like_docker(shared: Path) -> None:
    """Read so, all is Docker's answer but for what it refuses, and the listed."""
    differ = {
        path.name.removesuffix(".oci.tar")
        for path in (shared / "images" / "disputed").glob("*.oci.tar")
        if "Docker" not in agreeing(path, like="docker")
    }

    assert differ == {*NOT_LIKE_DOCKER, *ACCEPTED}


def test_ghost_of_a_mount(shared: Path) -> None:
    """A whiteout in a directory that merges with nothing shows as to the kernel."""
    path = shared / "images" / "disputed" / "whiteout-through-symlink.oci.tar"
    with open_image(path, like="docker") as image:
        union = UnionFS(image.layers_base_first[::-1], policy=Policy(ghosts=True))

        assert ["r"] == union.listdir("/dl")
        assert not union.exists("/dl/r")


#: Why something is not Docker's answer, even with ``like="docker"``: image -> reason.
NOT_LIKE_DOCKER: Final = {
    "aufs-meta": "its own names are hidden, as aufs does",
    "root-opaque": "the mark of the root counts",
    "whiteout-dir-then-dir": "what was below does not shine through",
    "xattr-overlay-opaque": "no mark comes out of an xattr of a tar",
    "xattr-overlay-redirect": "no mark comes out of an xattr of a tar",
}

#: What Docker refuses to load and we read.
ACCEPTED: Final = {
    "contiguous-type",
    "cross-layer-hardlink",
    "cross-layer-hardlink-replaced",
    "dir-then-whiteout-dir",
    "whiteout-after-add",
    "whiteout-below-removed",
}

#: Names that the kernel lists and cannot look up; a manifest has none.
GHOSTS: Final = {"implied-parents": "/n4/n5/gone", "whiteout-through-symlink": "/dl/r"}

#: Stands for the attributes of what umoci does not have.
ONLY_THERE: Final[dict[str, Any]] = {"recorded": "only its name"}

#: The tools whose answers are recorded; podman's and Docker's as differences.
TOOLS: Final = ("umoci", "Docker", "podman")


def agreeing(path: Path, *, like: Any = None) -> set[str]:
    """Give the tools that make of an image what we do."""
    name = path.name.removesuffix(".oci.tar")
    truth = json.loads(path.with_name(f"{name}.truth.json").read_bytes())
    try:
        with open_image(path, like=like) as image:
            ours = facts(manifest(image)["root"])
    except FormatError:
        ours = {}
    found = set()
    for tool in TOOLS:
        theirs = facts(recorded(truth, tool))
        theirs.pop(GHOSTS.get(name, ""), None)
        if same(ours, theirs):
            found.add(tool)
    return found


def same(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> bool:
    """Compare; of a path that only the tool has, nothing but its name is recorded."""
    return ours.keys() == theirs.keys() and all(
        entry in (ours[path], ONLY_THERE) for path, entry in theirs.items()
    )


def recorded(truth: dict[str, Any], tool: str) -> dict[str, dict[str, Any]]:
    """Give what a tool made of an image; nothing if it refused."""
    root: dict[str, dict[str, Any]] = {
        path: dict(entry) for path, entry in truth["root"].items()
    }
    if tool == "umoci":
        return root if truth["root_from"].startswith("umoci") else {}
    other = next(
        answer
        for name, answer in truth["others"].items()
        if name.startswith(tool.lower())
    )
    if "refused" in other:
        return {}
    for difference in other.get("differences", ()):
        path, field, value = (
            difference[key] for key in ("path", "field", tool.lower())
        )
        if field != "exists":
            root[path][field] = value
        elif value:
            root.setdefault(path, ONLY_THERE)
        else:
            del root[path]
    return root


def facts(root: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out what has no one answer: times, the root's mode, counts of names."""
    vague = {"implied", "mtime", "nlink", "links"}
    found: dict[str, dict[str, Any]] = {}
    for path, entry in root.items():
        left_out = vague | {"mode"} if path == "/" else vague
        found[path] = {
            key: value
            for key, value in entry.items()
            if key not in left_out and value is not None
        }
    return found


def test_table_of_disputed_images(shared: Path) -> None:
    """Each gives umoci's tree, the difference that is listed, or the refusal."""
    folder = shared / "images" / "disputed"
    archives = {p.name.removesuffix(".oci.tar"): p for p in folder.glob("*.oci.tar")}
    wrong = {}
    for name, path in sorted(archives.items()):
        found = answer(path)
        if found != expected(folder, name):
            wrong[name] = found

    assert {} == wrong
    assert set() == (REFUSED.keys() | OURS.keys() | TOLD.keys()) - archives.keys()


def answer(path: Path) -> object:
    """Give the refusal's place in the table, or the entries that differ from umoci."""
    name = path.name.removesuffix(".oci.tar")
    try:
        image = open_image(path)
    except FormatError as error:
        return next((n for n, why in REFUSED.items() if why in str(error)), str(error))
    with image:
        told = " ".join(map(str, image.oddities))
        if bool(told) != (name in TOLD) or TOLD.get(name, "") not in told:
            return told
        root = manifest(image)["root"]
    truth = json.loads(path.with_name(f"{name}.truth.json").read_bytes())
    theirs = truth["root"]
    if not theirs:  # umoci and GNU tar refused
        return {}
    found: dict[str, dict[str, Any] | None] = {}
    for where in theirs.keys() | root.keys():
        if where not in root:
            found[where] = None
        elif where not in theirs:
            found[where] = {"type": root[where]["type"]}
        elif difference := differing(root[where], theirs[where]):
            found[where] = difference
    return found


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Give our values of the members that differ."""
    ignored = {"implied"} if theirs["mtime"] is not None else {"implied", "mtime"}
    if ours["type"] != theirs["type"]:
        ignored.add("mtime")  # not the same object
    return {
        key: ours.get(key)
        for key in (ours.keys() | theirs.keys()) - ignored
        if ours.get(key) != theirs.get(key)
    }


def expected(folder: Path, name: str) -> object:
    """Give what the tables say."""
    if name in REFUSED:
        same_reason = REFUSED[name]
        return next(n for n, why in REFUSED.items() if why == same_reason)
    return OURS.get(name, {})


def test_lenient_reading_of_disputed_images(shared: Path) -> None:
    """A lenient reading of duplicates gives what umoci gives."""
    for name in ("duplicate-dir-attrs", "duplicate-file", "duplicate-file-then-dir"):
        path = shared / "images" / "disputed" / f"{name}.oci.tar"
        truth = json.loads(path.with_name(f"{name}.truth.json").read_bytes())
        with open_image(path, lenient=True) as image:
            root = manifest(image)["root"]
            told = list(image.oddities)

        assert truth["root"].keys() == root.keys(), name
        assert not any(
            differing(root[where], entry) for where, entry in truth["root"].items()
        ), name
        assert 1 <= len(told)


@pytest.mark.parametrize(("choice", "kind"), [("keep", "char"), ("whiteout", None)])
def test_device_zero_of_a_real_image(
    choice: Any, kind: str | None, shared: Path
) -> None:
    """The device 0:0 of disputed/char00 is kept or hides the name, on request."""
    path = shared / "images" / "disputed" / "char00.oci.tar"
    with open_image(path, device_zero=choice) as image:
        root = manifest(image)["root"]

    assert kind == root.get("/d/f", {}).get("type")
