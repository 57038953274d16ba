"""
The kernel at hand answers as the mount table does.

Random programs of calls and mounts run in a mount namespace of their own, and on a
table; each call must give the same value or errno, and the same tree at the end.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from unionfs_sim import UnionFS
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.testing.conformance import syscalls

#: What runs in namespaces: it reads programs and writes what each call gave.
KERNEL = """
import json, sys
from tests.containers.test_kernel_mounts import in_namespaces
print(json.dumps(in_namespaces(json.load(sys.stdin))))
"""

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 32, 4096, 16384

NAMES = ["a", "b", "c", "d"]
Call = list[Any]


class Kernel:
    """Calls on the kernel, in a root of its own; a new one for each program."""

    def __init__(self, root: str) -> None:
        self._syscalls = syscalls
        syscalls.unshare_mounts()
        syscalls.mount("t", root, "tmpfs", 0, "mode=0755")
        os.chroot(root)
        os.chdir("/")

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write_text(self, path: str, text: str) -> int:
        with open(path, "w", encoding="utf-8") as file:
            return file.write(text)

    def append(self, path: str, text: str) -> int:
        with open(path, "a", encoding="utf-8") as file:
            return file.write(text)

    def read_text(self, path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read()

    def listdir(self, path: str) -> list[str]:
        return sorted(os.listdir(path))

    def link(self, old: str, new: str) -> None:
        os.link(old, new, follow_symlinks=False)

    def _refuse_root(self, path: str) -> None:
        """Let nothing be mounted on the root itself, which a table refuses."""
        os.stat(path)
        if os.path.realpath(path) == "/":
            raise OSError(errno.EBUSY, path)

    def mount_new(self, path: str) -> None:
        self._refuse_root(path)
        self._syscalls.mount("t", path, "tmpfs", 0, "mode=0755")

    def bind(self, old: str, new: str, *, recursive: bool) -> None:
        self._refuse_root(new)
        flags = _MS_BIND | (_MS_REC if recursive else 0)
        self._syscalls.mount(old, new, "", flags, "")

    def unmount(self, path: str, *, lazy: bool) -> None:
        self._refuse_root(path)
        self._syscalls.unmount(path, 2 if lazy else 0)

    def remount(self, path: str, *, read_only: bool) -> None:
        flags = _MS_BIND | _MS_REMOUNT | (_MS_RDONLY if read_only else 0)
        self._syscalls.mount("", path, "", flags, "")


class Table:
    """The same calls on a mount table."""

    def __init__(self) -> None:
        self.fs = MountTable(UnionFS())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fs, name)

    def append(self, path: str, text: str) -> int:
        with self.fs.open(path, "a") as file:
            return file.write(text)

    def mount_new(self, path: str) -> None:
        self.fs.mount(path, UnionFS())

    def bind(self, old: str, new: str, *, recursive: bool) -> None:
        self.fs.mount(new, self.fs, subpath=old, recursive=recursive)


def shown(value: Any) -> Any:
    """Give what is compared of what a call gave."""
    if isinstance(value, os.stat_result):
        size = 0 if stat.S_ISDIR(value.st_mode) else value.st_size
        return [oct(value.st_mode), size]
    return value


def call(subject: Any, verb: str, *arguments: Any, **options: Any) -> Any:
    """Make one call, and give its value or the name of its errno."""
    try:
        return shown(getattr(subject, verb)(*arguments, **options))
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def devices(subject: Any, paths: list[str]) -> list[int]:
    """Give which paths are on one file system, as small numbers."""
    seen: dict[int, int] = {}
    found = []
    for path in paths:
        try:
            device = subject.stat(path).st_dev
        except OSError:
            found.append(-1)
            continue
        found.append(seen.setdefault(device, len(seen)))
    return found


def tree(subject: Any) -> list[Any]:
    """List all paths of a few levels, and what is there."""
    found: list[Any] = []
    pending = ["/"]
    while pending and len(found) < 400:
        path = pending.pop()
        names = call(subject, "listdir", path)
        found.append([path, names])
        if not isinstance(names, list) or path.count("/") > 4:
            continue
        for name in names:
            below = f"{path.rstrip('/')}/{name}"
            status = call(subject, "lstat", below)
            found.append([below, status])
            if isinstance(status, list) and status[0].startswith("0o4"):
                pending.append(below)
            elif isinstance(status, list) and status[0].startswith("0o10"):
                found.append([below, call(subject, "read_text", below)])
    paths = [entry[0] for entry in found]
    return [*found, devices(subject, paths)]


def run(subject: Any, program: list[Call]) -> list[Any]:
    """Run a program, and give all that it gave."""
    return [*(call(subject, v, *a, **o) for v, a, o in program), tree(subject)]


def draw_path(random: Random) -> str:
    """Draw a path of few names, with dots now and then."""
    parts = [random.choice(NAMES) for _ in range(random.choice([1, 1, 2, 2, 3]))]
    if random.random() < 0.15:
        parts.insert(random.randrange(len(parts) + 1), random.choice(["..", "."]))
    return "/" + "/".join(parts) + ("/" if random.random() < 0.05 else "")


def draw_target(random: Random) -> str:
    """Draw the text of a link; one that ends in a slash is the union's own affair."""
    text = draw_path(random).rstrip("/")
    return text if random.random() < 0.5 else random.choice(["", "../"]) + text[1:]


