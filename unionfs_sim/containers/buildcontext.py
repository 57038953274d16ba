"""The files that a build may copy: from a mapping, a tar, or another image."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import io
import posixpath
import re
import stat
import tarfile
from collections.abc import Mapping
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError

#: Files by name: text or bytes, perhaps with a mode before; or a tar; or opened ones.
Context: TypeAlias = (
    "Mapping[str, str | bytes | tuple[int, str | bytes]] | bytes | FileSystem"
)

_MODE: Final = 0o644
_LINKS_MAX: Final = 40


def open_context(context: Context) -> FileSystem:
    """
    Give the files of a context as a file system, those left out that are ignored.

    Raises:
        InvalidParameter: It is no tar.

    >>> fs = open_context({"a": "x", "d/b": (0o600, "y"), ".dockerignore": "a"})
    >>> fs.listdir("/")
    ['.dockerignore', 'd']
    """
    fs = UnionFS()
    if isinstance(context, FileSystem):
        return context
    if isinstance(context, bytes):
        from unionfs_sim.containers import trees  # noqa: PLC0415 - for tars alone

        try:
            trees.unpack(fs, "/", context)
        except tarfile.TarError as error:
            raise InvalidParameter(str(error)) from error
    else:
        for name, value in context.items():
            mode, data = value if isinstance(value, tuple) else (_MODE, value)
            path = f"/{name}"
            fs.makedirs(posixpath.dirname(path), exist_ok=True)
            raw = data.encode() if isinstance(data, str) else data
            fs.write_bytes(path, raw)
            fs.chmod(path, mode)
    _ignore(fs)
    return fs


def dockerfile_in(fs: FileSystem, name: str) -> str:
    """
    Give the text of the Dockerfile of a context.

    Raises:
        InvalidParameter: There is none of that name.

    >>> dockerfile_in(open_context({"Dockerfile": "FROM scratch"}), "Dockerfile")
    'FROM scratch'
    """
    try:
        return fs.read_text(posixpath.normpath(f"/{name}"))
    except (UnionFSError, UnicodeDecodeError) as error:
        msg = f"Cannot locate specified Dockerfile: {name}"
        raise InvalidParameter(msg) from error


def _ignore(fs: FileSystem) -> None:
    """Remove what ``.dockerignore`` names; later lines win."""
    try:
        lines = fs.read_text("/.dockerignore").splitlines()
    except UnionFSError:
        return
    patterns = [x.strip() for x in lines if x.strip() and not x.startswith("#")]
    for top, directories, files in list(fs.walk("/", topdown=False)):
        for name in (*files, *directories):
            path = posixpath.join(top, name)
            if not _ignored(path[1:], patterns):
                continue
            if not fs.isdir(path) or fs.islink(path):
                fs.unlink(path)
            elif not fs.listdir(path):
                fs.rmdir(path)


def _ignored(path: str, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        keeps = pattern.startswith("!")
        wanted = pattern.lstrip("!").strip("/")
        parts = path.split("/")
        heads = ("/".join(parts[: n + 1]) for n in range(len(parts)))
        if any(_regex(wanted).fullmatch(head) for head in heads):
            ignored = not keeps
    return ignored and path not in {".dockerignore", "Dockerfile"}


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Give a pattern of ``.dockerignore``: only ``**`` reaches over a slash."""
    rules = {r"\*\*/": "(?:.*/)?", r"\*\*": ".*", r"\*": "[^/]*", r"\?": "[^/]"}
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\\?.", pattern)
    out = []
    for part in parts:
        if len(part) > 2 and part[0] == "[":
            out.append(part)
        else:
            escaped = re.escape(part[1:] if part[0] == "\\" and part[1:] else part)
            out.append(rules.get(re.escape(part).replace("/", "/"), escaped))
    return re.compile("".join(out))


@final
@attrs.frozen
class Source:
    """
    One thing to copy.

    Attributes:
        path: Where it is.
        name: What it is called when it is copied into a directory.
        directory: Whether it is one, whose contents are copied.
    """

    path: str
    name: str
    directory: bool


def sources(fs: FileSystem, names: list[str], verb: str) -> list[Source]:
    """
    Find what is to be copied; names may be patterns.

    Raises:
        InvalidParameter: Nothing fits one.
    """
    found: list[Source] = []
    for name in names:
        if posixpath.normpath(name.lstrip("/") or ".").startswith(".."):
            msg = f"{verb} failed: forbidden path outside the build context: {name} ()"
            raise InvalidParameter(msg)
        clean = posixpath.normpath(f"/{name}")
        if set("*?[") & set(name):
            folder = posixpath.dirname(clean)
            paths = [
                posixpath.join(folder, each)
                for each in (fs.listdir(folder) if fs.isdir(folder) else [])
                if fnmatch.fnmatchcase(each, posixpath.basename(clean))
            ]
            if not paths:
                msg = f"{verb} failed: no source files were specified"
                raise InvalidParameter(msg)
        else:
            paths = [clean]
        for path in paths:
            if not fs.exists(path):
                msg = (
                    f"{verb} failed: file not found in build context or excluded by"
                    f" .dockerignore: stat {name}: file does not exist"
                )
                raise InvalidParameter(msg)
            # A link that is named is followed; links below a directory are copied.
            real = _followed(fs, path)
            found.append(Source(real, posixpath.basename(path), fs.isdir(real)))
    return found


def _followed(fs: FileSystem, path: str) -> str:
    for _ in range(_LINKS_MAX):
        if not fs.islink(path):
            break
        path = posixpath.normpath(
            posixpath.join(posixpath.dirname(path), fs.readlink(path))
        )
    return path


def fingerprint(fs: FileSystem, found: list[Source]) -> str:
    """
    Name what is copied by its content, as the history shows it.

    >>> fs = open_context({"a": "x"})
    >>> fingerprint(fs, sources(fs, ["a"], "COPY"))[:17]
    'file:db098567865b'
    """
    hasher = hashlib.sha256()
    for source in found:
        paths = [source.path]
        if source.directory:
            for top, directories, files in fs.walk(source.path):
                paths += [posixpath.join(top, x) for x in (*directories, *files)]
        for path in paths:
            status = fs.lstat(path)
            hasher.update(f"{path[len(source.path) :]}:{status.st_mode}:".encode())
            if stat.S_ISREG(status.st_mode):
                hasher.update(fs.read_bytes(path))
            elif stat.S_ISLNK(status.st_mode):
                hasher.update(fs.readlink(path).encode())
    kind = "multi" if len(found) > 1 else "dir" if found[0].directory else "file"
    return f"{kind}:{hasher.hexdigest()}"


def is_archive(data: bytes) -> bool:
    """
    Tell whether ADD unpacks a file.

    >>> is_archive(b"text")
    False
    """
    if not data:
        return False
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return archive.next() is not None
    except (tarfile.TarError, EOFError, OSError):
        return False
