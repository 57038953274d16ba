"""What went wrong in a student's code, told without a path of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import attrs

_TEXT_MAX: Final = 300
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+) in (\S+)')


@attrs.frozen(kw_only=True)
class Place:
    """
    A line of the student's code.

    Attributes:
        file: The name of the file.
        line: The number of the line, from 1.
        function: The function that it is in, or ``""``.
    """

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        """Give what people read."""
        return f"{self.file}, line {self.line}"


@attrs.frozen(kw_only=True)
class Fault:
    """
    What ended a task.

    Attributes:
        kind: ``error`` for an exception of the student's code; ``time``, ``output``,
            ``memory``, ``processes`` for a limit; ``exit`` for a process that left;
            ``signal`` for one that was killed; ``syntax`` and ``missing`` for a file
            that cannot be loaded; ``absent`` for one that is not there, ``odd`` for
            a link, pipe, device or directory in its place; ``skipped`` for what did
            not run at all.
        type: The exception's type, the signal's name or the status.
        text: What it says.
        place: The line of the student's code.
    """

    kind: str
    type: str = ""
    text: str = ""
    place: Place | None = None

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object."""
        return {
            "kind": self.kind,
            "type": self.type,
            "text": self.text,
            "place": None if self.place is None else attrs.asdict(self.place),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """Read what `to_json` gave."""
        place = data.get("place")
        return cls(
            kind=data["kind"],
            type=data.get("type", ""),
            text=data.get("text", ""),
            place=Place(**place) if place else None,
        )


def describe(error: BaseException, folder: Path) -> Fault:
    """
    Describe an exception by the innermost line that lies in *folder*.

    >>> describe(KeyError("a"), Path("."))
    Fault(kind='error', type='KeyError', text="'a'", place=None)
    """
    kind, place = "error", innermost(error.__traceback__, folder)
    text = str(error)
    match error:
        case SyntaxError():
            kind, text = "syntax", error.msg
            if error.filename:
                place = Place(file=Path(error.filename).name, line=error.lineno or 1)
        case MemoryError():
            kind = "memory"
        case SystemExit():
            kind = "exit"
        case ImportError():
            kind = "missing"
        case _:
            pass
    return Fault(
        kind=kind,
        type=type(error).__name__,
        text=shortened(text, folder),
        place=place,
    )


def innermost(trace: TracebackType | None, folder: Path) -> Place | None:
    """Find the innermost line of a traceback that lies in a folder."""
    found = None
    while trace is not None:
        code = trace.tb_frame.f_code
        file = Path(code.co_filename)
        if folder in file.parents:
            found = Place(file=file.name, line=trace.tb_lineno, function=code.co_name)
        trace = trace.tb_next
    return found


def from_dump(text: str, folder: Path) -> Place | None:
    """Find where the student's code was when `faulthandler` wrote its frames."""
    for file, line, function in _FRAME.findall(text):
        if folder in Path(file).parents:
            return Place(file=Path(file).name, line=int(line), function=function)
    return None


def shortened(text: str, folder: Path) -> str:
    """Cut a text to one that fits a report, without the folder's path."""
    text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
