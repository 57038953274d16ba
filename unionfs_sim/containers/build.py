"""
Builds: a Dockerfile, step by step, as the classic builder of Docker does it.

Each step gives an image whose parent is the one before; a step that was done before on
the same image with the same files is not done again.
"""

from __future__ import annotations

import copy
import posixpath
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, final

from unionfs_sim.containers import buildcontext, trees
from unionfs_sim.containers.dockerfile import check_target, parse
from unionfs_sim.containers.dockerwords import expand
from unionfs_sim.containers.errors import (
    ContainerBuildError,
    InvalidParameter,
    NotFound,
    NotImplemented_,
)
from unionfs_sim.containers.healthcheck import health_check, shown_check
from unionfs_sim.containers.ids import short
from unionfs_sim.containers.images import Image, derive
from unionfs_sim.containers.instructions import (
    Config,
    Instruction,
    change,
    changes_config,
    command,
    words_of,
)
from unionfs_sim.containers.programs import DEFAULT_PATH
from unionfs_sim.containers.states import timestamp
from unionfs_sim.containers.users import group_id, user_id
from unionfs_sim.core.filesystem import FileSystem
from unionfs_sim.core.layer import Layer
from unionfs_sim.core.union import UnionFS
from unionfs_sim.errors import UnionFSError
from unionfs_sim.image.image import Image as ImageValue

if TYPE_CHECKING:
    from unionfs_sim.containers.container import Container
    from unionfs_sim.containers.engine import Engine

_NOP: Final = "/bin/sh -c #(nop) "
#: Arguments that every build knows.
_ALWAYS_ARGUMENTS: Final = frozenset(
    name
    for word in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (word, word.lower())
)


def build(
    engine: Engine,
    dockerfile: str,
    context: buildcontext.Context = b"",
    *,
    tags: Sequence[str] = (),
    buildargs: Mapping[str, str] | None = None,
    target: str | None = None,
    nocache: bool = False,
    forcerm: bool = False,
    report: Callable[[str], object] | None = None,
) -> Image:
    """
    Build an image.

    Args:
        engine: The engine.
        dockerfile: The text of the Dockerfile.
        context: The files that may be copied, by name; or a tar of them.
        tags: The names of the image.
        buildargs: Values of ARG.
        target: The stage to stop after.
        nocache: Whether all steps are done, although they were done before.
        forcerm: Whether the container of a command that fails goes as well.
        report: Takes what the builder prints.

    Raises:
        InvalidParameter: The Dockerfile makes no sense, or a file is not there.
        ContainerBuildError: A command ended with another exit code than 0.
        NotFound: There is no such image.

    >>> from unionfs_sim.containers.engine import Engine
    >>> engine = Engine.with_busybox()
    >>> text = "FROM busybox\\nCOPY a /x/\\nRUN echo b > /x/b\\n"
    >>> image = build(engine, text, {"a": "hello"}, tags=["app"])
    >>> engine.containers.run("app", "ls /x", remove=True)
    b'a\\nb\\n'
    """
    fs = buildcontext.open_context(context or {})
    with engine.verb():
        job = _Build(
            engine, fs, buildargs or {}, nocache=nocache, forcerm=forcerm, report=report
        )
        steps = parse(dockerfile)
        check_target(steps, target)
        image = job.run(steps, target)
        for tag in tags:
            image.tag(tag)
            job.say(f"Successfully tagged {image.tags[0]}")
        return image


