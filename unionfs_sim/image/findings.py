"""What a check found, and how the errors of a reader become findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal, ParamSpec, TypeAlias, TypeVar

import attrs

from unionfs_sim.errors import FormatError, MissingExtraError
from unionfs_sim.image.limits import Oddity

#: ``error``: `open_image` refuses it, or would if it were asked for that part;
#: ``warning``: it is read all the same.
Severity: TypeAlias = Literal["error", "warning"]

#: What one layer has to say at most; the rest is counted.
_FINDINGS_OF_LAYER_MAX: Final = 1000

_T = TypeVar("_T")
_P = ParamSpec("_P")

_REPR: Final = r"""(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")"""

#: What an error of the reader says first: where it is, in up to two steps.
_PLACE: Final = re.compile(
    r"(?:(?:layer \d+(?: \([^)]*\))?|(?:blob )?[a-z0-9]+:[0-9a-f]{64,}"
    r"|(?:index|manifest)\.json|oci-layout): )?"
    rf"(?:(?:entry {_REPR}(?: at byte \d+)?|header at byte \d+|{_REPR}): )?"
)


@attrs.frozen(order=True)
class Finding:
    """
    Something that is wrong or odd.

    Attributes:
        severity: ``"error"`` or ``"warning"``.
        place: Where: document, blob, or layer and entry; the archive's path left out.
        sentence: What.

    >>> str(Finding("warning", "layer 0: entry 'x'", "the type 'V' is unknown, skipped"))
    "warning: layer 0: entry 'x': the type 'V' is unknown, skipped"
    """

    severity: Severity
    place: str
    sentence: str

    def __str__(self) -> str:
        """Give it as one line."""
        return f"{self.severity}: " + ": ".join(
            filter(None, (self.place, self.sentence))
        )


class Refusals:
    """Takes what a reader refuses: the first of it, and the number of the rest."""

    def __init__(self) -> None:
        self.first: list[FormatError] = []
        self.left_out = 0

    def __call__(self, error: FormatError) -> None:
        """Take one more."""
        if len(self.first) < _FINDINGS_OF_LAYER_MAX:
            self.first.append(error)
        else:
            self.left_out += 1


class Notes:
    """
    Takes findings down.

    Attributes:
        place: The archive's path, which errors begin with and findings leave out.
        findings: What was found so far.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.findings: list[Finding] = []

    def say(self, severity: Severity, place: str, sentence: str) -> None:
        """Note something."""
        self.findings.append(Finding(severity, place, sentence))

    def wrong(self, error: FormatError) -> None:
        """Note an error of the reader, whose text begins with the archive's path."""
        text = str(error).removeprefix(f"{self.place}: ")
        match = _PLACE.match(text)
        place = match.group() if match else ""
        self.say("error", place.removesuffix(": "), text[len(place) :])

    def all_wrong(self, refusals: Refusals, place: str) -> None:
        """Note what was refused of a layer, up to a limit."""
        for refusal in refusals.first:
            self.wrong(refusal)
        if refusals.left_out:
            self.say("error", place, f"{refusals.left_out} more entries are refused")

    def all_odd(self, oddities: Sequence[Oddity], place: str) -> None:
        """Note what was odd with a layer, up to a limit."""
        for oddity in oddities[:_FINDINGS_OF_LAYER_MAX]:
            where = oddity.place.removeprefix(self.place).removeprefix(": ")
            self.say("warning", where, oddity.sentence)
        left_out = len(oddities) - _FINDINGS_OF_LAYER_MAX
        if left_out > 0:
            self.say("warning", place, f"{left_out} more oddities")

    def attempt(
        self, step: Callable[_P, _T], *args: _P.args, **options: _P.kwargs
    ) -> _T | None:
        """Take a step of the reader; note what it refuses."""
        try:
            return step(*args, **options)
        except MissingExtraError:
            raise
        except FormatError as error:
            self.wrong(error)
            return None
