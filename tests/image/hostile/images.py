"""Hostile documents: layouts, manifests, configs, Docker archives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.image.conftest import make_archive, make_layout
from tests.image.hostile.cases import BASE, Case, digits, docker, layered
from tests.image.hostile.cases import make_header as h
from unionfs_sim.image.limits import Limits

Edit = Callable[[dict[str, Any]], None]

_UNCHECKED: Final[Mapping[str, Any]] = {"verify": False}
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_NESTED: Final = b"[" * 100_000


def _edited(document: str, change: Edit) -> Callable[[dict[str, Any]], None]:
    def edit(documents: dict[str, Any]) -> None:
        if document in documents:
            change(documents[document])

    return edit


def _document(document: str, reason: str, change: Edit, *, place: str = "") -> Case:
    """Say that a layout is refused after a change of one of its documents."""
    return Case(
        make=lambda _: layered(h("x"), edit=_edited(document, change)),
        refused=reason,
        place=place,
    )


def _layer(reason: str, **members: Any) -> Case:
    """Say that a layout is refused after a change of a layer's descriptor."""
    return _document("manifest", reason, lambda m: m["layers"][1].update(members))


def _files(
    reason: str, change: Callable[[dict[str, bytes]], object], *, place: str = "", **options: Any
) -> Case:  # fmt: skip
    """Say that a layout is refused after a change of its files."""

    def make(_: object) -> bytes:
        files = make_layout(BASE, h("x"))
        change(files)
        return make_archive(files)

    return Case(make=make, refused=reason, place=place, options=options)


