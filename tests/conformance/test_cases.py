"""Case files: what goes in comes out, and what is not of the schema is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conformance import corpus
from unionfs_sim.errors import FormatError
from unionfs_sim.testing.conformance.cases import (
    Case,
    parse_cases,
    read_cases,
    write_cases,
)
from unionfs_sim.testing.conformance.generate import draw_case

SMALL: dict[str, Any] = {
    "id": "x",
    "lower": [{"a": {"type": "file", "content": "hi", "mode": "0600"}}],
    "upper": {},
    "ops": [{"op": "unlink", "args": {"path": "a"}, "expect": {"ok": None}}],
}

#: Where a case is broken, how, and what the message says.
REFUSED = [
    (("colour",), 1, "x: unknown key 'colour'"),
    (("ops", 0, "why"), 1, "x: ops[0]: unknown key 'why'"),
    (("ops", 0, "op"), "fly", "x: ops[0]: unknown operation 'fly'"),
    (("ops", 0, "args"), {}, "x: ops[0] (unlink): no argument 'path'"),
    (("ops", 0, "args", "mode"), 1, "x: ops[0] (unlink): unknown key 'mode'"),
    (("ops", 0, "expect"), {"yes": 1}, "x: ops[0] (unlink): unknown key 'yes'"),
    (("lower", 0, "a", "type"), "door", "x: lower[0]: a: unknown type 'door'"),
    (("lower", 0, "a", "size_"), 1, "x: lower[0]: a: unknown key 'size_'"),
    (("lower", 0, "a", "mode"), "rwx", "x: lower[0]: a: not a mode: 'rwx'"),
    (("lower", 0, "a", "content"), 5, "x: lower[0]: a: neither text nor b64: 5"),
    (("lower", 0, "a", "content"), {"b64": "!"}, "x: lower[0]: a: not base64: '!'"),
    (("lower", 0, "a"), [], "x: lower[0]: a: an object is wanted, not []"),
    (("id",), None, "cases[0]: no id"),
]


def test_recorded_cases_come_out_as_they_went_in() -> None:
    """Reading and writing the recorded cases changes nothing."""
    cases = corpus.recorded()

    assert 1_312 == len(cases)
    assert cases == [Case.from_json(case.to_json()) for case in cases]


@pytest.mark.parametrize("name", ["cases.json", "cases.json.gz"])
def test_file_comes_back(tmp_path: Path, name: str) -> None:
    """What is written is read back, compressed or not, one case a line."""
    cases = [draw_case(Random(seed), f"c{seed}") for seed in range(20)]

    write_cases(tmp_path / name, cases, {"kernel": "some"})

    assert cases == read_cases(tmp_path / name)
    if name == "cases.json":
        assert 22 == len((tmp_path / name).read_text().splitlines())


@pytest.mark.parametrize(("where", "value", "message"), REFUSED)
def test_what_the_schema_does_not_know_is_refused(
    where: tuple[Any, ...], value: Any, message: str
) -> None:
    """A key, type or operation that is not of the schema is named with its place."""
    data = json.loads(json.dumps(SMALL))
    place = data
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value

    with pytest.raises(FormatError, match=re.escape(message)):
        parse_cases(json.dumps({"cases": [data]}))


@pytest.mark.parametrize("text", ["", "[1", "{}", "[]", '{"cases": 1}'])
def test_what_is_no_case_file_is_refused(text: str) -> None:
    """Text that is not JSON, or not a case file, is refused."""
    with pytest.raises(FormatError):
        parse_cases(text)
