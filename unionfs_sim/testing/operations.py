"""Calls on a file system as values, so that they can be drawn, shown and shrunk."""

from __future__ import annotations

import errno

import attrs

from unionfs_sim.core.filesystem import FileSystem


@attrs.frozen
class Operation:
    """
    A call of a verb of `FileSystem`.

    Attributes:
        verb: The name of the method.
        arguments: What it is called with.

    >>> Operation("mkdir", ("/a",))
    Operation(verb='mkdir', arguments=('/a',))
    """

    verb: str
    arguments: tuple[object, ...]

    def apply(self, fs: FileSystem) -> object:
        """
        Make the call, and give what it gives.

        Raises:
            OSError: What the call raises.
        """
        return getattr(fs, self.verb)(*self.arguments)

    def outcome(self, fs: FileSystem) -> str:
        """
        Make the call, and give ``"ok"`` or the name of the error.

        >>> from unionfs_sim import UnionFS
        >>> Operation("rmdir", ("/a",)).outcome(UnionFS())
        'ENOENT'
        """
        try:
            self.apply(fs)
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, type(error).__name__)
        return "ok"
