"""What scenarios do on the host besides running the client, and what it shows."""

from __future__ import annotations

import io
import re
import stat
import tarfile
from typing import Any, Final, TypeAlias

from unionfs_sim.containers.engine import Engine
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.testing.docker.realfiles import RealFiles

_KINDS: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char",
    stat.S_IFIFO: "fifo",
}
_SHOWN_BYTES: Final = 64
_OVERLAY: Final = "/var/lib/docker/overlay2"


#: A simulated file system, or a directory of this machine.
Files: TypeAlias = FileSystem | RealFiles


def entry(fs: Files, path: str, name: str) -> dict[str, Any]:
    """Describe one name as recordings do."""
    status = fs.lstat(path)
    mode = status.st_mode
    kind = _KINDS[stat.S_IFMT(mode)]
    if kind == "char" and not status.st_rdev:
        return {"path": name, "type": "whiteout"}
    made: dict[str, Any] = {"path": name}
    if kind != "symlink":
        made["mode"] = f"{stat.S_IMODE(mode):04o}"
    made["owner"] = f"{status.st_uid}:{status.st_gid}"
    made["type"] = kind
    if kind == "file":
        made["content"] = fs.read_text(path)
        if status.st_nlink > 1:
            made["nlink"] = status.st_nlink
    if kind == "symlink":
        made["target"] = fs.readlink(path)
    if kind == "dir" and "trusted.overlay.opaque" in fs.listxattr(path):
        made["opaque"] = True
    return made


def tree(fs: Files, path: str) -> dict[str, Any]:
    """Describe all that is below a path, by path."""
    found: list[dict[str, Any]] = []
    fs.lstat(path)
    for top, directories, files in fs.walk(path):
        for name in (*directories, *files):
            place = f"{top.rstrip('/')}/{name}"
            found.append(entry(fs, place, place[len(path) :].lstrip("/")))
    return {"tree": sorted(found, key=lambda each: str(each["path"]))}


def members(data: bytes, patterns: list[str]) -> list[dict[str, Any]]:
    """Describe the members of a tar whose names fit."""
    found: list[dict[str, Any]] = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if patterns and not any(re.search(x, member.name) for x in patterns):
                continue
            made: dict[str, Any] = {"name": member.name}
            if member.isdir():
                made["type"] = "dir"
            elif member.issym():
                made |= {"type": "symlink", "target": member.linkname}
            elif member.isreg():
                made["type"] = "file"
                file = archive.extractfile(member)
                text = file.read() if file else b""
                if len(text) < _SHOWN_BYTES:
                    made["content"] = text.decode()
            else:
                made["type"] = "other"
            found.append(made)
    return found


def operate(fs: Files, operation: str, args: list[str]) -> dict[str, Any]:
    """
    Do one operation on files, and give what it shows.

    Raises:
        OSError: It cannot be done.
        ValueError: There is no such operation.
    """
    path = args[0]
    match operation:
        case "mkdir":
            fs.makedirs(path, exist_ok=True)
            if args[1:]:
                fs.chmod(path, int(args[1], 8))
        case "write":
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            fs.write_text(path, args[1])
        case "append":
            with fs.open(path, "a") as file:
                file.write(args[1])
        case "read":
            return {"content": fs.read_text(path)}
        case "ls":
            return {"names": fs.listdir(path)}
        case "rm":
            if fs.isdir(path) and not fs.islink(path):
                fs.rmtree(path)
            else:
                fs.unlink(path)
        case "symlink":
            fs.symlink(path, args[1])
        case "link":
            fs.link(path, args[1])
        case "chmod":
            fs.chmod(args[1], int(path, 8))
        case "chown":
            uid, _, gid = path.partition(":")
            fs.chown(args[1], int(uid), int(gid))
        case "stat":
            return {"entry": entry(fs, path, path)}
        case "tree":
            return tree(fs, path.rstrip("/"))
        case "exists":
            return {"exists": fs.exists(path)}
        case "tar":
            return {"members": members(fs.read_bytes(path), args[1:])}
        case _:
            msg = f"there is no operation {operation!r}"
            raise ValueError(msg)
    return {}


def on_host(engine: Engine, operation: str, args: list[str]) -> dict[str, Any]:
    """Do one operation on the host of an engine, its layers included."""
    fs = engine.host.fs
    if operation == "upper":
        layer = engine.containers.get(args[0]).layer_id
        return tree(fs, f"{_OVERLAY}/{layer}/diff")
    if operation == "layer":
        chain = engine.images.get(args[0]).value.chain_ids[int(args[1])]
        return tree(fs, f"{_OVERLAY}/{engine.images.directory(chain)}/diff")
    return operate(fs, operation, args)
