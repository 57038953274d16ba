"""
Cases as values, and their JSON form: the schema of recorded overlayfs cases.

Whatever a file holds that the schema does not know is refused, with its place.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias, final

import attrs

from unionfs_sim.errors import FormatError

#: A value as `json` knows it.
JSON: TypeAlias = Any

#: What a call gave: ``{"ok": value}`` or ``{"errno": name}``.
Result: TypeAlias = Mapping[str, JSON]

#: Paths relative to a layer's root, each with what is there; ``"."`` is the root.
Tree: TypeAlias = Mapping[str, "TreeNode"]

#: Stands for the value of an attribute that no two runs share.
ANY: Final = b"<any>"

#: What `ANY` stands for, after the prefix of the mount's private attributes.
ANY_NAMES: Final = tuple(
    f"{prefix}.overlay.{name}"
    for prefix in ("trusted", "user")
    for name in ("origin", "uuid", "upper")
)

#: Longer files are told by their checksum.
CONTENT_BYTES_MAX: Final = 256

NODE_TYPES: Final = frozenset(
    {
        *("file", "dir", "symlink", "fifo", "chr", "blk", "sock"),
        *("whiteout", "xwhiteout", "error"),
    }
)


def to_text(data: bytes) -> JSON:
    """
    Give bytes as JSON: text where it can be read, else ``{"b64": ...}``.

    >>> to_text(b"hello"), to_text(b"a\\0")
    ('hello', {'b64': 'YQA='})
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return text
    return {"b64": base64.b64encode(data).decode("ascii")}


def to_bytes(value: JSON, where: str = "") -> bytes:
    """
    Give the bytes that JSON stands for; the inverse of `to_text`.

    Raises:
        FormatError: It is neither text nor ``{"b64": ...}``.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, dict) and value.keys() == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, ValueError) as error:
            raise FormatError(f"{where}: not base64: {value['b64']!r}") from error
    raise FormatError(f"{where}: neither text nor b64: {value!r}")


def checksum(data: bytes) -> str:
    """Give the CRC-32 of bytes as eight hexadecimal digits."""
    return f"{zlib.crc32(data):08x}"


def _mode(value: JSON, where: str) -> int:
    try:
        return int(value, 8)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: not a mode: {value!r}") from error


@final
@attrs.frozen(kw_only=True)
class TreeNode:
    """
    What stands at one path of a tree; absent keys of the JSON form are ``None``.

    Attributes:
        type: The type; ``"error"`` if ``readdir`` gave a name that cannot be looked up.
        mode: Permission, set-id and sticky bits.
        uid: Owner.
        gid: Group.
        content: Bytes of a file.
        crc32: Checksum in place of a long content.
        size: Size in bytes; in a layer, what the content is prolonged to.
        target: Text of a symbolic link.
        rdev: Major and minor number.
        hardlink: The path that this is one more name of.
        xattrs: Extended attributes.
        nlink: Link count.
        mtime: Seconds, or ``"now"``.
        content_errno: Why the content could not be read.
        list_errno: Why the directory could not be listed.
        errno: Why the name could not be looked up.
    """

    type: str
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    content: bytes | None = None
    crc32: str | None = None
    size: int | None = None
    target: str | None = None
    rdev: tuple[int, int] | None = None
    hardlink: str | None = None
    xattrs: Mapping[str, bytes] = attrs.field(factory=dict)
    nlink: int | None = None
    mtime: int | Literal["now"] | None = None
    content_errno: str | None = None
    list_errno: str | None = None
    errno: str | None = None

    @classmethod
    def from_json(cls, data: JSON, where: str) -> Self:
        """
        Read a node.

        Raises:
            FormatError: A key or a type is unknown.
        """
        fields = dict(_mapping(data, where))
        kind = fields.get("type")
        if kind not in NODE_TYPES:
            raise FormatError(f"{where}: unknown type {kind!r}")
        _refuse_unknown(fields, _NODE_KEYS, where)
        if "mode" in fields:
            fields["mode"] = _mode(fields["mode"], where)
        if "content" in fields:
            fields["content"] = to_bytes(fields["content"], where)
        if "rdev" in fields:
            major, minor = fields["rdev"]
            fields["rdev"] = (major, minor)
        if "xattrs" in fields:
            fields["xattrs"] = {
                name: to_bytes(value, where)
                for name, value in _mapping(fields["xattrs"], where).items()
            }
        return cls(**fields)

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON form, without what is not said."""
        data: dict[str, JSON] = {}
        for key in _NODE_KEYS:
            value = getattr(self, key)
            if value is None or (key == "xattrs" and not value):
                continue
            if key == "mode":
                value = f"{value:04o}"
            elif key == "content":
                value = to_text(value)
            elif key == "rdev":
                value = list(value)
            elif key == "xattrs":
                value = {name: to_text(value[name]) for name in sorted(value)}
            data[key] = value
        return data


_NODE_KEYS: Final = tuple(field.name for field in attrs.fields(TreeNode))


