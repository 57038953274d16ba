"""
What a property is, and how it is run on an implementation.

A property is a function of an implementation (`Lab`) and of random values; what the
values are drawn from stands beside the function, and knows nothing of the
implementation.  So example number k of seed s is the same for all of them, and can be
had again without the ones before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NoReturn, TypeAlias

import attrs

from unionfs_sim.teaching.lab import Lab, Layer, Op, show
from unionfs_sim.teaching.source import RandomSource, Source

Family: TypeAlias = Literal[
    "invariant", "metamorphic", "model", "algebraic", "round-trip", "differential"
]
Case: TypeAlias = dict[str, object]
#: Draws one value; sees, and may amend, what was drawn before it.
Drawer: TypeAlias = Callable[[Source, Case], object]
Check: TypeAlias = Callable[..., None]


class BrokenPropertyError(AssertionError):
    """An implementation does not do what a property says."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(f"{part}: {message}" if message else part)
        self.part = part
        self.message = message


def broken(part: str, message: str = "") -> NoReturn:
    """Say that one part of a property does not hold."""
    raise BrokenPropertyError(part, message)


def equal(part: str, expected: object, got: object) -> None:
    """Say that a part does not hold unless two values are equal."""
    if expected != got:
        broken(part, f"expected {expected!r}, got {got!r}")


def hold(part: str, truth: object, message: str = "") -> None:
    """Say that a part does not hold unless something is true."""
    if not truth:
        broken(part, message)


@attrs.frozen
class Property:
    """
    One property of union file systems.

    Attributes:
        id: Its number, as ``"P01"``.
        title: It in a few words.
        statement: It in one or two sentences.
        family: What kind of property it is.
        parts: What it says, in parts that can fail on their own.
        given: The values that it speaks of, each with what draws it.
        check: Raises `BrokenPropertyError` if an implementation breaks it.
        looks_at: ``"view"``, or ``"upper"`` if it also looks into the writable layer.
        tidy: Whether it asks for more than correctness: nothing needless is written.
    """

    id: str
    title: str
    statement: str
    family: Family
    parts: tuple[str, ...]
    given: Mapping[str, Drawer] = attrs.field(repr=False)
    check: Check = attrs.field(repr=False)
    looks_at: Literal["view", "upper"] = "view"
    tidy: bool = False

    def draw(self, source: Source) -> Case:
        """Draw the values of one example."""
        case: Case = {}
        for name, drawer in self.given.items():
            case[name] = drawer(source, case)
        return case

    def example(self, *, seed: int, number: int) -> Case:
        """Give example *number* of a seed; the first is 1."""
        return self.draw(RandomSource.example(self.id, seed=seed, number=number))

    def applies_to(self, lab: Lab) -> bool:
        """Tell whether it may be asked of an implementation."""
        return lab.tidy or not self.tidy


#: All properties, by their ids.
PROPERTIES: Final[dict[str, Property]] = {}


def law(
    id: str,  # noqa: A002 - it is one
    title: str,
    statement: str,
    family: Family,
    parts: str,
    given: Mapping[str, Drawer],
    *,
    looks_at: Literal["view", "upper"] = "view",
    tidy: bool = False,
) -> Callable[[Check], Check]:
    """Make a property of a function, and enter it in `PROPERTIES`."""

    def register(check: Check) -> Check:
        words = tuple(part.strip() for part in parts.split(","))
        PROPERTIES[id] = Property(
            id, title, statement, family, words, given, check, looks_at, tidy
        )
        return check

    return register


@attrs.frozen
class Result:
    """
    What became of running a property on an implementation.

    Attributes:
        prop: The id of the property.
        subject: The name of the implementation.
        seed: The seed.
        status: ``"passed"``; ``"failed"`` if the property was broken; ``"crashed"`` if
            something else than the property's own claim was raised.
        examples: How many examples were run, the failing one among them.
        part: The part of the property that failed.
        message: What was expected and what came.
        case: The failing example, as drawn.
    """

    prop: str
    subject: str
    seed: int
    status: Literal["passed", "failed", "crashed"]
    examples: int
    part: str = ""
    message: str = ""
    case: Case | None = attrs.field(default=None, repr=False)

    @property
    def killed(self) -> bool:
        """Whether the implementation was rejected."""
        return self.status != "passed"

    @property
    def example(self) -> str:
        """The failing example as a line of text."""
        return "" if self.case is None else show_case(self.case)


def run(
    prop: Property, lab: Lab, *, seed: int = 0, examples: int = 300, start: int = 1
) -> Result:
    """
    Run a property on an implementation until it fails, or so many examples passed.

    Args:
        prop: The property.
        lab: The implementation.
        seed: The seed of the examples.
        examples: How many are run at most.
        start: The number of the first one.

    >>> from unionfs_sim.teaching.lab import Lab
    >>> from unionfs_sim.teaching.properties import PROPERTIES
    >>> run(PROPERTIES["P01"], Lab()).status
    'passed'
    >>> forgetful = Lab("forgetful", bug={"wh_ignored"}.__contains__)
    >>> result = run(PROPERTIES["P01"], forgetful)
    >>> result.status, result.part
    ('failed', 'hides')
    """
    for number in range(start, start + examples):
        case = prop.example(seed=seed, number=number)
        failure = run_case(prop, lab, case)
        if failure is not None:
            status, part, message = failure
            case = prop.example(seed=seed, number=number)  # the check may change it
            done = number - start + 1
            return Result(prop.id, lab.name, seed, status, done, part, message, case)
    return Result(prop.id, lab.name, seed, "passed", examples)


def run_case(
    prop: Property, lab: Lab, case: Case
) -> tuple[Literal["failed", "crashed"], str, str] | None:
    """Run a property on one example; give what failed, if anything did."""
    try:
        prop.check(lab, **case)
    except BrokenPropertyError as broke:
        return "failed", broke.part, broke.message
    except Exception as error:
        return "crashed", "", f"{type(error).__name__}: {error}"
    return None


def show_case(case: Mapping[str, object]) -> str:
    """
    Write an example down in a line.

    >>> from unionfs_sim.teaching.lab import stack
    >>> show_case({"layers": stack("a=1 | ~a"), "at": ("a",)})
    'layers: [a=1 | ~a]; at: /a'
    """
    return "; ".join(f"{name}: {show(value)}" for name, value in case.items())


def size(case: Mapping[str, object]) -> int:
    """
    Count what an example is made of: entries, operations, and paths drawn beside them.

    >>> from unionfs_sim.teaching.lab import ops, stack
    >>> size({"layers": stack("d/a=1 | ~d"), "program": ops("mkdir d"), "at": ("d",)})
    5
    """
    return sum(map(_size, case.values()))


def _size(value: object) -> int:
    if isinstance(value, Layer):
        return len(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, tuple)):
        return sum(1 if isinstance(x, Op) else _size(x) for x in value)
    return int(isinstance(value, (tuple, Op)))