@final
class _Build:
    """One build."""

    def __init__(
        self,
        engine: Engine,
        context: FileSystem,
        buildargs: Mapping[str, str],
        *,
        nocache: bool,
        forcerm: bool,
        report: Callable[[str], object] | None,
    ) -> None:
        self._engine = engine
        self._context = context
        self._given = buildargs
        self._nocache = nocache
        self._forcerm = forcerm
        self._consumed: set[str] = set()
        self._report = report
        self._stages: dict[str, Image] = {}
        self._arguments: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._image: Image | None = None
        self._base: Image | None = None
        self._scratch = False
        self._author = ""
        self._ran = ""
        self._argv: list[str] = []

    def say(self, line: str) -> None:
        """Print a line."""
        if self._report is not None:
            self._report(f"{line}\n")

    def run(self, steps: list[Instruction], target: str | None) -> Image:
        """Do all steps."""
        stage, stage_name = -1, ""
        for number, step in enumerate(steps, 1):
            self.say(f"Step {number}/{len(steps)} : {step.original}")
            if step.name == "FROM":
                if target is not None and stage_name == target.lower():
                    break
                stage += 1
                stage_name = self._from(step)
            elif step.name == "ARG" and stage < 0:
                self._argument(step, self._globals, self._globals)
                continue
            elif stage < 0:
                msg = "no build stage in current context"
                raise InvalidParameter(msg)
            else:
                self._step(step)
            if self._image is not None:
                self.say(f" ---> {short(self._image.id)}")
                self._stages[str(stage)] = self._image
                if stage_name:
                    self._stages[stage_name] = self._image
        if self._image is None:
            msg = "No image was generated. Is your Dockerfile empty?"
            raise InvalidParameter(msg)
        unused = sorted(set(self._given) - self._consumed - _ALWAYS_ARGUMENTS)
        if unused:
            names = " ".join(unused)
            self.say(f"[Warning] One or more build-args [{names}] were not consumed")
        self.say(f"Successfully built {short(self._image.id)}")
        return self._image

    # --- stages and arguments -----------------------------------------------------

    def _from(self, step: Instruction) -> str:
        words = step.text.split()
        name = expand(words[0], self._globals)
        if not name:
            msg = f"base name ({words[0]}) should not be blank"
            raise InvalidParameter(msg)
        stage_name = words[2].lower() if len(words) == 3 else ""
        self._arguments = {}
        self._author = ""
        if name == "scratch":
            self._image, self._scratch = None, True
            return stage_name
        self._scratch = False
        self._image = self._stages.get(name.lower())
        if self._image is None:
            try:
                self._image = self._engine.images.get(name)
            except NotFound as error:
                msg = (
                    f"pull access denied for {name}, repository does not exist or may"
                    " require 'docker login'"
                )
                raise NotFound(msg) from error
        self._base = self._image
        for text in self._base.config.get("OnBuild") or ():
            self.say("# Executing 1 build trigger")
            for trigger in parse(text):
                self._step(trigger)
        return stage_name

    def _argument(
        self, step: Instruction, where: dict[str, str], variables: Mapping[str, str]
    ) -> str:
        """Set an argument, and give what the history shows of it."""
        name, equals, default = step.text.partition("=")
        default = expand(default, variables)
        self._consumed.add(name)
        value = self._given.get(name)
        if value is None and equals:
            value = default
        if value is None:
            value = self._globals.get(name)
        if value is not None:
            where[name] = value
        return f"{name}={default}" if equals else name

    @property
    def _config(self) -> Config:
        if self._image is None:
            return {"Env": [f"PATH={DEFAULT_PATH}"]}  # also of what is from scratch
        config = copy.deepcopy(dict(self._image.config))
        if self._image is self._base:
            config.pop("OnBuild", None)  # done, and for no child of this one
        return config

    @property
    def _variables(self) -> dict[str, str]:
        env = dict(each.partition("=")[::2] for each in self._config.get("Env") or ())
        return {**self._arguments, **env}

    # --- steps --------------------------------------------------------------------

    def _step(self, step: Instruction) -> None:
        text = step.text
        match step.name:
            case "ARG":
                shown = self._argument(step, self._arguments, self._variables)
                self._save(self._config, f"{_NOP} ARG {shown}", None)
            case "RUN":
                self._run(text)
            case "COPY" | "ADD":
                self._copy(step, text)
            case "WORKDIR":
                self._workdir(step)
            case "MAINTAINER":
                self._author = text
                self._save(self._config, f"{_NOP} MAINTAINER {text}", None)
            case "HEALTHCHECK":
                config = self._config
                config["Healthcheck"] = health_check(step)
                shown = shown_check(config["Healthcheck"])
                self._save(config, f"{_NOP} HEALTHCHECK {shown}", None)
            case name if changes_config(name):
                config = self._config
                if name == "ENTRYPOINT":
                    config.pop("Cmd", None)
                shown = change(config, step, self._variables)
                self._save(config, f"{_NOP}{shown}", None)
            case _:
                msg = f"{step.name} is not supported"
                raise NotImplemented_(msg)

    def _save(
        self,
        config: Config,
        created_by: str,
        layer: Callable[[], Layer | None] | None,
        *,
        contained: bool = True,
    ) -> None:
        """
        Make the image of a step, or find the one that it made before.

        Args:
            config: What containers of it start with.
            created_by: The step, as the history says it.
            layer: Makes its layer, if there is one.
            contained: Whether it takes a container: copying does not [build-inspect].
        """
        parent = "" if self._image is None else self._image.id
        config["Image"] = parent
        cache = self._engine.build_cache
        chain = (parent, created_by)
        known = self._engine.images.find(cache.get(chain, ""))
        if known is not None and not self._nocache:
            self.say(" ---> Using cache")
            self._image = known
            return
        self._ran = ""
        made = None if layer is None else layer()
        base: ImageValue | None = None if self._image is None else self._image.value
        container = (self._ran or self._engine.ids()) if contained else ""
        value = derive(
            base,
            config=config,
            layer=made,
            created=timestamp(self._engine.clock()),
            created_by=created_by,
            author=self._author,
            container=container,
            container_config=self._container_config(config, created_by, container),
        )
        if contained and not self._ran:
            # The classic builder makes a container for what only changes the config.
            self.say(f" ---> Running in {short(container)}")
            self.say(f"Removing intermediate container {short(container)}")
        self._image = self._engine.images.add(value, parent=parent)
        cache[chain] = self._image.id

    def _container_config(
        self, config: Config, created_by: str, container: str
    ) -> Config:
        """Give what the container of a step was, or would have been, made with."""
        if self._ran:
            return {**config, "Cmd": self._argv, "Entrypoint": None}
        shell, option, done = created_by.split(" ", 2)
        # Two blanks: the classic builder gave its container two words [build].
        words = done.split("  ", 1)
        argv = [shell, option, f"{words[0]} ", *words[1:]] if words[1:] else (
            [shell, option, done])  # fmt: skip
        made = {**config, "Hostname": short(container), "Cmd": argv}
        return {**made, "Labels": config.get("Labels") or {}} if container else made

    def _run(self, text: str) -> None:
        config = self._config
        argv = command(text, config.get("Shell"))
        given = [f"{k}={v}" for k, v in sorted(self._arguments.items())]
        self._argv = [f"|{len(given)}", *given, *argv] if given else argv
        self._save(config, " ".join(self._argv), lambda: self._executed(argv))

    def _executed(self, argv: list[str]) -> Layer | None:
        """Run a command in a container of the image, and give what it changed, if so."""
        if self._image is None:
            msg = "a step of an empty image cannot run anything"
            raise InvalidParameter(msg)
        env = [*(self._config.get("Env") or ())]
        env += [f"{k}={v}" for k, v in self._arguments.items()]
        body: dict[str, Any] = {
            "Image": self._image.id,
            "Entrypoint": argv,
            "Env": env,
            "HostConfig": {},
        }
        container = self._engine.containers.create_from(body)
        self._ran = container.id
        self.say(f" ---> Running in {container.short_id}")
        container.start()
        code = int(container.wait()["StatusCode"])
        log = container.logs().decode("utf-8", "replace")
        for line in log.splitlines():
            self.say(line)
        if code:
            if self._forcerm:
                self._removed(container)
            msg = f"The command '{' '.join(argv)}' returned a non-zero code: {code}"
            raise ContainerBuildError(msg, code, log)
        layer = container.rw.commit()
        self._removed(container)
        return layer if len(layer) else None

    def _removed(self, container: Container) -> None:
        container.remove(v=True, force=True)
        self.say(f"Removing intermediate container {container.short_id}")

    def _workdir(self, step: Instruction) -> None:
        config = self._config
        shown = change(config, step, self._variables)
        path = str(config["WorkingDir"])

        def made() -> Layer | None:
            fs = self._view()
            if fs.isdir(path):
                return None
            fs.makedirs(path)
            return fs.commit()

        self._save(config, f"{_NOP}{shown}", made)

    def _view(self) -> UnionFS:
        clock = self._engine.clock
        if self._image is None:
            return UnionFS(clock=clock)
        return UnionFS(self._image.layers, clock=clock)

    # --- copying ------------------------------------------------------------------

    def _copy(self, step: Instruction, text: str) -> None:
        *names, target = [expand(word, self._variables) for word in words_of(text)]
        fs: FileSystem = self._context
        if "from" in step.flags:
            fs = self._other(step.flags["from"])
        if any("://" in name for name in names):
            msg = "ADD of a URL is not supported: nothing here reaches a network"
            raise NotImplemented_(msg)
        found = buildcontext.sources(fs, names, step.name)
        place = target
        if not target.startswith("/"):
            work = str(self._config.get("WorkingDir") or "/")
            place = posixpath.join(work, target)
        several = len(found) > 1
        if several and not target.endswith(("/", ".")):
            msg = (
                f"When using {step.name} with more than one source file, the"
                " destination must be a directory and end with a /"
            )
            raise InvalidParameter(msg)
        printed = buildcontext.fingerprint(fs, found)
        flags = "".join(f"--{k}={v} " for k, v in step.flags.items() if k != "from")
        created_by = f"{_NOP}{step.name} {flags}{printed} in {target} "
        self._save(
            self._config,
            created_by,
            lambda: self._copied(step, fs, found, place),
            contained=False,
        )

    def _other(self, name: str) -> FileSystem:
        """Give the files of another stage, or of an image."""
        image = self._stages.get(name.lower())
        if image is None:
            try:
                image = self._engine.images.get(name)
            except NotFound as error:
                msg = f"invalid from flag value {name}: {error.message}"
                raise NotFound(msg) from error
        return UnionFS(image.layers, read_only=True)

    def _copied(
        self,
        step: Instruction,
        source_fs: FileSystem,
        found: list[buildcontext.Source],
        target: str,
    ) -> Layer:
        fs = self._view()
        chown = expand(step.flags.get("chown", ""), self._variables)
        owner = self._owner(fs, chown)
        into = target.endswith(("/", "/.")) or fs.isdir(target)
        place = posixpath.normpath(target)
        try:
            for source in found:
                if source.directory:
                    _make(fs, place, owner)
                    _copy_tree(source_fs, source.path, fs, place, owner)
                    continue
                if step.name == "ADD":
                    data = source_fs.read_bytes(source.path)
                    if buildcontext.is_archive(data):
                        _make(fs, place, owner)
                        trees.unpack(fs, place, data)
                        continue
                goal = posixpath.join(place, source.name) if into else place
                _make(fs, posixpath.dirname(goal), owner)
                _copy_one(source_fs, source.path, fs, goal, owner)
        except UnionFSError as error:
            msg = f"{step.name} failed: {error}"
            raise InvalidParameter(msg) from error
        return fs.commit()

    def _owner(self, fs: FileSystem, text: str) -> tuple[int, int]:
        if not text:
            return 0, 0
        user, _, group = text.partition(":")
        uid = user_id(fs, user)
        gid = group_id(fs, group) if group else uid
        if uid is None or gid is None:
            msg = f"unable to convert uid/gid chown string to host mapping: {text}"
            raise InvalidParameter(msg)
        return uid, gid


