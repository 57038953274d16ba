"""`Container`: a process over a union, with mounts, a network and a life."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

from unionfs_sim.containers import linking, rootfs, signals, trees
from unionfs_sim.containers.changes import container_changes
from unionfs_sim.containers.errors import (
    Conflict,
    Forbidden,
    InvalidParameter,
    NotFound,
    System,
)
from unionfs_sim.containers.execs import Exec, ExecResult
from unionfs_sim.containers.explaining import Explanation
from unionfs_sim.containers.images import Image, derive
from unionfs_sim.containers.instructions import change, full_config, parse_change
from unionfs_sim.containers.life import Living
from unionfs_sim.containers.locking import locked
from unionfs_sim.containers.losing import Loss, losses
from unionfs_sim.containers.mounts import MountTable
from unionfs_sim.containers.networks import Network
from unionfs_sim.containers.process import (
    User,
)
from unionfs_sim.containers.states import timestamp
from unionfs_sim.containers.users import name_of
from unionfs_sim.core.diff import Change
from unionfs_sim.errors import UnionFSError

#: How many commands that have ended can still be asked for.
EXECS_KEPT: Final = 256


@final
class Container(Living):
    """
    One container of an engine; the verbs are those of the Docker SDK.

    Attributes:
        engine: Its engine.
        id: Its id.
        name: Its name.
        image: What it was made of.
        config: What it starts with.
        host_config: How it is tied to the host.
        mount_points: Its mounts, by destination.
        rw: Its union: the image's layers, the ``-init`` layer, and its own.
        state: What it is doing.
        link: What it has of networks.
        stdin: What its first process reads, if that was asked for.
        initial_input: All that it is to read.
        listeners: Called with the stream and the bytes of all that it writes.
    """

    __slots__ = ()

    @locked
    def connect(
        self,
        network: Network,
        *,
        wanted: str | None = None,
        aliases: Sequence[str] = (),
    ) -> None:
        """
        Tie it to one more network; as `Network.connect`.

        Raises:
            Forbidden: It is tied to it already, or shares another one's network.
        """
        linking.connect_more(self, network, wanted=wanted, aliases=aliases)

    @locked
    def disconnect(self, network: Network) -> None:
        """
        Untie it from a network; as `Network.disconnect`.

        Raises:
            Forbidden: It is not tied to the network.
        """
        linking.disconnect_one(self, network)

    # --- commands in it -----------------------------------------------------------

    def check_running(self) -> None:
        """
        Refuse what only a container that runs can do.

        Raises:
            Conflict: It does not run.
        """
        if not self.state.running:
            msg = f"Container {self.id} is not running"
            raise Conflict(msg)

    def check_exec(self) -> None:
        """
        Refuse commands in a container that cannot run any.

        Raises:
            Conflict: It does not run, or is paused.
        """
        self.check_running()
        if self.state.status == "paused":
            msg = f"Container {self.name} is paused, unpause the container before exec"
            raise Conflict(msg)

    @locked
    def exec_create(self, cmd: str | Sequence[str], **options: Any) -> Exec:
        """
        Make a command that can be started in it.

        Raises:
            Conflict: It does not run, or is paused.
        """
        self.check_exec()
        argv = self.engine.words(cmd)
        env = self.engine.environment(options.pop("environment", None))
        made = Exec(self, argv, env=env, identifier=self.engine.ids(), **options)
        done = [key for key, each in self._execs.items() if each.exit_code is not None]
        for key in done[:-EXECS_KEPT]:
            del self._execs[key]
        self._execs[made.id] = made
        self.engine.events.container(
            self, f"exec_create: {' '.join(argv)}", execID=made.id
        )
        return made

    @locked
    def exec_run(
        self,
        cmd: str | Sequence[str],
        *,
        stdout: bool = True,
        stderr: bool = True,
        stdin: bytes | None = None,
        tty: bool = False,
        user: str = "",
        detach: bool = False,
        environment: Mapping[str, str] | Sequence[str] | None = None,
        workdir: str | None = None,
        demux: bool = False,
    ) -> ExecResult:
        """
        Run a command in it, as ``docker exec``.

        Args:
            cmd: The command; a text falls into words.
            stdout: Whether its output is given.
            stderr: Whether its complaints are.
            stdin: What it reads.
            tty: Whether it runs on a terminal.
            user: Who it runs as; by default as the container.
            detach: Whether it goes on by itself.
            environment: More of the environment.
            workdir: Its working directory.
            demux: Whether output and complaints are given as a pair.

        Raises:
            Conflict: The container does not run, or is paused.
        """
        made = self.exec_create(
            cmd,
            environment=environment,
            user=user,
            workdir=workdir,
            stdin=stdin is not None,
            tty=tty,
        )
        if made.stdin is not None:
            made.stdin.write(stdin or b"")
            made.stdin.close()
        made.start()
        if detach:
            return ExecResult(None, b"")
        code = made.wait()
        out = made.output("stdout") if stdout else b""
        err = made.output("stderr") if stderr else b""
        return ExecResult(code, (out or None, err or None) if demux else out + err)

    def logs(
        self, *, stdout: bool = True, stderr: bool = True, timestamps: bool = False
    ) -> bytes:
        """Give what its first process wrote, of all its starts."""
        wanted = {"stdout": stdout, "stderr": stderr}
        return b"".join(
            (f"{timestamp(when)} ".encode() if timestamps else b"") + data
            for stream, data, when in self.log
            if wanted[stream]
        )

    @locked
    def processes(self) -> list[tuple[int, str, str]]:
        """
        List what runs in it: number, user and command, its first process first.

        Raises:
            Conflict: It does not run.
        """
        self.check_running()
        assert self._process is not None, "what runs has a first process"
        running = [self._process]
        running += [x.process for x in self._execs.values() if x.process is not None]
        return [
            (
                self.state.pid + each.pid - 1,
                name_of(self.rw, each.user.uid) or str(each.user.uid),
                " ".join(each.argv),
            )
            for each in running
        ]

    # --- its file system ----------------------------------------------------------

    @locked
    def diff(self) -> list[Change]:
        """List what differs from its image, in the order of paths."""
        return container_changes(self.rw.commit(), self.image.stack.root)

    @locked
    def export(self) -> bytes:
        """Give its tree as a tar, without what is mounted."""
        return trees.pack(self.rw, "/", "")

    def copy_table(self) -> MountTable:
        """
        Give its file system as ``docker cp`` sees it: volumes and binds, no tmpfs.

        Raises:
            EngineError: Something cannot be mounted.
        """
        user = self.id if self.state.running else f"cp:{self.id}"
        try:
            return rootfs.build_root(
                self.rw,
                self.mount_points,
                self.host_config.get("Tmpfs") or {},
                host=self.engine.host,
                merged=self.merged,
                container_id=user,
                for_copy=True,
            )
        finally:
            if user != self.id:
                rootfs.release_volumes(self.mount_points, user)

    @locked
    def get_archive(self, path: str) -> tuple[bytes, dict[str, Any]]:
        """
        Give a file or a tree as a tar, and what it is; running or stopped.

        Raises:
            NotFound: It is not there.
            System: A slash at the end asks for a directory, which it is not.
        """
        table = self.copy_table()
        shown = self._status_in(table, path)
        place = path if path.startswith("/") else f"/{path}"
        inside = place.endswith("/.")
        place = place.removesuffix("/.").rstrip("/") or "/"
        return trees.pack(table, place, "." if inside else shown["name"]), shown

    @locked
    def path_status(self, path: str) -> dict[str, Any]:
        """
        Tell what is at a path, as `get_archive` does.

        Raises:
            NotFound: There is nothing.
            System: A slash at the end asks for a directory, which it is not.
        """
        return self._status_in(self.copy_table(), path)

    def _status_in(self, table: MountTable, path: str) -> dict[str, Any]:
        place = path if path.startswith("/") else f"/{path}"
        place = place.removesuffix("/.").rstrip("/") or "/"
        try:
            status = table.lstat(place)
            link = table.readlink(place) if table.islink(place) else ""
        except UnionFSError as error:
            msg = f"Could not find the file {path} in container {self.name}"
            raise NotFound(msg) from error
        if path.endswith(("/", "/.")) and not table.isdir(place):
            # The engine asks for the status of just this path.
            slashed = path if path.startswith("/") else f"/{path}"
            msg = f"lstat {self.merged}{slashed}: not a directory"
            raise System(msg)
        return {
            "name": place.rpartition("/")[2] or "/",
            "size": status.st_size,
            "mode": signals.go_mode(status.st_mode),
            "mtime": timestamp(status.st_mtime_ns),
            "linkTarget": link,
        }

    @locked
    def put_archive(
        self, path: str, data: bytes, *, keep_directories: bool = False
    ) -> bool:
        """
        Put what is in a tar into a directory; modes and numeric owners are kept.

        Args:
            path: The directory.
            data: The tar.
            keep_directories: Whether a directory may not be replaced by something else.

        Raises:
            NotFound: There is no such directory.
            InvalidParameter: It is not one, or that is no tar.
            Forbidden: It is read-only.
        """
        table = self.copy_table()
        place = path if path.startswith("/") else f"/{path}"
        if not table.exists(place):
            msg = f"Could not find the file {path} in container {self.name}"
            raise NotFound(msg)
        if not table.isdir(place):
            msg = "extraction point is not a directory"
            raise InvalidParameter(msg)
        mount = table.mount_at(place)
        if mount.read_only:
            msg = "mounted volume is marked read-only"
            raise Forbidden(msg)
        if mount.parent is None and self.host_config.get("ReadonlyRootfs"):
            msg = "container rootfs is marked read-only"
            raise Forbidden(msg)
        try:
            trees.unpack(table, place, data, keep_directories=keep_directories)
        except tarfile.TarError as error:
            raise InvalidParameter(str(error)) from error
        except UnionFSError as error:
            raise System(str(error)) from error
        return True

    @locked
    def commit(
        self,
        repository: str | None = None,
        tag: str = "",
        *,
        message: str = "",
        author: str = "",
        changes: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> Image:
        """
        Make an image of it: its own layer on top, without what is mounted.

        Args:
            repository: The name of the image; none leaves it without.
            tag: The tag.
            message: What the history says.
            author: Who.
            changes: Instructions of a Dockerfile such as ``CMD ["ls"]``.
            config: Members of the config that are to be other ones.

        Raises:
            InvalidParameter: A name or a change makes no sense.
        """
        layer = self.rw.commit()
        made = full_config({**self.config, **(config or {})})
        for text in changes:
            change(made, parse_change(text))
        value = derive(
            self.image.value,
            config=made,
            layer=layer if len(layer) else None,
            created=timestamp(self.engine.clock()),
            created_by=" ".join(self.argv),
            comment=message,
            author=author,
            container=self.id,
            container_config=full_config(self.config),
        )
        image = self.engine.images.add(value, parent=self.image.id, comment=message)
        self.engine.events.container(self, "commit", imageID=image.id, comment=message)
        if repository:
            image.tag(repository, tag)
        return image

    @locked
    def explain(self, path: str) -> Explanation:
        """
        Tell who answers for a path: the union, and which layer, or a mount.

        Raises:
            UnionFSError: A directory on the way is missing.
        """
        if self._table is not None:
            self.filesystem(User())
            return self._table.explain(path)
        host = self.engine.host
        points = [
            point
            for point in self.mount_points
            if point.type != "bind" or host.fs.exists(point.source)
        ]
        table = rootfs.build_root(
            self.rw.fork(),  # so that looking makes no mount points
            points,
            {},
            host=host,
            merged=self.merged,
            container_id=f"look:{self.id}",
            for_copy=True,
        )
        rootfs.release_volumes(points, f"look:{self.id}")
        return table.explain(path)

    @locked
    def why_lost(self) -> list[Loss]:
        """List what would be lost by removing it."""
        return losses(self)

    def __repr__(self) -> str:
        """Show the id, as the Docker SDK does."""
        return f"<Container: {self.short_id}>"