@final
@attrs.frozen
class Op:
    """
    One call of a program.

    Attributes:
        name: The operation.
        args: Its arguments, as in JSON.
        identity: User, group and further groups that make the call, if not root.
        expect: What the call gives, if that is known.
    """

    name: str
    args: Mapping[str, JSON] = attrs.field(factory=dict)
    identity: tuple[int, ...] | None = None
    expect: Result | None = None

    @classmethod
    def from_json(cls, data: JSON, where: str) -> Self:
        """
        Read an operation.

        Raises:
            FormatError: A key or the operation is unknown.
        """
        fields = _mapping(data, where)
        _refuse_unknown(fields, ("op", "args", "as", "expect"), where)
        name = str(fields.get("op"))
        if name not in OPERATIONS:
            raise FormatError(f"{where}: unknown operation {name!r}")
        where = f"{where} ({name})"
        args = _mapping(fields.get("args", {}), where)
        needed, optional = OPERATIONS[name]
        _refuse_unknown(args, (*needed, *optional), where)
        missing = [key for key in needed if key not in args]
        if missing:
            raise FormatError(f"{where}: no argument {missing[0]!r}")
        identity = fields.get("as")
        expect = fields.get("expect")
        if expect is not None:
            _refuse_unknown(_mapping(expect, where), ("ok", "errno"), where)
        if identity is not None and len(identity) < 2:
            raise FormatError(f"{where}: 'as' is a user, a group and further groups")
        return cls(name, args, identity and tuple(identity), expect)

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON form."""
        data: dict[str, JSON] = {"op": self.name, "args": dict(self.args)}
        if self.identity is not None:
            data["as"] = list(self.identity)
        if self.expect is not None:
            data["expect"] = dict(self.expect)
        return data


#: Every operation: the arguments that it needs, and those that have a default.
OPERATIONS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "stat": (("path",), ()),
    "lstat": (("path",), ()),
    "fstat": (("fd",), ()),
    "mtime": (("path",), ()),
    "fmtime": (("fd",), ()),
    "open": (("path", "flags", "fd"), ("mode",)),
    "close": (("fd",), ()),
    "read": (("fd", "n"), ()),
    "write": (("fd", "data"), ()),
    "pread": (("fd", "n", "offset"), ()),
    "pwrite": (("fd", "data", "offset"), ()),
    "lseek": (("fd", "offset", "whence"), ()),
    "ftruncate": (("fd", "length"), ()),
    "fchmod": (("fd", "mode"), ()),
    "fchown": (("fd", "uid", "gid"), ()),
    "fsync": (("fd",), ()),
    "fallocate": (("fd", "flags", "offset", "length"), ()),
    "readdir": (("path",), ()),
    "freaddir": (("fd",), ()),
    "read_file": (("path",), ()),
    "write_file": (("path", "data"), ()),
    "append_file": (("path", "data"), ()),
    "truncate": (("path", "length"), ()),
    "mkdir": (("path",), ("mode",)),
    "rmdir": (("path",), ()),
    "unlink": (("path",), ()),
    "readlink": (("path",), ()),
    "rename": (("src", "dst"), ()),
    "renameat2": (("src", "dst", "flags"), ()),
    "link": (("src", "dst"), ()),
    "flink": (("fd", "dst"), ()),
    "symlink": (("target", "path"), ()),
    "mknod": (("path", "type"), ("mode", "rdev")),
    "chmod": (("path", "mode"), ()),
    "lchown": (("path", "uid", "gid"), ()),
    "utimens": (("path", "mtime"), ("follow",)),
    "setxattr": (("path", "name", "value"), ("flags", "follow")),
    "getxattr": (("path", "name"), ("follow",)),
    "listxattr": (("path",), ("follow",)),
    "removexattr": (("path", "name"), ("follow",)),
    "access": (("path", "mode"), ()),
    "remember_ino": (("name",), ("path", "fd")),
    "same_ino": (("path", "name"), ()),
    "fsame_ino": (("fd", "name"), ()),
    "remount": ((), ("options",)),
    "sync": ((), ()),
    "umask": (("mask",), ()),
}


def _texts(items: Iterable[str]) -> Sequence[str]:
    return tuple(items)


def _trees(items: Iterable[Tree]) -> Sequence[Tree]:
    return tuple(items)


def _program(items: Iterable[Op]) -> Sequence[Op]:
    return tuple(items)


@final
@attrs.frozen(kw_only=True)
class Case:
    """
    A stack, options, a program, and what is known of its outcome.

    Attributes:
        id: A short name, unique in its file.
        title: What the case shows.
        tags: Topics.
        options: Mount options; ``True`` stands for a bare word.
        lower: The layers, top first.
        data_only: Data-only layers below them, top first.
        upper: The upper as it is before the mount; ``None`` mounts without.
        times: Whether modification times are part of the final trees.
        ops: The program.
        mount: What mounting gives, if that is known.
        final_upper: The upper after the last operation, if that is known.
        final_merged: The merged tree after that, if that is known.
    """

    id: str
    title: str = ""
    tags: Sequence[str] = attrs.field(default=(), converter=_texts)
    options: Mapping[str, str | bool] = attrs.field(factory=dict)
    lower: Sequence[Tree] = attrs.field(default=(), converter=_trees)
    data_only: Sequence[Tree] = attrs.field(default=(), converter=_trees)
    upper: Tree | None = attrs.field(factory=dict)
    times: bool = False
    ops: Sequence[Op] = attrs.field(default=(), converter=_program)
    mount: Result | None = None
    final_upper: Tree | None = None
    final_merged: Tree | None = None

    @classmethod
    def from_json(cls, data: JSON, where: str = "case") -> Self:
        """
        Read a case.

        Raises:
            FormatError: It is not of the schema; the text names the place.
        """
        fields = dict(_mapping(data, where))
        name = fields.get("id")
        if not isinstance(name, str):
            raise FormatError(f"{where}: no id")
        _refuse_unknown(fields, _CASE_KEYS, name)
        for key in ("lower", "data_only"):
            fields[key] = [
                tree_from_json(tree, f"{name}: {key}[{index}]")
                for index, tree in enumerate(fields.get(key, ()))
            ]
        for key in ("upper", "final_upper", "final_merged"):
            if fields.get(key) is not None:
                fields[key] = tree_from_json(fields[key], f"{name}: {key}")
        fields["ops"] = [
            Op.from_json(op, f"{name}: ops[{index}]")
            for index, op in enumerate(fields.get("ops", ()))
        ]
        return cls(**fields)

    def to_json(self) -> dict[str, JSON]:
        """Give the JSON form."""
        data: dict[str, JSON] = {
            "id": self.id,
            "title": self.title,
            "tags": list(self.tags),
            "options": dict(self.options),
            "lower": [tree_to_json(tree) for tree in self.lower],
        }
        if self.data_only:
            data["data_only"] = [tree_to_json(tree) for tree in self.data_only]
        data["upper"] = None if self.upper is None else tree_to_json(self.upper)
        if self.times:
            data["times"] = True
        if self.mount is not None:
            data["mount"] = dict(self.mount)
        data["ops"] = [op.to_json() for op in self.ops]
        for key, tree in (
            ("final_merged", self.final_merged),
            ("final_upper", self.final_upper),
        ):
            if tree is not None:
                data[key] = tree_to_json(tree)
        return data

    def bare(self) -> Case:
        """Give the case without its expectations."""
        ops = [attrs.evolve(op, expect=None) for op in self.ops]
        return attrs.evolve(
            self, ops=ops, mount=None, final_upper=None, final_merged=None
        )


_CASE_KEYS: Final = tuple(field.name for field in attrs.fields(Case))


def tree_from_json(data: JSON, where: str) -> Tree:
    """
    Read a tree.

    Raises:
        FormatError: It is not of the schema.
    """
    return {
        path: TreeNode.from_json(node, f"{where}: {path}")
        for path, node in _mapping(data, where).items()
    }


def tree_to_json(tree: Tree) -> dict[str, JSON]:
    """Give the JSON form of a tree; the order of the paths stays."""
    return {path: node.to_json() for path, node in tree.items()}


def _mapping(data: JSON, where: str) -> Mapping[str, JSON]:
    if not isinstance(data, Mapping):
        raise FormatError(f"{where}: an object is wanted, not {data!r}")
    return data


def _refuse_unknown(
    fields: Mapping[str, JSON], known: Sequence[str], where: str
) -> None:
    unknown = sorted(fields.keys() - set(known))
    if unknown:
        raise FormatError(f"{where}: unknown key {unknown[0]!r}")


def parse_cases(text: str, where: str = "cases") -> list[Case]:
    """
    Read the text of a case file.

    Raises:
        FormatError: It is not JSON, or not of the schema.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FormatError(f"{where}: not JSON: {error}") from error
    cases = _mapping(data, where).get("cases")
    if not isinstance(cases, list):
        raise FormatError(f"{where}: no list of cases")
    return [
        Case.from_json(case, f"{where}: cases[{index}]")
        for index, case in enumerate(cases)
    ]


def read_cases(path: Path) -> list[Case]:
    """
    Read a case file, which may be compressed with gzip.

    Raises:
        OSError: It cannot be read.
        FormatError: It is not a case file.
    """
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    except (EOFError, zlib.error, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: {error}") from error
    return parse_cases(text, str(path))


def case_lines(
    cases: Iterable[Case], about: Mapping[str, JSON] | None = None
) -> Iterator[str]:
    """Give the lines of a case file: one for each case, and one around them."""
    lines = [json.dumps(case.to_json()) for case in cases]
    header = json.dumps({"schema": 1, **(about or {}), "count": len(lines)})
    yield f'{{"about": {header}, "cases": ['
    for index, line in enumerate(lines, 1):
        yield line if index == len(lines) else f"{line},"
    yield "]}"


def write_cases(
    path: Path, cases: Iterable[Case], about: Mapping[str, JSON] | None = None
) -> None:
    """Write a case file; a name that ends with ``.gz`` compresses it."""
    text = "\n".join(case_lines(cases, about)) + "\n"
    raw = text.encode("utf-8")
    if path.suffix == ".gz":
        raw = gzip.compress(raw, 9, mtime=0)
    path.write_bytes(raw)
