"""Runs one test of a student's, by Hypothesis, and says what came of it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, TypeAlias

import attrs
from hypothesis import HealthCheck, Phase, Verbosity, errors, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

import unionfs_sim.teaching
from unionfs_sim.teaching.exercises.faults import Fault, describe, shortened
from unionfs_sim.teaching.lab import Lab
from unionfs_sim.teaching.subjects import using

_LIBRARY: Final = Path(unionfs_sim.teaching.__file__).resolve().parent
_GRADER: Final = Path(__file__).resolve().parent.parent
_STEPS: Final = 10


#: What `sys.settrace` takes.
TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


@attrs.frozen(kw_only=True)
class Attempt:
    """
    What came of a test.

    Attributes:
        status: ``passed``; ``failed`` by an assertion; ``raised`` if the file system
            under test raised what the test did not expect; ``crash`` for the
            student's own error; ``empty`` if nothing could be generated.
        examples: How many examples ran, up to the first failure.
        example: The example that failed, if it was shrunk.
        steps: How many lines that example has.
        fault: The student's own error.
        text: What the failure said.
    """

    status: str
    examples: int
    example: str = ""
    steps: int = 0
    fault: Fault | None = None
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object."""
        data = attrs.asdict(self, recurse=False)
        return data | {"fault": None if self.fault is None else self.fault.to_json()}


#: Makes an implementation.
Make: TypeAlias = Callable[[], Lab]
Run: TypeAlias = Callable[[Make, int, int, bool], Attempt]


@attrs.frozen
class Test:
    """
    A test of a submission: a function, or a state machine.

    Attributes:
        name: Its name.
        run: Runs it on an implementation, by a seed, with so many examples, shrinking or
            not.
    """

    __test__ = False

    name: str
    run: Run


def collect(module: ModuleType, folder: Path) -> dict[str, Test]:
    """Find the tests of a module: functions ``test_*``, and state machines."""
    found: dict[str, Test] = {}
    for name, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, RuleBasedStateMachine):
            if (
                value is not RuleBasedStateMachine
                and value.__module__ == module.__name__
            ):
                found[name] = Test(name, _machine(value, folder))
        elif name.startswith("test") and callable(value):
            if hasattr(value, "hypothesis"):
                found[name] = Test(name, _property(value, folder))
            elif not isinstance(value, type):
                found[name] = Test(name, _example(value, folder))
    return found


def made_settings(examples: int, *, shrink: bool) -> settings:
    """Give the settings that tests are graded with, whatever they ask for."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    return settings(
        max_examples=examples,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        stateful_step_count=_STEPS,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal if shrink else Verbosity.quiet,
    )


class _Count:
    """Counts examples until one fails, and has a new implementation for each."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self.examples = 0
        self.failed_at = 0
        self.bound = ExitStack()

    def began(self) -> None:
        self.examples += 1
        self.bound.close()
        self.bound.enter_context(using(self.make()))

    def failed(self) -> None:
        self.failed_at = self.failed_at or self.examples

    @property
    def told(self) -> int:
        return self.failed_at or self.examples


def _property(
    test: Any,  # noqa: ANN401 - Hypothesis hangs attributes on a function
    folder: Path,
) -> Run:
    inner = test.hypothesis.inner_test

    def run(make: Make, seed: int, examples: int, shrink: bool) -> Attempt:  # noqa: FBT001
        count = _Count(make)

        def counted(*arguments: object, **named: object) -> object:
            count.began()
            try:
                return inner(*arguments, **named)
            except errors.UnsatisfiedAssumption:
                raise
            except Exception:
                count.failed()
                raise

        counted.__name__ = inner.__name__
        test.hypothesis.inner_test = counted
        test._hypothesis_internal_use_seed = seed  # noqa: SLF001 - what @seed sets
        test._hypothesis_internal_use_settings = made_settings(  # noqa: SLF001
            examples, shrink=shrink
        )
        try:
            return _attempt(test, count, folder)
        finally:
            test.hypothesis.inner_test = inner

    return run