def draw_call(random: Random) -> Call:
    """Draw a call; those that make something come more often."""
    path, other = draw_path(random), draw_path(random)
    text = random.choice(["x", "hello", ""])
    makers: list[tuple[int, Callable[[], Call]]] = [
        (9, lambda: ["mkdir", [path], {}]),
        (6, lambda: ["write_text", [path, text], {}]),
        (4, lambda: ["symlink", [draw_target(random), path], {}]),
        (5, lambda: ["rename", [path, other], {}]),
        (3, lambda: ["link", [path, other], {}]),
        (2, lambda: ["unlink", [path], {}]),
        (3, lambda: ["rmdir", [path], {}]),
        (2, lambda: ["append", [path, text], {}]),
        (2, lambda: ["read_text", [path], {}]),
        (2, lambda: ["listdir", [path], {}]),
        (2, lambda: ["stat", [path], {}]),
        (1, lambda: ["lstat", [path], {}]),
        (1, lambda: ["readlink", [path], {}]),
        (1, lambda: ["chmod", [path, random.choice([0o700, 0o755])], {}]),
        (1, lambda: ["truncate", [path, 3], {}]),
        (3, lambda: ["mount_new", [path], {}]),
        (5, lambda: ["bind", [path, other], {"recursive": random.random() < 0.5}]),
        (2, lambda: ["unmount", [path], {"lazy": random.random() < 0.5}]),
        (1, lambda: ["remount", [path], {"read_only": random.random() < 0.7}]),
    ]
    weights = [weight for weight, _ in makers]
    return random.choices([maker for _, maker in makers], weights)[0]()


def draw_program(seed: int) -> list[Call]:
    """Draw a program: some directories first, then anything."""
    random = Random(seed)
    start: list[Call] = [["mkdir", [f"/{name}"], {}] for name in NAMES[:3]]
    start.append(["mount_new", ["/a"], {}])
    return start + [draw_call(random) for _ in range(40)]


def in_namespaces(programs: list[list[Call]]) -> list[Any]:
    """Run each program in a process and a mount namespace of its own."""
    done = []
    with tempfile.TemporaryDirectory() as root:
        for program in programs:
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                with os.fdopen(writer, "w") as answers:
                    json.dump(run(Kernel(root), program), answers)
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader) as answers:
                done.append(json.load(answers))
            os.waitpid(child, 0)
    return done


def on_the_kernel(programs: list[list[Call]]) -> list[Any]:
    """Run programs on the kernel at hand."""
    made = subprocess.run(
        [sys.executable, "-c", KERNEL],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if made.returncode:
        pytest.skip(f"no mount namespaces here: {made.stderr.splitlines()[-1:]}")
    done: list[Any] = json.loads(made.stdout)
    return done


def difference(program: list[Call], expected: list[Any]) -> str:
    """Tell where the table first differs from the kernel, or give an empty text."""
    got = json.loads(json.dumps(run(Table(), program)))
    for number, (one, other) in enumerate(zip(expected, got, strict=True)):
        if one == other:
            continue
        if number < len(program):
            lines = [str(step) for step in program[: number + 1]]
            return "\n".join([*lines, f"kernel {one}, table {other}"])
        lines = [str(step) for step in program]
        found = [
            f"kernel {x}, table {y}" for x, y in zip(one, other, strict=False) if x != y
        ]
        return "\n".join([*lines, *found[:4]])
    return ""


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's namespaces")
def test_kernel_answers_as_the_table() -> None:
    """Random programs of calls and mounts give what they give on the kernel."""
    if os.geteuid():
        pytest.skip("needs root for chroot and mounts")
    programs = [draw_program(seed) for seed in range(300)]
    expected = on_the_kernel(programs)

    found = [
        f"seed {seed}\n{text}"
        for seed, (program, each) in enumerate(zip(programs, expected, strict=True))
        if (text := difference(program, each))
    ]
    assert [] == found[:3], "\n\n".join(found[:3])