def _swapped(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    """Change a blob under its old name."""

    def change(files: dict[str, bytes]) -> None:
        path = next(
            name for name, data in files.items() if old in data and "blobs" in name
        )
        files[path] = files[path].replace(old, new)

    return change  # fmt: skip


def _nested(depth: int) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        index = json.loads(files["index.json"])
        for _ in range(depth):
            raw = json.dumps(index).encode()
            files[f"blobs/sha256/{digits(raw)}"] = raw
            entry = {
                "mediaType": _INDEX,
                "digest": f"sha256:{digits(raw)}",
                "size": len(raw),
            }
            index = {"schemaVersion": 2, "manifests": [entry]}
        files["index.json"] = json.dumps(index).encode()

    return change  # fmt: skip


def _circle(files: dict[str, bytes]) -> None:
    """Put an index into itself, which only a reader who checks no digest can meet."""
    digest = "c" * 64
    entry = {"mediaType": _INDEX, "digest": f"sha256:{digest}", "size": 0}
    raw = b""
    for _ in range(3):  # until the size fits
        raw = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        entry["size"] = len(raw)
    files[f"blobs/sha256/{digest}"] = files["index.json"] = raw


def _many_images(files: dict[str, bytes]) -> None:
    """List images that nobody has; a message must not list them all."""
    manifest = "application/vnd.oci.image.manifest.v1+json"
    entries = [
        {
            "mediaType": manifest,
            "digest": f"sha256:{number:064x}",
            "size": 1,
            "platform": {"os": "linux", "architecture": f"a{number}"},
        }
        for number in range(14_000)
    ]
    files["index.json"] = json.dumps(
        {"schemaVersion": 2, "manifests": entries}
    ).encode()


def _long_names(files: dict[str, bytes]) -> None:
    index = json.loads(files["index.json"])
    (entry,) = index["manifests"]
    for letter in "xy":
        other = dict(entry)
        other["annotations"] = {"org.opencontainers.image.ref.name": letter * 1_000_000}
        other["digest"] = f"sha256:{ord(letter):064x}"
        index["manifests"].append(other)
    files["index.json"] = json.dumps(index).encode()


def _without(path: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        del files[path]

    return change


def _many_layers(manifest: dict[str, Any]) -> None:
    manifest["layers"] *= 600


def _many_ids(config: dict[str, Any]) -> None:
    config["rootfs"]["diff_ids"] *= 600


def _both(documents: dict[str, Any]) -> None:
    for name, change in (("config", _many_ids), ("manifest", _many_layers)):
        if name in documents:
            change(documents[name])


#: Layouts whose documents and blobs do not fit.
LAYOUTS: Final = {
    "blob that differs from its digest": _files("the content is sha256:.*, not sha256:", _swapped(h("x"), h("y")), place="blob sha256:"),
    "manifest that differs from its digest": _files("the content is|bytes, not", _swapped(b'"config": {', b'"Config": {'), place="blob sha256:"),
    "config that differs from its digest": _files("the content is", _swapped(b"linux", b"haiku"), place="blob sha256:"),
    "descriptor size one off": _document("manifest", "bytes, not", lambda m: m["layers"][1].update(size=m["layers"][1]["size"] + 1), place="blob sha256:"),
    "descriptor size negative": _layer("is -1, which is no size", size=-1),
    "descriptor size of 2**70": _layer("which is no size", size=2**70),
    "descriptor size infinite": _files("must be a number", lambda f: f.update({"index.json": f["index.json"].replace(b'"size": ', b'"size": 1e999, "was": ')})),
    "descriptor size of 5000 digits": _files("not JSON", lambda f: f.update({"index.json": f["index.json"].replace(b'"size": ', b'"size": ' + b"9" * 5000)})),
    "descriptor size as text": _layer("must be a number", size="512"),
    "diff ID wrong": _document("config", "the tar is sha256:.* as announced", lambda c: c["rootfs"].update(diff_ids=[c["rootfs"]["diff_ids"][0], "sha256:" + "0" * 64]), place="layer 1 "),
    "diff IDs in another order": _document("config", "the tar is sha256:", lambda c: c["rootfs"]["diff_ids"].reverse(), place="layer 0 "),
    "more diff IDs than layers": _document("config", "announces 3 layers, and there are 2", lambda c: c["rootfs"]["diff_ids"].append("sha256:" + "0" * 64)),
    "fewer diff IDs than layers": _document("config", "announces 1 layers, and there are 2", lambda c: c["rootfs"]["diff_ids"].pop()),
    "diff ID that is no digest": _document("config", "is not a digest", lambda c: c["rootfs"].update(diff_ids=["sha256:../x"] * 2)),
    "rootfs of another type": _document("config", "the type is 'tree', not 'layers'", lambda c: c["rootfs"].update(type="tree")),
    "no rootfs": _document("config", "'rootfs' is missing", lambda c: c.pop("rootfs")),
    "twelve hundred layers": Case(make=lambda _: layered(h("x"), edit=_both), refused="1200 layers, more than 1024"),
    "digest with dot dot": _layer("is not a digest", digest="sha256:../../../etc/passwd"),
    "digest with a slash": _layer("is not a digest", digest="sha256:/etc/passwd"),
    "digest of an algorithm with dot dot": _layer("is not a digest", digest="../..:abc"),
    "digest of an unknown algorithm": _layer("algorithm 'md5' is not supported", digest="md5:" + "0" * 32),
    "digest in upper case": _layer("lower-case hexadecimal", digest="sha256:" + "A" * 64),
    "digest too short": _layer("not 64 lower-case", digest="sha256:00"),
    "digest with a newline": _layer("is not a digest", digest="sha256:" + "0" * 63 + "\n0"),
    "digest of a megabyte": _layer("is not", digest="sha256:" + "0" * (1 << 20)),
    "missing blob": _document("manifest", "it is not in the archive", lambda m: m["layers"][1].update(digest="sha256:" + "0" * 64)),
    "missing index": _files("an OCI layout without index.json", _without("index.json")),
    "missing oci-layout": _files("an OCI layout without oci-layout", _without("oci-layout")),
    "other layout version": _files(r"layout version '9\.9'", lambda f: f.update({"oci-layout": b'{"imageLayoutVersion": "9.9"}'}), place="" ),
    "empty oci-layout": _files("not JSON", lambda f: f.update({"oci-layout": b""}), place="oci-layout"),
    "JSON nested deep": _files("nested deeper than 64", lambda f: f.update({"index.json": _NESTED}), place="index.json"),
    "JSON nested deep in objects": _files("nested deeper than 64", lambda f: f.update({"index.json": b'{"a":' * 100_000}), place="index.json"),
    "JSON of five megabytes": _files("more than 4194304", lambda f: f.update({"index.json": b'"' + b"x" * (5 << 20) + b'"'}), place="index.json"),
    "JSON with a string that does not end": _files("not JSON", lambda f: f.update({"index.json": b'"' + b"\\" * (1 << 20)}), place="index.json"),
    "JSON of four megabytes of commas": _files("not JSON", lambda f: f.update({"index.json": b"[" + b"," * 4_000_000}), place="index.json"),
    "JSON that is not UTF-8": _files("not JSON", lambda f: f.update({"index.json": b'{"a": "\xff"}'}), place="index.json"),
    "JSON with NaN": _files("not JSON: NaN", lambda f: f.update({"index.json": b'{"schemaVersion": NaN}'}), place="index.json"),
    "JSON in UTF-16": _files("not JSON", lambda f: f.update({"index.json": "{}".encode("utf-16")}), place="index.json"),
    "list instead of an index": _files("an object is wanted, not a list", lambda f: f.update({"index.json": b"[]"}), place="index.json"),
    "null instead of an index": _files("an object is wanted, not null", lambda f: f.update({"index.json": b"null"}), place="index.json"),
    "index without manifests": _document("index", "'manifests' is missing", lambda i: i.pop("manifests"), place="index.json"),
    "index of fourteen thousand images": _files("several images are for|no image is for", _many_images),
    "index with names of a megabyte": _files("a name is needed", _long_names),
    "index of a hundred thousand nothings": _files("more than|an object is wanted", lambda f: f.update({"index.json": b'{"schemaVersion": 2, "manifests": [' + b"0," * 99_999 + b"0]}"}), place="index.json"),
    "config that is a list": _document("manifest", "'config' is", lambda m: m.update(config=[])),
    "config with a lone surrogate": Case(
        make=lambda _: layered(h("x"), edit=_edited("config", lambda c: c.update(author="\udc80"))), shows={"/x": "file"}, as_="JSON allows it",
    ),
    "manifest that is an artifact": _document("manifest", "an artifact of type", lambda m: m["config"].update(mediaType="application/vnd.evil")),
    "manifest of schema 1": _document("manifest", "'schemaVersion' is 1", lambda m: m.update(schemaVersion=1)),
    "index that is its own manifest": _files("more than 8 indexes", _circle, verify=False),
    "the same, checked": _files("the content is sha256:", _circle),
    "500 nested indexes": _files("more than 8 indexes", _nested(500)),
    "8 nested indexes": Case(make=lambda _: _nested_layout(7), shows={"/x": "file"}, as_="umoci"),
    "platform that is a list": _document("index", "must be an object", lambda i: i["manifests"][0].update(platform=[])),
    "history that does not fit": Case(
        make=lambda _: layered(h("x"), edit=_edited("config", lambda c: c.update(history=[{}] * 5))),
        shows={"/x": "file"}, odd="the history has 5 steps", as_="all",
    ),
    "file instead of blobs": _files("it is not in the archive", lambda f: [f.pop(n) for n in list(f) if "blobs" in n] and f.update(blobs=b"")),
    "blob that is a link to the outside": Case(
        make=lambda out: _linked(f"{out}/secret"), refused="a link leads out of the archive", place="blobs/sha256/",
    ),
    "blob that is a link upwards": Case(
        make=lambda _: _linked("../../../secret"), refused="a link leads out of the archive", place="blobs/sha256/",
    ),
    "blob that is a link to itself": Case(
        make=lambda _: _linked("self"), refused="too many links|it is not in", place="blobs/sha256/",
    ),
    "archive in gzip that ends early": Case(make=lambda _: gzip.compress(layered(h("x")))[:-30], refused="ends early"),
    "archive in gzip twice": Case(make=lambda _: gzip.compress(gzip.compress(layered(h("x")))), refused="this is no tar|ends inside a header"),
    "archive that ends early": Case(make=lambda _: layered(h("x"))[:5000], refused="ends inside"),
    "archive of two index.json": Case(
        make=lambda _: layered(h("x"))[:-1024].rstrip(b"\0") + bytes(512) + h("index.json", b"{}"), refused="twice|checksum|ends inside|lone zero|inside the data",
    ),
    "no archive": Case(make=lambda _: b"PK\3\4" + b"x" * 2000, refused="this is no tar"),
    "a few bytes": Case(make=lambda _: b"x", refused="ends inside a header"),
    "nothing": Case(make=lambda _: b"", refused="the file is empty"),
}  # fmt: skip


def _nested_layout(depth: int) -> bytes:
    files = make_layout(BASE, h("x"))
    _nested(depth)(files)
    return make_archive(files)


def _linked(target: str) -> bytes:
    """Give a layout whose topmost blob is a symbolic link."""
    files: dict[str, bytes | str] = dict(make_layout(BASE, h("x")))
    path = f"blobs/sha256/{digits(h('x'))}"
    files[path] = path.rpartition("/")[2] if target == "self" else target
    return make_archive(files)


def _docker(reason: str, *, place: str = "", further: Mapping[str, bytes | str] | None = None, **members: Any) -> Case:  # fmt: skip
    """Say that a Docker archive is refused after a change of its manifest."""
    return Case(
        make=lambda _: docker(
            BASE, h("x"), edit=lambda listed: listed[0].update(members), further=further
        ),
        refused=reason,
        place=place,
    )


#: Docker archives whose documents and links lead elsewhere.
DOCKER: Final = {
    "Docker layer with dot dot": _docker("is not a plain path inside", Layers=["0/layer.tar", "../../etc/passwd"]),
    "Docker layer by an absolute path": _docker("is not a plain path inside", Layers=["0/layer.tar", "/etc/passwd"]),
    "Docker layer that is empty text": _docker("is not a plain path inside", Layers=["0/layer.tar", ""]),
    "Docker layer with a NUL": _docker("is not a plain path inside", Layers=["0/layer.tar", "a\0b"]),
    "Docker layer that is a number": _docker("must be a text", Layers=["0/layer.tar", 1]),
    "Docker layer of a megabyte of name": _docker("it is not in the archive", Layers=["0/layer.tar", "9" * 1_000_000]),
    "Docker layer that is missing": _docker("it is not in the archive", Layers=["0/layer.tar", "9/layer.tar"], place="'9/layer.tar'"),
    "Docker layer that is a directory": _docker("is not a regular file", Layers=["0/layer.tar", "1"]),
    "Docker config with dot dot": _docker("is not a plain path inside", Config="../../etc/passwd"),
    "Docker config by an absolute path": _docker("is not a plain path inside", Config="/etc/passwd"),
    "Docker config that is missing": _docker("it is not in the archive", Config="config.json"),
    "Docker config that is a layer": _docker("not JSON", Config="0/layer.tar"),
    "Docker config that differs from its name": Case(
        make=lambda _: docker(BASE, edit=lambda m: m[0].update(Config="0" * 64 + ".json"), further={"0" * 64 + ".json": json.dumps({"rootfs": {"type": "layers", "diff_ids": [f"sha256:{digits(BASE)}"]}}).encode()}),
        refused="the content is sha256:",
    ),
    "Docker layer.tar linked to the outside": Case(
        make=lambda out: docker(BASE, h("x"), further={"1/layer.tar": f"{out}/secret"}), refused="a link leads out of the archive", place="'1/layer.tar'",
    ),
    "Docker layer.tar linked upwards": _docker("a link leads out of the archive", further={"1/layer.tar": "../../../secret"}, place="'1/layer.tar'"),
    "Docker layer.tar linked to itself": _docker("too many links", further={"1/layer.tar": "layer.tar"}, place="'1/layer.tar'"),
    "Docker layer.tar linked in a circle": _docker("too many links", further={"1/layer.tar": "../2/layer.tar", "2/layer.tar": "../1/layer.tar"}),
    "Docker layer.tar linked to another": Case(
        make=lambda _: docker(BASE, further={"1/layer.tar": "../0/layer.tar"}, edit=lambda m: m[0].update(Layers=["1/layer.tar"])),
        shows={"/d/f": "=low"}, as_="Docker",
    ),
    "Docker manifest that is an empty list": Case(make=lambda _: docker(edit=lambda m: m.clear()), refused="it lists no image", place="manifest.json"),
    "Docker manifest that is an object": Case(make=lambda _: make_archive({"manifest.json": b"{}"}), refused="must be a list", place="manifest.json"),
    "Docker manifest of null": Case(make=lambda _: make_archive({"manifest.json": b"[null]"}), refused="an object is wanted", place="manifest.json"),
    "Docker manifest nested deep": Case(make=lambda _: make_archive({"manifest.json": _NESTED}), refused="nested deeper", place="manifest.json"),
    "Docker manifest that is a link": Case(make=lambda out: make_archive({"manifest.json": f"{out}/secret"}), refused="a link leads out", place="manifest.json"),
    "Docker fewer layers than diff IDs": _docker("announces 2 layers, and there are 1", Layers=["0/layer.tar"]),
    "Docker layers swapped": _docker("the tar is sha256:", Layers=["1/layer.tar", "0/layer.tar"], place="layer 0 "),
    "Docker tags that are numbers": _docker("must be a text", RepoTags=[1]),
    "Docker oldest form": Case(
        make=lambda _: make_archive({"repositories": b"{}", "abc/layer.tar": BASE, "abc/json": b"{}"}), refused="without manifest.json is not supported",
    ),
    "Docker layer with a bomb's limit": Case(
        make=lambda _: docker(h("x", bytes(70_000))), refused="more than 65536", place="layer 0 ", options={"limits": Limits(layer_bytes_max=65536)},
    ),
}  # fmt: skip
