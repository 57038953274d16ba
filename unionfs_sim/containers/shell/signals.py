"""Builtins of the shell on signals and jobs: ``kill``, ``trap``, ``wait``."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Final

from unionfs_sim.containers.commands.kill import (
    no_process,
    read_request,
    send,
    signal_number,
)
from unionfs_sim.containers.process import Exit
from unionfs_sim.containers.scheduling import Steps, at_once
from unionfs_sim.containers.shell.running import Shell

_INIT_PID: Final = 1
#: What ash says of a command that a signal ended; of these it says nothing.
_SILENT: Final = frozenset({signal.SIGINT, signal.SIGPIPE})


def kill(shell: Shell, argv: list[str]) -> Steps[int]:
    """Send a signal, as the command does; it knows the shell's jobs as well."""
    request = read_request(argv[1:])
    if request.names:
        shell.write("".join(f"{name}\n" for name in request.names))
    if request.complaint:
        return at_once(_complain(shell, request.complaint))
    failed = 0
    for word in request.targets:
        failed |= _kill(shell, word, request.number)
    return at_once(failed)


def _kill(shell: Shell, word: str, number: int) -> int:
    if word == str(shell.process.pid):
        _signal_itself(shell, number)
        return 0
    pid = shell.jobs.find(word)
    if pid is not None and shell.jobs.kill(pid, number):
        return 0
    complaint = no_process(word) if pid else send(shell.process, word, number)
    return _complain(shell, complaint) if complaint else 0


def _signal_itself(shell: Shell, number: int) -> None:
    if not number or number == signal.SIGCHLD:
        return
    name = signal.Signals(number).name.removeprefix("SIG")
    if name in shell.traps:
        if shell.traps[name]:
            shell.signals.append(name)
    elif shell.process.pid != _INIT_PID:
        # The first process of a container gets no signal that it does not ask for.
        shell.traps.pop("EXIT", None)
        shell.process.ended_by = number
        raise Exit(128 + number)


def _complain(shell: Shell, text: str) -> int:
    """Complain as the applet does that ash has built in: without the line."""
    shell.write_error(f"sh: {text}\n")
    return 1


def wait(shell: Shell, argv: list[str]) -> Steps[int]:
    """Wait for background commands: ``wait [PID...]``; a trapped signal ends it."""
    pids: list[int] = shell.jobs.numbers()
    if argv[1:]:
        pids = []
        for word in argv[1:]:
            pid = shell.jobs.find(word)
            if pid is None:
                return 127
            pids.append(pid)
    code = 0
    for pid in pids:
        while True:
            code, ended_by = yield from shell.jobs.wait(pid)
            if shell.signals:
                return 128 + (signal_number(shell.signals[0]) or 0)
            if code >= 0:
                break
        if ended_by and ended_by not in _SILENT:
            shell.write_error(f"{signal.strsignal(ended_by)}\n")
    return code if argv[1:] else 0


def trap(shell: Shell, argv: list[str]) -> Steps[int]:
    """Say what is to be done at a signal or at the end: ``trap [SCRIPT] SIGNAL...``."""
    if not argv[1:]:
        for name, script in shell.traps.items():
            quoted = script.replace("'", "'\\''")
            shell.write(f"trap -- '{quoted}' {name}\n")
        return at_once(0)
    words = argv[2:] if argv[1] == "--" else argv[1:]
    script = words.pop(0) if len(words) > 1 else "-"
    failed = 0
    for word in words:
        number = signal_number(word)
        if number is None:
            failed = shell.fail(f"{word}: invalid signal specification")
            continue
        name = signal.Signals(number).name.removeprefix("SIG") if number else "EXIT"
        if script == "-":
            shell.traps.pop(name, None)
            shell.process.on_signal.pop(f"SIG{name}", None)
            continue
        shell.traps[name] = script
        if number:
            shell.process.on_signal[f"SIG{name}"] = _noting(shell, name)
    return at_once(failed)


def _noting(shell: Shell, name: str) -> Callable[[], object]:
    def note() -> None:
        if shell.traps.get(name):
            shell.signals.append(name)

    return note
