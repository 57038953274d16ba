"""
The reference union: what a union file system is, in two hundred plain lines.

A layer is a dictionary from paths to entries, a union is a list of layers, and finding
a file is a loop over that list from the top.  Nothing is remembered, nothing is fast,
and there is no class but one.  It is what the real one is tested against, and it can
be read aloud.

An entry is one of these::

    b"bytes"         a file
    Link("target")   a symbolic link
    DIR              a directory, which merges with those of the layers below
    OPAQUE           a directory that hides those of the layers below
    WHITEOUT         no file at all: it hides what the layers below have

>>> base = {"/etc": DIR, "/etc/motd": b"hello", "/etc/hosts": b"lo"}
>>> union = ModelUnion([base])
>>> union.unlink("/etc/motd")
>>> union.listdir("/etc")
['hosts']
>>> union.upper
{'/': <DIR>, '/etc': <DIR>, '/etc/motd': <WHITEOUT>}
>>> base["/etc/motd"]
b'hello'
"""

from __future__ import annotations

import enum
import errno
from typing import NamedTuple, NoReturn, TypeAlias

from unionfs_sim.core.paths import SYMLINKS_MAX


class Link(NamedTuple):
    """A symbolic link."""

    target: str


class Mark(enum.Enum):
    """The entries that have no content."""

    DIR = "directory"
    OPAQUE = "opaque directory"
    WHITEOUT = "whiteout"

    def __repr__(self) -> str:
        """Show the name."""
        return f"<{self.name}>"


DIR, OPAQUE, WHITEOUT = Mark.DIR, Mark.OPAQUE, Mark.WHITEOUT
DIRECTORIES = (DIR, OPAQUE)

Entry: TypeAlias = bytes | Link | Mark
ModelLayer: TypeAlias = dict[str, Entry]


def fail(number: int) -> NoReturn:
    """Fail as a system call does."""
    raise OSError(number, errno.errorcode[number])


def parent(path: str) -> str:
    """Give the path of the directory that a path is in."""
    return path.rpartition("/")[0] or "/"


def below(directory: str, name: str) -> str:
    """Give the path of a name in a directory."""
    return f"{directory.rstrip('/')}/{name}"


