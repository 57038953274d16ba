"""
Programs by their names: found through the binaries of the image, run as Python.

The binary in the image says that there is a program and who may execute it; what it
does is a callable here, by the path of the binary or by its name, as the names in
``/bin`` of a busybox are.
"""

from __future__ import annotations

import errno
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Final, final, overload

from unionfs_sim.containers import commands
from unionfs_sim.containers.process import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    NotRunnable,
    Process,
    Program,
)
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.errors import UnionFSError

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_EXECUTE: Final = 1
_SCRIPT_BYTES: Final = 256
_SCRIPTS_MAX: Final = 4


@final
class Programs:
    """
    The programs that an engine knows.

    >>> programs = Programs()
    >>> @programs.register("/usr/bin/greet")
    ... def greet(process):
    ...     process.print("hello", *process.args)
    >>> "greet" in programs, "cat" in programs
    (True, True)
    """

    def __init__(self, applets: Mapping[str, Program] | None = None) -> None:
        self._by_path: dict[str, Program] = {}
        self._by_name: dict[str, Program] = dict(
            commands.APPLETS if applets is None else applets
        )

    @overload
    def register(self, path: str) -> Callable[[Program], Program]: ...

    @overload
    def register(self, path: str, program: Program) -> Program: ...

    def register(
        self, path: str, program: Program | None = None
    ) -> Program | Callable[[Program], Program]:
        """
        Say what a program does; can stand over a function as a decorator.

        Args:
            path: A path, where the program is then found whether or not the image
                has a binary there; or a bare name, which is looked for among the
                image's binaries.
            program: What it does.
        """
        if program is None:
            return lambda given: self.register(path, given)
        if "/" in path:
            self._by_path[posixpath.normpath(path)] = program
        else:
            self._by_name[path] = program
        return program

    def __contains__(self, name: str) -> bool:
        """Tell whether a name or a path is known."""
        return (
            name in self._by_name
            or name in self._by_path
            or any(posixpath.basename(path) == name for path in self._by_path)
        )

    def __iter__(self) -> Iterator[str]:
        """Go through the names and paths, in order."""
        return iter(sorted({*self._by_name, *self._by_path}))

    def find(
        self, process: Process, name: str, fs: FileSystem | None = None
    ) -> tuple[Program, list[str]]:
        """
        Find a program as ``execvp`` does.

        Args:
            process: The process that looks.
            name: A name, or a path.
            fs: Where to look; by default what the process sees.

        Returns:
            What it does, and what the first argument becomes: more than one for a
            script, whose interpreter is called.

        Raises:
            NotRunnable: 127, there is none; 126, it may not be executed, or nobody
                has said what it does.
        """
        fs = process.fs if fs is None else fs
        if "/" in name:
            path = self._usable(fs, process.path(name), name)
            return self._program(process, fs, path, name)
        refusal: NotRunnable | None = None
        for directory in process.env.get("PATH", DEFAULT_PATH).split(":"):
            base = process.path(directory or ".")
            try:
                path = self._usable(fs, f"{base.rstrip('/')}/{name}", name)
            except NotRunnable as error:
                if error.code == NOT_EXECUTABLE:
                    refusal = refusal or error
                continue
            return self._program(process, fs, path, name)
        if refusal is not None:
            raise refusal
        raise NotRunnable(NOT_FOUND, name, "executable file not found in $PATH")

    def _usable(self, fs: FileSystem, path: str, name: str) -> str:
        """Give the path if there is a program at it that may be executed."""
        if posixpath.normpath(path) in self._by_path:
            return path
        try:
            mode = fs.stat(path).st_mode
        except UnionFSError as error:
            if error.errno == errno.EACCES:
                raise NotRunnable(NOT_EXECUTABLE, name, "permission denied") from error
            reason = f"stat {path}: no such file or directory"
            if error.errno == errno.ENOTDIR:
                reason = f"stat {path}: not a directory"
                raise NotRunnable(NOT_EXECUTABLE, name, reason) from error
            raise NotRunnable(NOT_FOUND, name, reason) from error
        if not stat.S_ISREG(mode) or not mode & 0o111 or not fs.access(path, _EXECUTE):
            raise NotRunnable(NOT_EXECUTABLE, name, "permission denied")
        return path

    def _program(
        self, process: Process, fs: FileSystem, path: str, name: str
    ) -> tuple[Program, list[str]]:
        """Say what the binary at a path does."""
        argv = [name]
        for _ in range(_SCRIPTS_MAX):
            found = self._by_path.get(posixpath.normpath(path))
            if found is not None:
                return found, argv
            words = _interpreter(fs, path)
            if words is None:
                break
            argv = [*words, path, *argv[1:]]
            path = self._usable(fs, process.path(words[0]), words[0])
        base = posixpath.basename(path)
        found = self._by_name.get(base)
        if found is None:
            target = _end_of_links(fs, path)
            found = self._by_path.get(target)
            found = found or self._by_name.get(posixpath.basename(target))
        if found is None:
            raise NotRunnable(NOT_EXECUTABLE, name, "exec format error")
        return found, argv


def _interpreter(fs: FileSystem, path: str) -> list[str] | None:
    """Give the words behind ``#!`` at the start of a script, or ``None``."""
    try:
        with fs.open(path, "rb") as file:
            start = file.read(_SCRIPT_BYTES)
    except UnionFSError:
        return None
    if not start.startswith(b"#!"):
        return None
    first = start[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape")
    return first.split(None, 1) or None


def _end_of_links(fs: FileSystem, path: str) -> str:
    for _ in range(40):
        try:
            target = fs.readlink(path)
        except UnionFSError:
            break
        path = posixpath.join(posixpath.dirname(path), target)
    return posixpath.normpath(path)
