"""
The fields of tar headers: numbers, times, pax records, names and sparse maps.

Pure functions over bytes.  They raise a bare ``ValueError`` with the reason; the walk
that called them knows archive and entry, and makes a `FormatError` of it.
"""

from __future__ import annotations

import re
from typing import Final

from unionfs_sim.core.paths import Parts, to_text
from unionfs_sim.image.limits import NUMBER_MAX

NS_PER_SECOND: Final = 1_000_000_000

#: More digits than any number of ours has; longer ones are not even looked at.
_DIGITS_MAX: Final = 19

_TIME: Final = re.compile(rb"(-?)([0-9]{1,19})(?:\.([0-9]*))?")


def number(raw: bytes) -> int:
    """
    Read a number of a header: octal text, or base-256 if the top bit is set.

    An empty field is 0, as v7 and GNU writers leave what does not apply.

    Raises:
        ValueError: It is neither.

    >>> number(b"0000644\\0"), number(b"\\x80" + bytes(10) + b"\\x05")
    (420, 5)
    >>> number(b"\\xff" * 12)
    -1
    """
    digits = raw.partition(b"\0")[0].strip(b" ")
    # isdigit first: int() takes signs, underscores and prefixes as well.
    if digits.isdigit() and b"8" not in digits and b"9" not in digits:
        return int(digits, 8)
    if not digits and not raw.strip(b"\0 "):
        return 0
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 1)) - 1)
        return value - (1 << (8 * len(raw) - 1)) if raw[0] & 0x40 else value
    msg = f"{raw!r} is not a number"
    raise ValueError(msg)


def decimal(raw: bytes) -> int:
    """
    Read a number of a pax record, which is decimal and not negative.

    Raises:
        ValueError: It is not, or is beyond 63 bits.

    >>> decimal(b"4294967294")
    4294967294
    """
    if raw.isdigit() and len(raw) <= _DIGITS_MAX:
        value = int(raw)
        if value <= NUMBER_MAX:
            return value
    msg = f"{raw[:40]!r} is not a number"
    raise ValueError(msg)


def time_ns(raw: bytes) -> int:
    """
    Read a pax time as integer nanoseconds; the sign covers the fraction.

    Digits beyond the ninth are cut off.  The text never becomes a float, which
    would lose the last digits.

    Raises:
        ValueError: It is not a decimal number.

    >>> time_ns(b"1700000000.123456789"), time_ns(b"-2.5")
    (1700000000123456789, -2500000000)
    """
    match = _TIME.fullmatch(raw)
    if match is None:
        msg = f"{raw[:40]!r} is not a time"
        raise ValueError(msg)
    sign, seconds, fraction = match.groups()
    digits = (fraction or b"")[:9].ljust(9, b"0")
    value = int(seconds) * NS_PER_SECOND + int(digits)
    return -value if sign else value


def pax_records(data: bytes) -> list[tuple[bytes, bytes]]:
    """
    Read the records of a pax header, ``"<length> <key>=<value>\\n"``, in order.

    The length counts itself, so a value may hold newlines, ``=`` and NUL; the key
    ends at the first ``=``.

    Raises:
        ValueError: A record's length lies, or a record has no key.

    >>> pax_records(b"11 path=a/b\\n")
    Traceback (most recent call last):
    ValueError: the pax record at byte 0 does not end where its length says
    >>> pax_records(b"12 path=a/b\\n")
    [(b'path', b'a/b')]
    """
    records = []
    position, end = 0, len(data)
    while position < end:
        space = data.find(b" ", position, position + _DIGITS_MAX)
        digits = data[position:space] if space > 0 else b""
        if not digits.isdigit():
            msg = f"the pax record at byte {position} has no length"
            raise ValueError(msg)
        stop = position + int(digits)
        if stop <= space + 1 or stop > end or data[stop - 1] != 0x0A:
            msg = (
                f"the pax record at byte {position} does not end where its length says"
            )
            raise ValueError(msg)
        key, equals, value = data[space + 1 : stop - 1].partition(b"=")
        if not equals or not key or b"\0" in key:
            msg = f"the pax record at byte {position} has no key"
            raise ValueError(msg)
        records.append((key, value))
        position = stop
    return records


def text(raw: bytes) -> str:
    """
    Decode a name; bytes that are not UTF-8 become surrogate escapes.

    Raises:
        ValueError: It holds a NUL.

    >>> text(b"caf\\xe9")
    'caf\\udce9'
    """
    if b"\0" in raw:
        msg = f"the name {raw[:200]!r} holds a NUL"
        raise ValueError(msg)
    return to_text(raw)


def normalise(name: str, *, components_max: int) -> Parts:
    """
    Give the place inside the root that a name of an archive means.

    Empty components and ``.`` go, ``..`` takes the component before it and never
    leads above the root (layer-formats 4.4).  Takes O(n).

    Raises:
        ValueError: It has too many components.

    >>> normalise("./usr//lib/../../../etc/", components_max=4096)
    ('etc',)
    """
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    if len(parts) > components_max:
        msg = f"the name has {len(parts)} components, more than {components_max}"
        raise ValueError(msg)
    return tuple(parts)