def _machine(machine: type[RuleBasedStateMachine], folder: Path) -> Run:
    def run(make: Make, seed: int, examples: int, shrink: bool) -> Attempt:  # noqa: FBT001
        count = _Count(make)

        def init(self: RuleBasedStateMachine) -> None:
            count.began()
            machine.__init__(self)

        counted: Any = type(machine.__name__, (machine,), {"__init__": init})
        counted._hypothesis_internal_use_seed = seed  # noqa: SLF001 - what @seed sets
        chosen = made_settings(examples, shrink=shrink)

        def test() -> None:
            run_state_machine_as_test(counted, settings=chosen)

        names = {
            name
            for name, value in inspect.getmembers(machine)
            if hasattr(value, "hypothesis_stateful_invariant")
        }
        return _attempt(test, count, folder, hidden=names)

    return run


def _example(test: Callable[[], object], folder: Path) -> Run:
    def run(make: Make, _seed: int, _examples: int, _shrink: bool) -> Attempt:  # noqa: FBT001
        count = _Count(make)
        count.began()
        return _attempt(test, count, folder)

    return run


def _attempt(
    test: Callable[[], object],
    count: _Count,
    folder: Path,
    hidden: Collection[str] = (),
) -> Attempt:
    """Run a test to its end or its first failure, and tell whose failure it is."""
    try:
        with count.bound:
            test()
    except (errors.Unsatisfiable, errors.UnsatisfiedAssumption) as error:
        text = str(error).partition("\n")[0]
        return Attempt(status="empty", examples=count.examples, text=text)
    except (MemoryError, SystemExit, RecursionError) as error:
        return _crash(error, count, folder)
    except Exception as error:
        if isinstance(error, AssertionError):
            status = "failed"
        elif _is_of_library(error, folder):
            status = "raised"
        else:
            return _crash(error, count, folder)
        example, steps = _falsifying(error, hidden)
        return Attempt(
            status=status,
            examples=count.told,
            example=example,
            steps=steps,
            text=shortened(f"{type(error).__name__}: {error}".strip(": "), folder),
        )
    return Attempt(status="passed", examples=count.examples)


def _crash(error: BaseException, count: _Count, folder: Path) -> Attempt:
    return Attempt(status="crash", examples=count.told, fault=describe(error, folder))


def _is_of_library(error: BaseException, folder: Path) -> bool:
    """Tell whether the file system under test raised an error, not the student."""
    trace, library = error.__traceback__, False
    while trace is not None:
        parents = Path(trace.tb_frame.f_code.co_filename).parents
        if folder in parents:
            library = False
        elif _LIBRARY in parents and _GRADER not in parents:
            library = True
        trace = trace.tb_next
    return library


def _falsifying(error: BaseException, hidden: Collection[str]) -> tuple[str, int]:
    """
    Give the failing example on one line, and how many lines it had.

    Hypothesis writes one line an argument, a draw or a step; those of the *hidden*
    invariants say nothing new.
    """
    if not any("(" in str(note) for note in getattr(error, "__notes__", ())):
        return "", 0
    dropped = {f"state.{name}()" for name in hidden} | {")", "state.teardown()"}
    lines = [
        line.strip().rstrip(",")
        for note in error.__notes__
        for line in str(note).splitlines()
        if not line.startswith(("Falsifying ", "Failing ", "You can ", "Explanation"))
    ]
    lines = [
        line.removeprefix("state.")
        for line in lines
        if line and not line.startswith(("#", "state = ")) and line not in dropped
    ]
    return ", ".join(lines), len(lines)


def useful_share(
    test: Test, module: ModuleType, make: Make, *, seed: int, examples: int
) -> float:
    """
    Measure in how many of the examples an ``assert`` of the submission was reached.

    Gives 0.0 for a file without assertions.
    """
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    asserts = {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert)
    }
    if not asserts:
        return 0.0
    hits, began = 0, 0
    armed = False

    def local(frame: FrameType, event: str, _: object) -> TraceFunction:
        nonlocal hits, armed
        if event == "line" and armed and frame.f_lineno in asserts:
            hits += 1
            armed = False
        return local

    def start(frame: FrameType, _event: str, _argument: object) -> TraceFunction | None:
        nonlocal began, armed
        code = frame.f_code
        if code.co_filename == module.__file__:
            return local
        if code.co_name in {"counted", "init"} and Path(code.co_filename).name == _OWN:
            began += 1
            armed = True
        return None

    sys.settrace(start)
    try:
        test.run(make, seed, examples, False)  # noqa: FBT003
    finally:
        sys.settrace(None)
    return hits / began if began else 1.0


_OWN: Final = Path(__file__).name
