"""
A small ``docker`` command line over the library, for recorded sessions alone.

It words answers and errors as the recorded client did.  Who wants a client takes the
real one.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Callable
from typing import Any

from unionfs_sim.containers import mountflag, trees
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.errors import (
    EngineError,
    NotFound,
    NotModified,
)
from unionfs_sim.containers.spec import is_anonymous

VALUED = {
    "--name": "name", "-v": "volume", "--volume": "volume", "--mount": "mount",
    "--tmpfs": "tmpfs", "--volumes-from": "volumes_from", "--network": "network",
    "--net": "network", "-u": "user", "--user": "user", "-w": "workdir", "-e": "env",
    "-p": "publish", "--expose": "expose", "--hostname": "hostname", "--dns": "dns",
    "--add-host": "add_host", "--mac-address": "mac", "--link": "link", "--ip": "ip",
    "--volume-driver": "volume_driver", "--label": "label", "--restart": "restart",
    "--entrypoint": "entrypoint",
}  # fmt: skip
FLAGS = {"--rm", "--read-only", "-P", "-d", "-i", "-t", "-dit", "-it", "-di"}


class RefusedError(Exception):
    """What the client itself says, and its exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Client:
    """Runs command lines."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.out = ""
        self.err = ""

    def run(self, argv: list[str]) -> tuple[int, str, str]:
        """Run one command line, and give exit code, output and complaints."""
        self.out = self.err = ""
        name, *args = argv
        if name in {"volume", "network", "image"} and args:
            name = f"{name}_{args.pop(0)}"
        verb: Callable[[list[str]], int] = getattr(self, f"do_{name}")
        try:
            return verb(args), self.out, self.err
        except RefusedError as refused:
            self.err += refused.text + "\n"
            return refused.code, self.out, self.err
        except EngineError as error:
            self.err += f"Error response from daemon: {error}\n"
            return 1, self.out, self.err

    # --- making and running -------------------------------------------------------

    def _options(
        self, verb: str, args: list[str]
    ) -> tuple[dict[str, list[str]], list[str]]:
        given: dict[str, list[str]] = {}
        while args and args[0].startswith("-") and args[0] != "-":
            flag = args.pop(0)
            if flag in VALUED:
                given.setdefault(VALUED[flag], []).append(args.pop(0))
            elif flag in FLAGS:
                given.setdefault(flag, []).append("")
            else:
                text = f"unknown flag: {flag}\nSee 'docker {verb} --help'."
                raise RefusedError(text, 125)
        return given, args

    def _body(
        self, verb: str, args: list[str]
    ) -> tuple[dict[str, Any], str | None, set[str]]:
        given, rest = self._options(verb, args)
        flags = {key for key in given if key.startswith("-")}
        one = {key: values[-1] for key, values in given.items()}
        image, *command = rest
        mounts = []
        for text in given.get("mount", []):
            try:
                mounts.append(dict(mountflag.read_fields(text)))
            except mountflag.FlagError as error:
                raise RefusedError(
                    f"{error}\nSee 'docker {verb} --help'.", 125
                ) from error
        written = list(dict.fromkeys(given.get("volume", [])))
        anonymous = [text for text in written if is_anonymous(text)]
        binds = [text for text in written if not is_anonymous(text)]
        network = one.get("network", "default")
        if given.get("link") and network.startswith("container:"):
            text = (
                "docker: links are only supported for user-defined networks.\n"
                f"See 'docker {verb} --help'."
            )
            raise RefusedError(text, 125)
        host: dict[str, Any] = {
            "NetworkMode": network,
            "Binds": binds or None,
            "VolumesFrom": given.get("volumes_from"),
            "AutoRemove": "--rm" in flags,
            "ReadonlyRootfs": "--read-only" in flags,
            "PublishAllPorts": "-P" in flags,
            "VolumeDriver": one.get("volume_driver", ""),
            "Dns": given.get("dns", []),
            "ExtraHosts": given.get("add_host"),
        }
        if mounts:
            host["Mounts"] = mounts
        if "tmpfs" in given:
            host["Tmpfs"] = dict(text.partition(":")[::2] for text in given["tmpfs"])
        ports = [text.rpartition(":")[2] for text in given.get("publish", [])]
        if ports:
            host["PortBindings"] = {f"{port}/tcp": [{}] for port in ports}
        exposed = [*ports, *given.get("expose", [])]
        body: dict[str, Any] = {
            "Image": image,
            "Cmd": command or None,
            "User": one.get("user", ""),
            "WorkingDir": one.get("workdir", ""),
            "Hostname": one.get("hostname", ""),
            "MacAddress": one.get("mac"),
            "Env": given.get("env"),
            "Volumes": {text: {} for text in anonymous} or None,
            "ExposedPorts": {f"{port}/tcp": {} for port in exposed} or None,
            "Tty": any("t" in flag for flag in flags if re.fullmatch("-[dit]+", flag)),
            "OpenStdin": any(
                "i" in flag for flag in flags if re.fullmatch("-[dit]+", flag)
            ),
            "HostConfig": host,
        }
        body["Tty"] = False  # nobody looks at prompts here
        if "ip" in one:
            ipam = {"IPAMConfig": {"IPv4Address": one["ip"]}}
            body["NetworkingConfig"] = {"EndpointsConfig": {network: ipam}}
        return body, one.get("name"), flags

    def do_create(self, args: list[str]) -> int:
        body, name, _ = self._body("create", args)
        made = self.engine.containers.create_from(body, name)
        self.out += f"{made.id}\n"
        return 0

    def do_run(self, args: list[str]) -> int:
        body, name, flags = self._body("run", args)
        detached = any("d" in flag for flag in flags if re.fullmatch("-[dit]+", flag))
        try:
            made = self.engine.containers.create_from(body, name)
        except NotFound as error:
            if "No such image" in str(error):
                return 125
            return self._run_refused(error)
        except EngineError as error:
            return self._run_refused(error)
        if detached:
            self.out += f"{made.id}\n"
        try:
            made.start()
        except EngineError as error:
            self.err += f"docker: Error response from daemon: {_stopped(str(error))}\n"
            text = str(error)
            if re.search("executable file not found|no such file or directory", text):
                return 127
            return 126 if "permission denied" in text else 125
        if detached:
            return 0
        code = int(made.wait()["StatusCode"])
        self.out += made.logs(stderr=False).decode()
        self.err += made.logs(stdout=False).decode()
        return code

    def _run_refused(self, error: EngineError) -> int:
        self.err += f"docker: Error response from daemon: {_stopped(str(error))}\n"
        self.err += "See 'docker run --help'.\n"
        return 125

    def do_start(self, args: list[str]) -> int:
        attach = args[0] == "-a"
        name = args[-1]
        before = 0
        try:
            made = self.engine.containers.get(name)
            before = len(made.logs(stderr=False))
            with contextlib.suppress(NotModified):
                made.start()
        except EngineError as error:
            self.err += f"Error response from daemon: {error}\n"
            self.err += f"Error: failed to start containers: {name}\n"
            return 1
        if attach:
            code = int(made.wait()["StatusCode"])
            self.out += made.logs(stderr=False).decode()[before:]
            return code
        self.out += f"{name}\n"
        return 0

    def _timed(self, args: list[str], verb: str) -> int:
        if args[0] == "-t":
            timeout, args = float(args[1]), args[2:]
        else:
            timeout = 10.0
        for name in args:
            with contextlib.suppress(NotModified):
                getattr(self.engine.containers.get(name), verb)(timeout)
            self.out += f"{name}\n"
        return 0

    def do_stop(self, args: list[str]) -> int:
        return self._timed(args, "stop")

    def do_restart(self, args: list[str]) -> int:
        return self._timed(args, "restart")

    def do_kill(self, args: list[str]) -> int:
        for name in args:
            self.engine.containers.get(name).kill()
            self.out += f"{name}\n"
        return 0

    def do_wait(self, args: list[str]) -> int:
        for name in args:
            self.out += f"{self.engine.containers.get(name).wait()['StatusCode']}\n"
        return 0

    def do_rename(self, args: list[str]) -> int:
        self.engine.containers.get(args[0]).rename(args[1])
        return 0

    def do_rm(self, args: list[str]) -> int:
        flags = "".join(args.pop(0) for arg in list(args) if arg.startswith("-"))
        failed = 0
        for name in args:
            try:
                found = self.engine.containers.get(name)
            except NotFound:
                self.err += f"Error: No such container: {name}\n"
                failed = 0 if "f" in flags else 1
                continue
            found.remove(v="v" in flags, force="f" in flags)
            self.out += f"{name}\n"
        return failed

    def do_exec(self, args: list[str]) -> int:
        options: dict[str, Any] = {}
        detach = False
        while args[0].startswith("-"):
            flag = args.pop(0)
            if flag == "-d":
                detach = True
            elif flag in {"-u", "-w", "-e"}:
                key = {"-u": "user", "-w": "workdir", "-e": "environment"}[flag]
                value = args.pop(0)
                options[key] = [value] if flag == "-e" else value
        name, *argv = args
        try:
            found = self.engine.containers.get(name)
        except NotFound:
            self.err += f"Error: No such container: {name}\n"
            return 1
        result = found.exec_run(argv, demux=True, detach=detach, **options)
        if detach:
            return 0
        out, err = result.output
        self.out += (out or b"").decode()
        self.err += (err or b"").decode()
        return int(result.exit_code or 0)

    # --- showing ------------------------------------------------------------------

    def do_inspect(self, args: list[str]) -> int:
        form, names, size = None, [], False
        while args:
            arg = args.pop(0)
            if arg in {"-f", "--format"}:
                form = args.pop(0)
            elif arg == "-s":
                size = True
            else:
                names.append(arg)
        found, failed = [], 0
        for name in names:
            try:
                found.append(self.engine.containers.get(name).inspect(size=size))
            except NotFound:
                self.err += f"Error: No such object: {name}\n"
                failed = 1
        self._show(found, form)
        return failed

    def _show(self, found: list[Any], form: str | None) -> None:
        if form is None:
            self.out += json.dumps(found, indent=4) + "\n"
            return
        for each in found:
            self.out += render(form, each) + "\n"
        if not found:
            self.out += "\n"

    def do_ps(self, args: list[str]) -> int:
        form, filters, everything, quiet = None, {}, False, False
        while args:
            arg = args.pop(0)
            if arg == "--format":
                form = args.pop(0)
            elif arg == "--filter":
                key, _, value = args.pop(0).partition("=")
                filters[key] = value
            else:
                everything = everything or "a" in arg
                quiet = quiet or "q" in arg
        rows = []
        for each in self.engine.containers.list(everything, filters=filters):
            points = [p for p in each.mount_points if p.type != "tmpfs"]
            command = " ".join(
                f"'{word}'" if " " in word else word for word in each.argv
            )
            rows.append(
                {
                    "ID": each.short_id,
                    "Image": each.config["Image"],
                    "Command": f'"{command}"',
                    "RunningFor": "3 seconds ago",
                    "Status": each.state.shown(self.engine.clock()),
                    "Ports": "",
                    "Names": each.name,
                    "Mounts": ",".join(p.name or p.source for p in points),
                    "LocalVolumes": str(sum(bool(p.name) for p in points)),
                }
            )
        if quiet:
            form = "{{.ID}}"
        if form is None:
            self.out += "CONTAINER ID  IMAGE  COMMAND  CREATED  STATUS  PORTS  NAMES\n"
            form = "{{.ID}}  {{.Image}}  {{.Command}}  {{.RunningFor}}  {{.Status}}  {{.Names}}"
        for row in rows:
            self.out += render(form, row) + "\n"
        return 0

    def do_diff(self, args: list[str]) -> int:
        for change in self.engine.containers.get(args[0]).diff():
            self.out += f"{change}\n"
        return 0

    # --- volumes and networks -----------------------------------------------------

    def do_volume_create(self, args: list[str]) -> int:
        driver, options, labels, name = "local", {}, {}, None
        while args:
            arg = args.pop(0)
            if arg in {"-d", "--driver"}:
                driver = args.pop(0)
            elif arg in {"-o", "--opt"}:
                key, _, value = args.pop(0).partition("=")
                options[key] = value
            elif arg == "--label":
                key, _, value = args.pop(0).partition("=")
                labels[key] = value
            elif arg != "--":
                name = arg
        made = self.engine.volumes.create(name, driver, options, labels)
        self.out += f"{made.name}\n"
        return 0

    def do_volume_ls(self, args: list[str]) -> int:
        filters: dict[str, list[str]] = {}
        quiet = False
        while args:
            arg = args.pop(0)
            if arg == "-f":
                key, _, value = args.pop(0).partition("=")
                filters.setdefault(key, []).append(value)
            quiet = quiet or arg == "-q"
        if not quiet:
            self.out += "DRIVER    VOLUME NAME\n"
        for each in self.engine.volumes.list(filters):
            self.out += f"{each.name}\n" if quiet else f"{each.driver:<10}{each.name}\n"
        return 0

    def do_volume_inspect(self, args: list[str]) -> int:
        form = None
        if "--format" in args:
            at = args.index("--format")
            form = args[at + 1]
            del args[at : at + 2]
        found, failed = [], 0
        for name in args:
            try:
                found.append(self.engine.volumes.get(name).attrs())
            except NotFound:
                self.err += f"Error: No such volume: {name}\n"
                failed = 1
        self._show(found, form)
        return failed

    def do_volume_rm(self, args: list[str]) -> int:
        force = args[0] == "-f"
        failed = 0
        for name in args[force:]:
            try:
                self.engine.volumes.remove(name, force=force)
                self.out += f"{name}\n"
            except NotFound:
                self.err += f"Error: No such volume: {name}\n"
                failed = 1
        return failed

    def do_volume_prune(self, args: list[str]) -> int:
        filters: dict[str, list[str]] = {}
        if "--filter" in args:
            key, _, value = args[args.index("--filter") + 1].partition("=")
            filters[key] = [value]
        done = self.engine.volumes.prune(all=True, filters=filters)
        if done.names:
            names = sorted(done.names, key=lambda name: (len(name) == 64, name))
            self.out += "Deleted Volumes:\n" + "".join(f"{x}\n" for x in names) + "\n"
        self.out += "Total reclaimed space: 0B\n"
        return 0

    def do_network_create(self, args: list[str]) -> int:
        options: dict[str, str] = {}
        while args[0].startswith("--"):
            flag = args.pop(0)
            options[flag[2:].replace("-", "_")] = args.pop(0)
        self.out += f"{self.engine.networks.create(args[0], **options).id}\n"  # type: ignore[arg-type]
        return 0

    def do_network_rm(self, args: list[str]) -> int:
        try:
            self.engine.networks.remove(args[0])
        except NotFound:
            self.err += f"Error: No such network: {args[0]}\n"
            return 1
        self.out += f"{args[0]}\n"
        return 0

    def do_network_inspect(self, args: list[str]) -> int:
        self._show([self.engine.networks.get(args[0]).attrs], None)
        return 0

    def do_network_ls(self, args: list[str]) -> int:
        for each in sorted(self.engine.networks.list(), key=lambda x: x.name):
            self.out += render(args[1], each.attrs) + "\n"
        return 0

    # --- images -------------------------------------------------------------------

    def do_images(self, args: list[str]) -> int:
        for image in self.engine.images.list():
            for tag in image.tags or ["<none>:<none>"]:
                repository, _, version = tag.rpartition(":")
                row = {"Repository": repository, "Tag": version}
                self.out += render(args[1], row) + "\n"
        return 0

    def do_image_inspect(self, args: list[str]) -> int:
        form = args[1] if args[0] == "-f" else None
        names = args[2:] if form else args
        self._show([self.engine.images.get(name).attrs for name in names], form)
        return 0

    def do_history(self, args: list[str]) -> int:
        form, quiet = None, False
        if args[0] == "--format":
            form, args = args[1], args[2:]
        elif args[0] == "-q":
            quiet, args = True, args[1:]
        rows = self.engine.images.get(args[0]).history()
        if form is None and not quiet:
            self.out += "IMAGE  CREATED  CREATED BY  SIZE  COMMENT\n"
        for row in rows:
            by = row["CreatedBy"]
            short = by if len(by) <= 45 else f"{by[:44]}…"
            values = {
                "ID": row["Id"].removeprefix("sha256:")[:12],
                "CreatedBy": short,
                "Size": human(row["Size"]),
                "Comment": row["Comment"],
            }
            if quiet:
                self.out += f"{values['ID']}\n"
            elif form:
                self.out += render(form, values) + "\n"
            else:
                cells = [values["ID"], "3 seconds ago", short, values["Size"]]
                self.out += (
                    "  ".join(cells + ([row["Comment"]] if row["Comment"] else []))
                    + "\n"
                )
        return 0

    def do_rmi(self, args: list[str]) -> int:
        force = args[0] == "-f"
        for name in args[force:]:
            try:
                done = self.engine.images.remove(name, force=force)
            except NotFound:
                self.err += f"Error: No such image: {name}\n"
                return 1
            for each in done:
                for key, value in each.items():
                    self.out += f"{key}: {value}\n"
        return 0

    def do_commit(self, args: list[str]) -> int:
        changes, message = [], ""
        while args[0].startswith("-"):
            flag, value = args.pop(0), args.pop(0)
            if flag == "-m":
                message = value
            else:
                changes.append(value)
        found = self.engine.containers.get(args[0])
        self.out += f"{found.commit(args[1], message=message, changes=changes).id}\n"
        return 0

    def do_save(self, args: list[str]) -> int:
        try:
            image = self.engine.images.get(args[2])
        except NotFound as error:
            raise NotFound(f"No such image: {args[2]}") from error
        self.engine.host.fs.write_bytes(args[1], image.save())
        return 0

    def do_export(self, args: list[str]) -> int:
        folder = args[1].rpartition("/")[0]
        if not self.engine.host.fs.isdir(folder):
            text = (
                "failed to export container: invalid output path: directory"
                f' "{folder}" does not exist'
            )
            raise RefusedError(text, 1)
        data = self.engine.containers.get(args[2]).export()
        self.engine.host.fs.write_bytes(args[1], data)
        return 0

    def do_import(self, args: list[str]) -> int:
        data = self.engine.host.fs.read_bytes(args[0])
        self.out += f"{self.engine.images.import_image(data, args[1]).id}\n"
        return 0

    # --- copying ------------------------------------------------------------------

    def do_cp(self, args: list[str]) -> int:
        follow = "-L" in args
        source, target = (arg for arg in args if arg not in {"-L", "-a"})
        if ":" in source and ":" in target:
            text = "copying between containers is not supported"
            raise RefusedError(text, 1)
        if ":" in source:
            name, _, path = source.partition(":")
            self._copy_out(name, path, target, follow=follow)
        else:
            name, _, path = target.partition(":")
            self._copy_in(source, name, path)
        return 0

    def _archive(self, name: str, path: str) -> tuple[bytes, dict[str, Any]]:
        try:
            return self.engine.containers.get(name).get_archive(path)
        except NotFound as error:
            raise RefusedError(
                f"Error: No such container:path: {name}:{path}", 1
            ) from error

    def _copy_out(self, name: str, path: str, target: str, *, follow: bool) -> None:
        host = self.engine.host.fs
        data, status = self._archive(name, path)
        if follow and status["linkTarget"]:
            path = status["linkTarget"]
            data, status = self._archive(name, path)
        folder = target.rpartition("/")[0]
        if not host.isdir(folder):
            text = f'invalid output path: directory "{folder}" does not exist'
            raise RefusedError(text, 1)
        contents = path.endswith("/.")
        base = status["name"]
        into = host.isdir(target) and not contents
        where = f"{target}/{base}" if into else target
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                _, _, rest = member.name.partition("/")
                place = f"{where}/{rest}".rstrip("/") if rest else where
                if member.isdir():
                    host.makedirs(place, member.mode, exist_ok=True)
                elif member.issym():
                    host.symlink(member.linkname, place)
                else:
                    file = archive.extractfile(member)
                    host.write_bytes(place, file.read() if file else b"")
                    host.chmod(place, member.mode)

    def _copy_in(self, source: str, name: str, path: str) -> None:
        host = self.engine.host.fs
        plain = source.removesuffix("/.")
        if not host.exists(plain):
            raise RefusedError(f"lstat {source}: no such file or directory", 1)
        found = self.engine.containers.get(name)
        table = found.copy_table()
        base = plain.rpartition("/")[2]
        if table.isdir(path) and not source.endswith("/."):
            folder, called = path, base
        elif table.isdir(path):
            folder, called = path, ""
        else:
            folder, _, called = path.rpartition("/")
            folder = folder or "/"
            if table.exists(path) and host.isdir(plain):
                text = "cannot copy directory"
                raise RefusedError(text, 1)
        data = trees.pack(host, plain, called)
        try:
            found.put_archive(folder, data)
        except NotFound as error:
            raise RefusedError(
                f"Error: No such container:path: {name}:{folder}", 1
            ) from error


def _stopped(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def human(size: int) -> str:
    """Give a size as the client does."""
    value, unit = float(size), "B"
    for each in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, each
    return f"{value:.3g}{unit}"


def render(form: str, value: Any) -> str:
    """Fill in a Go template: paths, ``json``, ``index``."""

    def fill(match: re.Match[str]) -> str:
        text = match[1].strip()
        if text.startswith("json "):
            found = _at(value, text[5:])
            found = None if found is _MISSING else found
            return json.dumps(found, separators=(",", ":"))
        if text.startswith("(index "):
            inner = re.fullmatch(r"\(index (\S+) (\d+)\)(\S*)", text)
            assert inner is not None, text
            found = _at(value, inner[1])[int(inner[2])]
            return go(_at(found, inner[3] or "."))
        return go(_at(value, text))

    return re.sub(r"\{\{(.*?)\}\}", fill, form)


_MISSING = object()


def _at(value: Any, path: str) -> Any:
    for key in path.strip(".").split("."):
        if not key:
            continue
        if not isinstance(value, dict):
            return _MISSING
        value = value.get(key, None if key == "Mounts" else _MISSING)
        if value is _MISSING:
            return _MISSING
    return value


_MOUNT = (
    "Type",
    "Name",
    "Source",
    "Destination",
    "Driver",
    "Mode",
    "RW",
    "Propagation",
)


def go(value: Any) -> str:
    """Print a value as Go does."""
    if value is _MISSING:
        return "<no value>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(go, value))}]"
    if isinstance(value, dict) and "Destination" in value:
        return "{" + " ".join(go(value.get(key, "")) for key in _MOUNT) + "}"
    return "" if value is None else str(value)
