"""Digests: their grammar, their computation, and the chain that names a stack."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from unionfs_sim.core.content import Content
from unionfs_sim.errors import DigestError, FormatError

#: The grammar of the OCI image specification.
_GRAMMAR: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")

#: The algorithms that can be verified, with the number of their hexadecimal digits.
_DIGITS: Final[Mapping[str, int]] = {"sha256": 64, "sha512": 128}

#: How many digits of an image's ID are enough to name it, as in Docker's listings.
_SHORT_DIGITS: Final = 12

_HEX: Final = re.compile(r"[0-9a-f]+")


def parse(text: str, *, place: str) -> str:
    """
    Check that a text is a digest which can be verified, before it names any file.

    Args:
        text: What stands in the document.
        place: The document, for the error's message.

    Returns:
        The same text.

    Raises:
        FormatError: It breaks the grammar, or its algorithm is not known.

    >>> parse("sha256:../../etc/passwd", place="index.json")
    Traceback (most recent call last):
    unionfs_sim.errors.FormatError: index.json: 'sha256:../../etc/passwd' is not a digest
    """
    if not _GRAMMAR.fullmatch(text):
        msg = f"{place}: {text[:200]!r} is not a digest"
        raise FormatError(msg)
    algorithm, _, encoded = text.partition(":")
    digits = _DIGITS.get(algorithm)
    if digits is None:
        msg = f"{place}: the digest algorithm {algorithm!r} is not supported"
        raise FormatError(msg)
    if len(encoded) != digits or not _HEX.fullmatch(encoded):
        msg = f"{place}: {text[:200]!r} is not {digits} lower-case hexadecimal digits"
        raise FormatError(msg)
    return text


def blob_path(digest: str) -> str:
    """
    Give the path of a blob in a layout; the digest has been through `parse`.

    >>> blob_path("sha256:ab")
    'blobs/sha256/ab'
    """
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


def of_bytes(data: bytes) -> str:
    """
    Give the SHA-256 digest of some bytes.

    >>> of_bytes(b"")[:15]
    'sha256:e3b0c442'
    """
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def of_content(content: Content, *, algorithm: str = "sha256") -> str:
    """Give the digest of a content; reads it all, a piece at a time."""
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in content.chunks():
        hasher.update(chunk)
    return f"{algorithm}:{hasher.hexdigest()}"


def verify(content: Content, digest: str, *, place: str) -> None:
    """
    Check a content against the digest that it is announced with; reads it all.

    Raises:
        DigestError: They differ.
    """
    algorithm, _, _ = digest.partition(":")
    found = of_content(content, algorithm=algorithm)
    if found != digest:
        msg = f"{place}: the content is {found}, not {digest} as announced"
        raise DigestError(msg)


def matches(digest: str, text: str) -> bool:
    """
    Tell whether a text is a digest, or its first twelve digits or more.

    >>> matches("sha256:0123456789abcdef", "0123456789ab")
    True
    """
    digits = text.removeprefix("sha256:")
    return len(digits) >= _SHORT_DIGITS and digest.removeprefix("sha256:").startswith(
        digits
    )


def chain_ids(diff_ids_base_first: Sequence[str]) -> tuple[str, ...]:
    """
    Give the names of all stacks that a row of layers makes, from the base up.

    >>> chain_ids(["sha256:a"])
    ('sha256:a',)
    >>> chain_ids(["sha256:a", "sha256:b"])[1][:15]
    'sha256:970a948b'
    """
    chain: list[str] = []
    for diff_id in diff_ids_base_first:
        chain.append(of_bytes(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return tuple(chain)