def _make(fs: FileSystem, path: str, owner: tuple[int, int]) -> None:
    """Make a directory and its parents, mode 0755."""
    missing = []
    while path != "/" and not fs.isdir(path):
        missing.append(path)
        path = posixpath.dirname(path)
    for each in reversed(missing):
        fs.mkdir(each, 0o755)
        fs.chown(each, *owner)


def _copy_tree(
    source: FileSystem, path: str, fs: FileSystem, target: str, owner: tuple[int, int]
) -> None:
    for top, directories, files in source.walk(path):
        below = posixpath.normpath(target + top[len(path.rstrip("/")) :])
        for name in directories:
            goal = posixpath.join(below, name)
            origin = posixpath.join(top, name)
            if source.islink(origin):
                _copy_one(source, origin, fs, goal, owner)
                continue
            _make(fs, goal, owner)
            fs.chmod(goal, stat.S_IMODE(source.stat(origin).st_mode))
        for name in files:
            _copy_one(
                source,
                posixpath.join(top, name),
                fs,
                posixpath.join(below, name),
                owner,
            )


def _copy_one(
    source: FileSystem, path: str, fs: FileSystem, target: str, owner: tuple[int, int]
) -> None:
    status = source.lstat(path)
    if fs.exists(target) or fs.islink(target):
        fs.unlink(target)
    if stat.S_ISLNK(status.st_mode):
        fs.symlink(source.readlink(path), target)
        fs.chown(target, *owner, follow_symlinks=False)
        return
    fs.write_bytes(target, source.read_bytes(path))
    fs.chown(target, *owner)
    fs.chmod(target, stat.S_IMODE(status.st_mode))
    fs.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
