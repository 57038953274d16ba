"""
The fields of ``--mount`` as the client reads them, before it asks an engine.

What the client refuses is a `FlagError`; what it takes becomes an entry of
``HostConfig.Mounts``, which the engine judges.
"""

from __future__ import annotations

import csv
import json
import re
from typing import Any, Final, final

from unionfs_sim.containers.errors import InvalidParameter

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?[iI]?[bB]?\Z")
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_MODE_BITS_MAX: Final = (1 << 32) - 1


@final
class FlagError(InvalidParameter):
    """
    What the client itself refuses, before it asks an engine (its status is 125).

    Attributes:
        flag: The flag.
        text: What was written.
        reason: What is wrong with it.
    """

    def __init__(self, flag: str, text: str, reason: str) -> None:
        quoted = json.dumps(text, ensure_ascii=False)
        super().__init__(f'invalid argument {quoted} for "{flag}" flag: {reason}')
        self.flag = flag
        self.text = text
        self.reason = reason


def read_fields(text: str) -> dict[str, Any]:
    """
    Read ``--mount`` into an entry of ``HostConfig.Mounts``.

    Raises:
        FlagError: The client refuses it.

    >>> read_fields("src=web,target=/x")
    {'Type': 'volume', 'Source': 'web', 'Target': '/x'}
    """
    try:
        return _MountFields().read(text)
    except _RefusedError as error:
        raise FlagError("--mount", text, str(error)) from None  # noqa: EM101 - its name


class _RefusedError(Exception):
    """What the client refuses, as a bare reason."""


@final
class _MountFields:
    """Reads the fields of ``--mount`` as the client does."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {"Type": "volume"}

    def read(self, text: str) -> dict[str, Any]:
        """Read all of it."""
        rows = list(csv.reader([text], strict=True)) if text else []
        if not rows or not rows[0]:
            msg = "EOF"
            raise _RefusedError(msg)
        for field in rows[0]:
            self._field(field)
        made = self._made
        if not made["Type"]:
            msg = "type is required"
            raise _RefusedError(msg)
        if not made.get("Target"):
            msg = "target is required"
            raise _RefusedError(msg)
        for kind in ("volume", "bind", "tmpfs"):
            if f"{kind.title()}Options" in made and made["Type"] != kind:
                got = made["Type"]
                msg = f"cannot mix '{kind}-*' options with mount type '{got}'"
                raise _RefusedError(msg)
        return made

    def _options(self, kind: str) -> dict[str, Any]:
        made: dict[str, Any] = {"DriverConfig": {}} if kind == "Volume" else {}
        found: dict[str, Any] = self._made.setdefault(f"{kind}Options", made)
        return found

    def _driver(self) -> dict[str, Any]:
        found: dict[str, Any] = self._options("Volume")["DriverConfig"]
        return found

    def _field(self, field: str) -> None:
        written, equals, value = field.partition("=")
        key = written.lower()
        if not equals:
            if key not in {"readonly", "ro", "volume-nocopy", "bind-nonrecursive"}:
                msg = f"invalid field '{field}' must be a key=value pair"
                raise _RefusedError(msg)
            value = "true"
        match key:
            case "type":
                self._made["Type"] = value.lower()
            case "source" | "src":
                self._made["Source"] = value
            case "target" | "dst" | "destination":
                self._made["Target"] = value
            case "readonly" | "ro":
                self._made["ReadOnly"] = _boolean(key, value)
            case "consistency":
                self._made["Consistency"] = value.lower()
            case "bind-propagation":
                self._options("Bind")["Propagation"] = value.lower()
            case "bind-nonrecursive":
                self._options("Bind")["NonRecursive"] = _boolean(key, value)
            case "volume-nocopy":
                self._options("Volume")["NoCopy"] = _boolean(key, value)
            case "volume-label":
                _put(self._options("Volume").setdefault("Labels", {}), value)
            case "volume-driver":
                self._driver()["Name"] = value
            case "volume-opt":
                _put(self._driver().setdefault("Options", {}), value)
            case "tmpfs-size":
                self._options("Tmpfs")["SizeBytes"] = _size(key, value)
            case "tmpfs-mode":
                self._options("Tmpfs")["Mode"] = _octal(key, value)
            case _:
                raise _RefusedError(f"unexpected key '{key}' in '{field}'")


def _put(values: dict[str, str], text: str) -> None:
    key, _, value = text.partition("=")
    values[key] = value


def _boolean(key: str, value: str) -> bool:
    if value not in _TRUE | _FALSE:
        raise _RefusedError(f"invalid value for {key}: {value}")
    return value in _TRUE


def _size(key: str, value: str) -> int:
    size = size_bytes(value)
    if size is None:
        raise _RefusedError(f"invalid value for {key}: {value}")
    return size


def _octal(key: str, value: str) -> int:
    if not re.fullmatch(r"[0-7]+", value) or int(value, 8) > _MODE_BITS_MAX:
        raise _RefusedError(f"invalid value for {key}: {value}")
    return int(value, 8)


def size_bytes(text: str) -> int | None:
    """
    Read a size such as ``64k`` or ``1m``, in units of 1024; ``None`` if it is none.

    >>> size_bytes("64k"), size_bytes("1.5m"), size_bytes("many")
    (65536, 1572864, None)
    """
    found = _SIZE.match(text)
    if found is None:
        return None
    return int(float(found[1]) * (1 << _UNITS[(found[2] or "").lower()]))
