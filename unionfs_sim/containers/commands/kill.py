"""``kill``: signals by name or number, to processes by their numbers."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Final, final

import attrs

from unionfs_sim.containers.process import Process, Program


@final
@attrs.define
class Request:
    """
    What the arguments ask for.

    Attributes:
        number: The signal; 0 only asks whether there is such a process.
        targets: To whom.
        names: What ``-l`` is to show.
        complaint: What is wrong with the arguments, if something is.
    """

    number: int = int(signal.SIGTERM)
    targets: list[str] = attrs.field(factory=list)
    names: list[str] = attrs.field(factory=list)
    complaint: str = ""


def signal_number(word: str) -> int | None:
    """
    Give the number of a signal by its name or number; 0 stands for ``EXIT``.

    >>> signal_number("TERM"), signal_number("sighup"), signal_number("9")
    (15, 1, 9)
    """
    name = word.upper().removeprefix("SIG")
    if name in {"0", "EXIT"}:
        return 0
    try:
        found = signal.Signals(int(name)) if name.isdigit() else (
            signal.Signals[f"SIG{name}"])  # fmt: skip
    except (KeyError, ValueError):
        return None
    return int(found)


def read_request(words: list[str]) -> Request:
    """
    Read the arguments.

    >>> read_request(["-HUP", "1"]).number, read_request(["-l", "143"]).names
    (1, ['TERM'])
    """
    request = Request()
    if words[:1] == ["-l"]:
        for word in words[1:]:
            named = signal_number(str(int(word) & 0x7F) if word.isdigit() else word)
            if named is None:
                request.complaint = f"unknown signal '{word}'"
                break
            name = signal.Signals(named).name.removeprefix("SIG")
            request.names.append(name if word.isdigit() else str(named))
        return request
    if words and words[0] == "-s":
        words = [f"-{word}" for word in words[1:2]] + words[2:]
    if words and words[0].startswith("-") and words[0] != "--":
        number = signal_number(words[0][1:])
        if number is None:
            request.complaint = f"bad signal name '{words[0][1:]}'"
            return request
        request.number = number
        words = words[1:]
    request.targets = words[1:] if words[:1] == ["--"] else words
    if not request.targets:
        request.complaint = "you need to specify whom to kill"
    return request


def no_process(word: str) -> str:
    """Give the complaint that there is no such process."""
    return f"can't kill pid {word}: No such process"


def send(process: Process, word: str, number: int) -> str:
    """Send a signal, and give the complaint if that fails."""
    digits = word.lstrip("%-")
    if not digits.isdigit():
        return f"invalid number '{word}'"
    name = signal.Signals(number).name if number else ""
    return "" if process.machine.signal(int(digits), name) else no_process(word)


def kill(process: Process) -> int:
    """Send a signal: ``kill [-SIGNAL] PID...``, or name one: ``kill -l NUMBER``."""
    request = read_request(process.args)
    for name in request.names:
        process.print(name)
    if request.complaint:
        return process.fail(request.complaint)
    failed = 0
    for word in request.targets:
        complaint = send(process, word, request.number)
        failed |= process.fail(complaint) if complaint else 0
    return failed


COMMANDS: Final[Mapping[str, Program]] = {"kill": kill}
