"""Commands about the process and the machine: ``sleep``, ``id``, ``hostname`` ..."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Final

from unionfs_sim.containers.commands.options import Options, reason
from unionfs_sim.containers.process import NotRunnable, Process, Program, execute
from unionfs_sim.containers.scheduling import SECOND_NS, Steps, Wait
from unionfs_sim.containers.users import group_name_of, name_of
from unionfs_sim.errors import UnionFSError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def true(process: Process) -> int:
    """Do nothing, and succeed."""
    return 0


def false(process: Process) -> int:
    """Do nothing, and fail."""
    return 1


def sleep(process: Process) -> Steps[int]:
    """Wait: ``sleep NUMBER[smhd]...``, or for ever."""
    seconds = 0.0
    if not process.args:
        return process.fail("missing operand")
    for word in process.args:
        if word in {"inf", "infinity"}:
            yield from process.wait_forever()
        unit = _UNITS.get(word[-1:])
        try:
            seconds += float(word[:-1]) * unit if unit else float(word)
        except ValueError:
            return process.fail(f"invalid number '{word}'")
    yield from process.sleep(seconds)
    return 0


def hostname(process: Process) -> int:
    """Show or set the host name: ``hostname [-i] [NAME]``."""
    options = Options(process, "dfis")
    if options.args:
        if process.user.uid:
            return process.fail("sethostname: Operation not permitted")
        process.machine.set_hostname(options.args[0])
    elif "i" in options:
        address = process.network.address
        if address == "127.0.0.1":
            # Nothing but the loopback: no file gives the name an address.
            name = process.machine.hostname
            return process.fail(f"{name}: Host name lookup failure")
        process.print(address)
    else:
        process.print(process.machine.hostname)
    return 0


def id_(process: Process) -> int:
    """Show who runs this: ``id [-ugGn]``."""
    options = Options(process, "Ggnru")
    user = process.user
    name = name_of(process.fs, user.uid)
    group = group_name_of(process.fs, user.gid)
    groups = sorted({user.gid, *user.groups})  # as the kernel keeps them
    if "u" in options:
        process.print(name if "n" in options and name else user.uid)
    elif "g" in options:
        process.print(group if "n" in options and group else user.gid)
    elif "G" in options:
        process.print(*dict.fromkeys((user.gid, *groups)))
    else:
        named = ",".join(_named(x, group_name_of(process.fs, x)) for x in groups)
        text = f"uid={_named(user.uid, name)} gid={_named(user.gid, group)}"
        process.print(f"{text} groups={named}")
    return 0


def _named(number: int, name: str | None) -> str:
    return f"{number}({name})" if name else str(number)


def whoami(process: Process) -> int:
    """Show the name of the user."""
    name = name_of(process.fs, process.user.uid)
    if name is None:
        return process.fail(f"unknown uid {process.user.uid}")
    process.print(name)
    return 0


def env(process: Process) -> Steps[int]:
    """Show the environment, or run a command in another: ``env [-i] [N=V]... [C]``."""
    args = list(process.args)
    given = dict(process.env)
    if args[:1] in (["-i"], ["-"]):
        args.pop(0)
        given = {}
    while args and "=" in args[0]:
        name, _, value = args.pop(0).partition("=")
        given[name] = value
    if not args:
        process.stdout.write("".join(f"{k}={v}\n" for k, v in given.items()))
        return 0
    try:
        return (yield from process.run(args, env=given))
    except NotRunnable as error:
        return process.fail(f"can't execute '{args[0]}': {error.reason}", error.code)


def pwd(process: Process) -> int:
    """Show the working directory."""
    process.print(process.cwd)
    return 0


def date(process: Process) -> int:
    """Show the time: ``date [-u] [+FORMAT]``."""
    options = Options(process, "Rd:u")
    form = "%a %b %e %H:%M:%S UTC %Y"
    if options.args and options.args[0].startswith("+"):
        form = options.args[0][1:]
    seconds = process.now_ns // 1_000_000_000
    if options.get("d").startswith("@"):
        seconds = int(options["d"][1:])
    form = form.replace("%s", str(seconds))
    process.print(time.strftime(form, time.gmtime(seconds)))
    return 0


def uname(process: Process) -> int:
    """Show what machine this is: ``uname [-asnrm]``."""
    options = Options(process, "amnorsv")
    values = {
        "s": "Linux",
        "n": process.machine.hostname,
        "r": "6.18.0",
        "v": "#1 SMP",
        "m": "x86_64",
        "o": "GNU/Linux",
    }
    wanted = [x for x in values if x in options or "a" in options] or ["s"]
    process.print(*(values[x] for x in wanted))
    return 0


def which(process: Process) -> int:
    """Show where programs are: ``which NAME...``."""
    failed = 0
    for name in process.args:
        for directory in process.env.get("PATH", "/bin").split(":"):
            path = f"{directory}/{name}"
            if process.fs.isfile(path) and process.fs.access(path, 1):
                process.print(path)
                break
        else:
            failed = 1
    return failed


def mount(process: Process) -> int:
    """Show what is mounted."""
    for row in process.fs.read_text("/proc/mounts").splitlines():
        what, where, kind, options = row.split()[:4]
        process.print(f"{what} on {where} type {kind} ({options})")
    return 0


def df(process: Process) -> int:
    """Show how full file systems are: ``df [PATH...]``."""
    process.print("Filesystem           1K-blocks      Used Available Use% Mounted on")
    names = [arg for arg in process.args if not arg.startswith("-")] or ["/"]
    for name in names:
        found = process.fs.statvfs(process.path(name))
        scale = max(1, found.f_frsize) / 1024
        size = int(found.f_blocks * scale)
        free = int(found.f_bavail * scale)
        used = int((found.f_blocks - found.f_bfree) * scale)
        share = -(-used * 100 // size) if size else 0
        process.print(f"overlay {size:>21} {used:>9} {free:>9} {share:>3}% {name}")
    return 0


def digest(process: Process) -> Steps[int]:
    """Show digests of files: ``md5sum``, ``sha1sum``, ``sha256sum``, ``sha512sum``."""
    kind = process.name.removesuffix("sum")
    failed = 0
    for name in process.args or ["-"]:
        try:
            if name == "-":
                data = yield from process.stdin.read()
            else:
                data = process.fs.read_bytes(process.path(name))
        except UnionFSError as error:
            failed = process.fail(f"can't open '{name}': {reason(error)}")
            continue
        found = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
        process.print(f"{found}  {name}")
    return failed


def ps(process: Process) -> int:
    """Show the process itself, for it sees no other."""
    process.print("PID   USER     TIME  COMMAND")
    name = name_of(process.fs, process.user.uid) or process.user.uid
    process.print(f"{process.pid:>5} {name:<8}  0:00 {' '.join(process.argv)}")
    return 0


def timeout(process: Process) -> Steps[int]:
    """Run a command for some time at most: ``timeout SECONDS COMMAND...``."""
    options = Options(process, "k:s:t:", mixed=False)
    seconds, *argv = options.args
    child = process.child(argv)
    task = process.background(execute(child))
    until_ns = process.now_ns + int(float(seconds.rstrip("s")) * SECOND_NS)
    while not task.done and process.now_ns < until_ns:
        yield Wait((task.ended,), until_ns)
    if not task.done:
        task.kill(143)
        return 143
    return task.code or 0


COMMANDS: Final[Mapping[str, Program]] = {
    "date": date,
    "df": df,
    "env": env,
    "false": false,
    "hostname": hostname,
    "id": id_,
    "md5sum": digest,
    "mount": mount,
    "ps": ps,
    "pwd": pwd,
    "sha1sum": digest,
    "sha256sum": digest,
    "sha512sum": digest,
    "sleep": sleep,
    "sync": true,
    "timeout": timeout,
    "true": true,
    "uname": uname,
    "which": which,
    "whoami": whoami,
}
