"""The properties accept what is correct, and say what they say."""

from __future__ import annotations

from typing import get_args

import pytest

from unionfs_sim.teaching.lab import Lab, ops, stack
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import (
    PROPERTIES,
    BrokenPropertyError,
    Family,
    Property,
    run,
    show_case,
    size,
)
from unionfs_sim.teaching.properties.law import broken, run_case
from unionfs_sim.teaching.variants import VARIANTS

EACH = pytest.mark.parametrize("prop", PROPERTIES.values(), ids=list(PROPERTIES))
#: The library's own union takes milliseconds where the lab takes microseconds.
EXAMPLES = {"P": 5}


def test_there_are_enough() -> None:
    """At least sixty, of every family."""
    assert len(PROPERTIES) >= 60
    assert set(get_args(Family)) == {prop.family for prop in PROPERTIES.values()}


@EACH
def test_entry_is_complete(prop: Property) -> None:
    """Title, statement and parts are there."""
    assert prop.id in PROPERTIES
    assert prop.statement.endswith(".")
    assert not prop.title.endswith(".")
    assert prop.parts
    assert all(prop.parts)


@EACH
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_false_alarm(prop: Property, variant: str) -> None:
    """No correct implementation is rejected; the long run is `alarms` in the docs."""
    lab = VARIANTS[variant].lab()
    if not prop.applies_to(lab):
        pytest.skip("it asks for more than correctness")

    result = run(prop, lab, seed=5, examples=EXAMPLES.get(variant, 50))

    assert result.status == "passed", f"{result.message} on {result.example}"


@EACH
def test_examples_are_numbered(prop: Property) -> None:
    """The same seed and number give the same example, whatever came before."""
    assert prop.example(seed=3, number=4) == prop.example(seed=3, number=4)
    assert show_case(prop.example(seed=3, number=4))


def test_failure_tells_part_and_example() -> None:
    """A failure names the part of the property, and an example that fails again."""
    prop, lab = PROPERTIES["P05"], MUTANTS["M12"].lab()

    result = run(prop, lab, seed=1)

    assert result.killed
    assert "every listed name is found" == result.part
    assert result.case is not None
    assert run_case(prop, lab, result.case) is not None
    assert size(result.case) > 0
    last = run(prop, lab, seed=1, examples=1, start=result.examples)
    assert last.case == result.case


def test_failed_rename_may_leave_a_mark() -> None:
    """The library leaves an opaque mark as the kernel does (S13); that is no alarm."""
    prop, lab = PROPERTIES["P61"], VARIANTS["P"].lab()
    case = {
        "layers": stack("x=1"),
        "program": ops("mkdir n; mkdir a; write a/b x; rename n a"),
    }

    assert run_case(prop, lab, case) is None
    lab.tidy = True
    assert ("failed", "nothing written") == (run_case(prop, lab, case) or ())[:2]


def test_crash_is_told_apart() -> None:
    """What an implementation raises by mistake is no claim of the property."""

    class Crashing(Lab):
        def stack(self, layers: object = ()) -> object:  # type: ignore[override]
            raise KeyError(layers)

    result = run(PROPERTIES["P01"], Crashing("crashing"))

    assert ("crashed", "") == (result.status, result.part)
    assert result.message.startswith("KeyError")


def test_parts_are_those_announced() -> None:
    """Every part that a failing property names is one of its parts."""
    for prop in PROPERTIES.values():
        for mutant in ("M01", "M03", "M07", "M12", "M31", "M44"):
            result = run(prop, MUTANTS[mutant].lab(), examples=20)
            if result.status == "failed":
                assert result.part in prop.parts, f"{prop.id}: {result.part}"


def test_broken_says_what() -> None:
    """The error of a broken property reads as a sentence."""
    with pytest.raises(BrokenPropertyError, match=r"^hides: a shows$"):
        broken("hides", "a shows")
    with pytest.raises(BrokenPropertyError, match=r"^hides$"):
        broken("hides")
