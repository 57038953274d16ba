"""``cat`` and ``stat``: one entry, its bytes and its attributes."""

from __future__ import annotations

import base64
import hashlib
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

from unionfs_sim.cli import entries, history, scopes
from unionfs_sim.cli.report import Line, Report, Span, Table, counted
from unionfs_sim.core.content import READ_BYTES
from unionfs_sim.core.nodes import Device, Regular, Symlink
from unionfs_sim.core.records import DIRECTORY_TYPES, Broken, Record
from unionfs_sim.core.render import kind_name, printable
from unionfs_sim.core.status import directory_nlink


def cat(options: Namespace, resources: ExitStack) -> Report:
    """Give the bytes of a file, a piece at a time."""
    scope = scopes.open_scope(options, resources)
    trace = scope.check(options.path, follow=True)
    file = resources.enter_context(scope.fs.open(options.path, "rb"))

    def data() -> object:
        content = file.read()
        try:
            held = {"text": content.decode("utf-8")}
        except UnicodeDecodeError:
            held = {"base64": base64.b64encode(content).decode("ascii")}
        digest = hashlib.sha256(content).hexdigest()
        size = len(content)
        return {"path": trace.resolved, "size": size, "sha256": digest, **held}

    return Report(raw=_chunks(file), data=data)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(READ_BYTES):
        yield chunk


def stat(options: Namespace, resources: ExitStack) -> Report:
    """Describe an entry: all of its attributes, and the layers it comes from."""
    scope = scopes.open_scope(options, resources)
    path, entry = scope.find(options.path, follow=options.follow)
    numbers = scopes.origin_numbers(entry, scope.origins())
    nlink = _nlink(entry)

    def data() -> object:
        meta = entry.meta
        return {
            "path": path,
            **_attributes(entry),
            "nlink": nlink,
            "atime": meta.atime_ns,
            "ctime": meta.ctime_ns,
            "xattrs": {
                name: value.hex() for name, value in sorted(meta.xattrs.items())
            },
            "layers": numbers,
        }

    rows = [
        (("path", "faint"), (printable(path), "path")),
        *_rows(entry, nlink),
    ]
    for index, number in enumerate(numbers):
        label = ("" if index else "from", "faint")
        rows.append((label, _origin(scope, number)))  # type: ignore[arg-type]
    return Report(blocks=[Table((), rows)], data=data)


def _nlink(entry: Record) -> int:
    if isinstance(entry, DIRECTORY_TYPES):
        return directory_nlink(entry)
    assert not isinstance(entry, Broken), "what is broken is not found"
    return entry.nlink


def _attributes(entry: Record) -> dict[str, Any]:
    meta = entry.meta
    described: dict[str, Any] = {
        "type": entry.kind.value,
        "mode": f"{meta.mode:04o}",
        "uid": meta.uid,
        "gid": meta.gid,
        "mtime": None if entries.implied(entry) else meta.mtime_ns,
    }
    if entries.implied(entry):
        described["implied"] = True
    if (size := entries.size_of(entry)) is not None:
        described["size"] = size
    if isinstance(entry, Symlink):
        described["target"] = entry.target
    if isinstance(entry, Device):
        described["rdev"] = [entry.major, entry.minor]
    return described


def _rows(entry: Record, nlink: int) -> list[Line]:
    meta = entry.meta
    described: list[tuple[str, Span]] = [("type", (kind_name(entry.kind), ""))]
    if isinstance(entry, Symlink):
        described.append(("target", (printable(entry.target), "link")))
    if isinstance(entry, Regular):
        described.append(("size", (counted(entry.content.size, "byte"), "")))
    if isinstance(entry, Device):
        described.append(("device", (f"{entry.major}, {entry.minor}", "device")))
    mode = f"{meta.mode:04o} ({entries.mode_text(entry)})"
    described += [("mode", (mode, "")), ("owner", (f"{meta.uid}:{meta.gid}", ""))]
    described.append(("links", (str(nlink), "")))
    if entries.implied(entry):
        described.append(("modified", ("no layer says", "faint")))
    else:
        time = entries.time_text(meta.mtime_ns, exact=True)
        described.append(("modified", (time, "")))
    for name, value in sorted(meta.xattrs.items()):
        described.append(("xattr", (f"{printable(name)} = {value_text(value)}", "")))
    if isinstance(entry, DIRECTORY_TYPES):
        names = counted(len(entry.entries), "name")
        described.insert(1, ("holds", (names, "")))
    return [((label, "faint"), span) for label, span in described]


def value_text(value: bytes) -> str:
    r"""
    Give the value of an extended attribute: as text if it is some, else in hex.

    >>> value_text(b"blue"), value_text(b"\x01\x00")
    ('"blue"', '0x0100')
    """
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text:
        return f'"{text}"'
    return f"0x{value.hex()}"


def _origin(scope: scopes.Scope, number: int) -> Span:
    command = scope.source.commands[number]
    return f"layer {number}" + (
        f": {printable(history.brief(command))}" if command else ""
    ), ""