class ModelUnion:
    """An upper dictionary over lower dictionaries, which are never changed."""

    def __init__(self, lowers_top_first: list[ModelLayer]) -> None:
        self.upper: ModelLayer = {"/": DIR}
        self.lowers = [{"/": DIR, **layer} for layer in lowers_top_first]

    # --- finding ----------------------------------------------------------------

    def search(self, path: str, layers: list[ModelLayer]) -> Entry | None:
        """
        Find what the layers show at a path; no link is followed.

        This is the whole secret of union file systems.
        """
        taking_part = layers
        found: Entry | None = DIR
        at = ""
        for name in path.strip("/").split("/") if path != "/" else []:
            at += "/" + name
            found, merged = None, []
            for layer in taking_part:
                entry = layer.get(at)
                if entry is None:
                    continue  # this layer says nothing: ask the next
                if entry in DIRECTORIES:
                    found = DIR
                    merged.append(layer)
                    if entry is OPAQUE:
                        break  # nothing further down takes part
                    continue  # directories merge
                if entry is not WHITEOUT and not merged:
                    found = entry  # a file: the topmost one is seen
                break  # files and whiteouts hide what is below
            if found is None:
                return None
            taking_part = merged
        return found

    def find(self, path: str) -> Entry | None:
        """Find what the union shows at a path."""
        return self.search(path, [self.upper, *self.lowers])

    def walk(self, path: str, *, follow: bool) -> str:
        """Follow the links of a path; give where it leads, if anywhere."""
        at, todo, links = "/", path.split("/")[::-1], 0
        while todo:
            name = todo.pop()
            if self.find(at) is not DIR:
                fail(errno.ENOENT if self.find(at) is None else errno.ENOTDIR)
            if name == "..":
                at = parent(at)
            elif name not in {"", "."}:
                entry = self.find(below(at, name))
                if isinstance(entry, Link) and (todo or follow):
                    links += 1
                    if links > SYMLINKS_MAX:
                        fail(errno.ELOOP)
                    if entry.target.startswith("/"):
                        at = "/"
                    todo += entry.target.split("/")[::-1]
                else:
                    at = below(at, name)
        return at

    def covered(self, path: str) -> bool:
        """Tell whether lower layers would show something if the upper had nothing."""
        if self.find(parent(path)) is not DIR:
            return False
        at = parent(path)
        while at != "/":  # an opaque directory of the upper keeps the lowers out
            if self.upper.get(at) is OPAQUE:
                return False
            at = parent(at)
        return self.search(path, self.lowers) is not None

    # --- reading ----------------------------------------------------------------

    def read(self, path: str) -> bytes:
        """Give the bytes of a file."""
        entry = self.find(self.walk(path, follow=True))
        if entry is None:
            fail(errno.ENOENT)
        if not isinstance(entry, bytes):
            fail(errno.EISDIR)
        return entry

    def listdir(self, path: str) -> list[str]:
        """List the names in a directory."""
        at = self.walk(path, follow=True)
        entry = self.find(at)
        if entry is not DIR:
            fail(errno.ENOENT if entry is None else errno.ENOTDIR)
        return self.names(at)

    def names(self, at: str) -> list[str]:
        """List the names that show in a directory: try all that any layer has."""
        candidates = {
            path.rpartition("/")[2]
            for layer in (self.upper, *self.lowers)
            for path in layer
            if path != "/" and parent(path) == at
        }
        return sorted(
            name for name in candidates if self.find(below(at, name)) is not None
        )

    def readlink(self, path: str) -> str:
        """Give the text of a link."""
        entry = self.find(self.walk(path, follow=False))
        if not isinstance(entry, Link):
            fail(errno.ENOENT if entry is None else errno.EINVAL)
        return entry.target

    # --- changing ---------------------------------------------------------------

    def put(self, path: str, entry: Entry) -> None:
        """Put an entry into the upper; the directories that it is in come up first."""
        missing = []
        at = parent(path)
        while self.upper.get(at) not in DIRECTORIES:
            missing.append(at)
            at = parent(at)
        for at in missing:
            self.upper[at] = DIR
        self.upper[path] = entry

    def take(self, path: str) -> None:
        """Take a name away: a whiteout if it is covered, else nothing stays."""
        covered = self.covered(path)
        self.upper = {
            at: entry
            for at, entry in self.upper.items()
            if at != path and not at.startswith(path + "/")
        }
        if covered:
            self.put(path, WHITEOUT)

    def new_name(self, path: str) -> str:
        """Find where a new name goes; it must not be there yet."""
        at = self.walk(path, follow=False)
        if self.find(at) is not None:
            fail(errno.EEXIST)
        return at

    def write(self, path: str, data: bytes) -> None:
        """Make a file hold just these bytes; a lower file stays as it is."""
        at = self.walk(path, follow=True)
        if self.find(at) is DIR:
            fail(errno.EISDIR)
        self.put(at, data)

    def mkdir(self, path: str) -> None:
        """Make a directory; over a whiteout it must hide what the whiteout hid."""
        at = self.new_name(path)
        self.put(at, OPAQUE if self.upper.get(at) is WHITEOUT else DIR)

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link."""
        self.put(self.new_name(path), Link(target))

    def unlink(self, path: str) -> None:
        """Remove a name that is not a directory's."""
        at = self.walk(path, follow=False)
        entry = self.find(at)
        if entry is None or entry is DIR:
            fail(errno.ENOENT if entry is None else errno.EISDIR)
        self.take(at)

    def rmdir(self, path: str) -> None:
        """Remove a directory that shows no names."""
        at = self.walk(path, follow=False)
        entry = self.find(at)
        if entry is not DIR:
            fail(errno.ENOENT if entry is None else errno.ENOTDIR)
        if at == "/":
            fail(errno.EBUSY)
        if self.names(at):
            fail(errno.ENOTEMPTY)
        self.take(at)

    def rename(self, source: str, target: str) -> None:
        """Move a file or a link; a lower one leaves a whiteout behind."""
        old, new = self.walk(source, follow=False), self.walk(target, follow=False)
        entry, there = self.find(old), self.find(new)
        if entry is None:
            fail(errno.ENOENT)
        if entry is DIR:
            fail(errno.EXDEV)  # directories of lower layers stay where they are
        if old.startswith(below(new, "")):
            fail(errno.ENOTEMPTY)
        if there is DIR:
            fail(errno.EISDIR)
        if old != new:
            self.put(new, entry)
            self.take(old)

    def tree(self) -> dict[str, Entry]:
        """Give everything that shows."""
        found: dict[str, Entry] = {}
        pending = ["/"]
        while pending:
            at = pending.pop()
            entry = self.find(at)
            assert entry is not None
            found[at] = entry
            if entry is DIR:
                pending += [below(at, name) for name in self.names(at)]
        return found
