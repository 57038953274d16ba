"""Recorded words without what differs from run to run: ids by numbers, times, paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, final

#: Where recordings say that an engine keeps its things.
ENGINE_ROOT: Final = "/var/lib/docker"

_ID: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{64}|[0-9a-f]{12})(?![0-9A-Za-z])")
_LONG, _SHORT = 64, 12
_PID: Final = re.compile(r'("Pid": ?)[1-9]\d*')
_HASH: Final = re.compile(r"\b(file|dir|multi):[0-9a-f]{8,64}")
_NETNS: Final = re.compile(r"(?:/[^/\s\"]+)+/netns/")
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?"
    r"(?:Z|[+-]\d\d:\d\d| [+-]\d{4}(?: [A-Z]{3,4})?)?"
)
_LISTED: Final = re.compile(r"\b[A-Z][a-z]{2} [ 123]\d \d\d:\d\d\b")
_SPAN: Final = (
    r"(?:Less than a second|About an? (?:minute|hour)"
    r"|\d+ (?:second|minute|hour|day|week|month|year)s?)"
)
_AGO: Final = re.compile(rf"{_SPAN} ago|(?<=\bUp ){_SPAN}")
#: What a clock may be wrong by, and what time zones may make of a time.
_SLACK: Final = timedelta(days=2)


@final
class Normal:
    """
    Makes the words of one scenario comparable with those of another run of it.

    Ids are numbered as they first appear, a short one like the long one that it begins;
    times are left out where they are of these days, others say something.

    Args:
        root: Where the engine keeps its things, which recordings call
            ``/var/lib/docker``.
        version: The version of the engine, which it writes into images.
        now: When the scenario began.
        times: Texts that are times all the same.

    >>> normal = Normal()
    >>> normal.of([f"{'ab' * 32}", "ab" * 6, "up since 1999-01-01T00:00:00Z"])
    ['<id64#1>', '<id12#1>', 'up since 1999-01-01T00:00:00Z']
    >>> normal.of("Up 3 seconds"), normal.of("/bin/sh -c #(nop) ADD file:0123456789 in /")
    ('Up <ago>', '/bin/sh -c #(nop) ADD file:<hash> in /')
    """

    def __init__(
        self,
        root: str = ENGINE_ROOT,
        *,
        version: str = "",
        now: datetime | None = None,
        times: frozenset[str] = frozenset(),
    ) -> None:
        self._root = root.rstrip("/")
        self._version = version
        self._since = (now or datetime.now(UTC)) - _SLACK
        self._times = times
        self._numbers: dict[str, int] = {}

    def of(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Give a value without what differs."""
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if isinstance(value, Mapping):
            return {
                self._text(key): self._member(key, each) for key, each in value.items()
            }
        if not isinstance(value, str):
            return value
        return "<version>" if value and value == self._version else self._text(value)

    def _member(self, key: str, value: Any) -> Any:  # noqa: ANN401 - likewise
        if key == "Pid" and isinstance(value, int) and value:
            return "<pid>"
        return self.of(value)

    def _text(self, text: str) -> str:
        text = text.replace(f"{self._root}/", f"{ENGINE_ROOT}/")
        text = _PID.sub(r"\1<pid>", text)
        text = _NETNS.sub("/var/run/docker/netns/", text)
        text = _HASH.sub(r"\1:<hash>", text)
        text = _TIME.sub(self._time, text)
        text = _LISTED.sub("<time>", text)
        text = _AGO.sub("<ago>", text)
        return _ID.sub(self._id, text)

    def _time(self, match: re.Match[str]) -> str:
        text = match[0]
        day = datetime.fromisoformat(f"{text[:10]}T{text[11:19]}+00:00")
        return "<time>" if day >= self._since or text in self._times else text

    def _id(self, match: re.Match[str]) -> str:
        text = match[0]
        short = text[:_SHORT]
        if short not in self._numbers:
            if len(text) == _SHORT and text.isdigit():
                return text  # a number, as likely
            self._numbers[short] = len(self._numbers) + 1
        return f"<id{len(text)}#{self._numbers[short]}>"
