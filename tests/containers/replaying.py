"""Replays recorded client sessions against an engine."""

from __future__ import annotations

import errno
import gzip
import io
import json
import re
import stat
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.containers.client import Client
from tests.containers.matching import Ids, canonical, shown
from unionfs_sim import Layer, Meta, Regular
from unionfs_sim.containers import build as building
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import EngineError
from unionfs_sim.containers.images import derive
from unionfs_sim.core.content import hole
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import LayerBuilder
from unionfs_sim.core.status import stat_result
from unionfs_sim.errors import UnionFSError
from unionfs_sim.image.image import Image

SCENARIOS = Path(__file__).parent.parent / "data" / "docker-scenarios.json.gz"
_CREATED = "2001-09-09T01:46:40Z"
_BINARY_BYTES = 1_980_000


@cache
def recorded() -> dict[str, Any]:
    """Read the recording."""
    found: dict[str, Any] = json.loads(gzip.decompress(SCENARIOS.read_bytes()))
    return found


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    """Give the scenarios by id."""
    return {each["id"]: each for each in recorded()["scenarios"]}


@cache
def base_images() -> tuple[Image, Image]:
    """Make the recorded base image, and the step before its last one."""
    described = recorded()["base_image"]
    builder = LayerBuilder("busybox")
    for entry in described["entries"]:
        parts = tuple(entry["path"].split("/"))
        meta = Meta(mode=int(entry["mode"], 8))
        if entry["type"] == "dir":
            builder.set_meta(parts, meta)
        else:
            builder.add(parts, Regular(entry["content"], meta))
    binary = Regular(hole(_BINARY_BYTES), Meta(mode=0o755))
    for name in described["bin"]:
        builder.add(("bin", name), binary)
    layer: Layer = builder.freeze()
    config = {"Env": described["config"]["Env"]}
    first = derive(
        None,
        config=config,
        layer=layer,
        created=_CREATED,
        created_by=f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / ",
    )
    last = derive(
        first,
        config={**config, "Cmd": ["sh"]},
        layer=None,
        created=_CREATED,
        created_by='/bin/sh -c #(nop)  CMD ["sh"]',
    )
    return first, last


def fresh_engine() -> Engine:
    """Make an engine that holds nothing but the base image."""
    engine = Engine()
    engine.host.nfs = False
    first, last = base_images()
    parent = engine.images.add(first)
    engine.images.add(last, ["busybox"], parent=parent.id)
    engine.host.fs.mkdir("/data")
    return engine


class Replay:
    """One scenario under way."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.engine = fresh_engine()
        self.client = Client(self.engine)
        self.ids = Ids()
        self.saved: dict[str, str] = {}
        self.scenario = scenario

    def run(self) -> list[str]:
        """Run all steps, and give the differences."""
        found: list[str] = []
        for number, step in enumerate(self.scenario["steps"]):
            head = f"step {number}: {self._name(step)}"
            found += [f"{head}\n{difference}" for difference in self._step(step)]
        self.engine.close()
        return found

    def _name(self, step: dict[str, Any]) -> str:
        return " ".join(map(str, step.get("cmd") or step.get("host") or ["build"]))

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda m: self.saved.get(m[1], m[0]), text)

    def _step(self, step: dict[str, Any]) -> list[str]:
        expect = step["expect"]
        if "host" in step:
            operation, *args = step["host"]
            try:
                given = host(self.engine, operation, [self._filled(x) for x in args])
            except UnionFSError as error:
                given = {"error": errno.errorcode[error.errno or 0]}
            return self._compare("host", expect, given)
        if "build" in step:
            return self._build(step["build"], expect)
        argv = [self._filled(arg) for arg in step["cmd"]]
        code, out, err = self.client.run(argv)
        if "save" in step:
            self.saved[step["save"]] = out.strip()
        found: list[str] = []
        if code != expect["rc"]:
            found.append(f"  rc: expected {expect['rc']}, got {code}; {err}")
        if "json" in expect:
            try:
                value = canonical(json.loads(out))
            except ValueError:
                return [*found, f"  no JSON: {out!r}"]
            found += self._compare("json", expect["json"], value)
        if "stdout" in expect:
            found += self._compare("stdout", expect["stdout"], out)
        if "stderr" in expect:
            found += self._compare("stderr", expect["stderr"], err)
        return found

    def _compare(self, what: str, expected: Any, given: Any) -> list[str]:
        if self.ids.matches(expected, given):
            return []
        return [f"  {what}: expected {shown(expected)}\n  got {shown(given)}"]

    def _build(self, wanted: dict[str, Any], expect: dict[str, Any]) -> list[str]:
        context = {
            name: (int(file["mode"], 8), file["content"].encode())
            for name, file in wanted["context"].items()
        }
        try:
            building.build(
                self.engine, wanted["dockerfile"], context, tags=[wanted["tag"]]
            )
            code = 0
        except EngineError as error:
            code, text = 1, str(error)
            if not expect["rc"]:
                return [f"  build: {text}"]
        return [] if code == expect["rc"] else [f"  build: got {code}"]


def entry(
    fs: FileSystem, path: str, name: str, status: stat_result | None = None
) -> dict[str, Any]:
    """Describe one name as the recording does."""
    status = status or fs.lstat(path)
    mode = status.st_mode
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "dir",
        stat.S_IFLNK: "symlink",
        stat.S_IFCHR: "char",
        stat.S_IFIFO: "fifo",
    }
    kind = kinds[stat.S_IFMT(mode)]
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


def tree(fs: FileSystem, path: str) -> dict[str, Any]:
    """Describe all that is below a path, by path."""
    found: list[dict[str, Any]] = []
    fs.lstat(path)
    for top, directories, files in fs.walk(path):
        for name in (*directories, *files):
            place = f"{top.rstrip('/')}/{name}"
            found.append(entry(fs, place, place[len(path) :].lstrip("/")))
    return {"tree": sorted(found, key=lambda each: str(each["path"]))}


def host(engine: Engine, operation: str, args: list[str]) -> dict[str, Any]:
    """Do one operation on the host, and give what it shows."""
    fs = engine.host.fs
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
        case "upper":
            found = engine.containers.get(path)
            return tree(fs, f"/var/lib/docker/overlay2/{found.layer_id}/diff")
        case "layer":
            chain = engine.images.get(path).value.chain_ids[int(args[1])]
            directory = engine.images.directory(chain)
            return tree(fs, f"/var/lib/docker/overlay2/{directory}/diff")
        case _:
            raise AssertionError(operation)
    return {}


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
                if len(text) < 64:
                    made["content"] = text.decode()
            else:
                made["type"] = "other"
            found.append(made)
    return found
