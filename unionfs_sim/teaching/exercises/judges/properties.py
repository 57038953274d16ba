"""
Judges properties as what they are: classifiers of implementations.

A test must accept every correct variant, and should reject planted bugs.  One that
fails on a correct variant raises a false alarm: its kills do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from unionfs_sim.teaching import mutants
from unionfs_sim.teaching.exercises.faults import Fault
from unionfs_sim.teaching.exercises.grading import Grading
from unionfs_sim.teaching.exercises.process import Run
from unionfs_sim.teaching.exercises.report import Part, Report, Status
from unionfs_sim.teaching.exercises.texts import pick
from unionfs_sim.teaching.subjects import quick_variants

#: Carries out tasks.
Do: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], Run]

#: What a kill, its speed and its brevity weigh where all three count.
KILLS, SPEED, BREVITY = 0.7, 0.2, 0.1
#: This share of quick kills, or of short examples, gets all points for it.
ENOUGH: Final = 0.9
#: What a sealed set weighs where there is one.
SEALED: Final = 0.3
#: What each false alarm costs.
ALARM: Final = 0.25
#: How many of the planted bugs are shown with their smallest example.
SHRUNK_MAX: Final = 4
#: How many examples each correct variant is tried with, unless an exercise says.
ACCEPT_EXAMPLES: Final = 60
_FIRST_EXAMPLES: Final = 20
_PROBED: Final = 20
_VACUOUS: Final = 0.05
#: How many seeds a bug is tried with; it counts if two of three find it.
SEEDS: Final = 3


@attrs.define
class Verdict:
    """
    What is known of one test.

    Attributes:
        name: The test's name.
        alarms: The correct variants that it rejects, with the example that did.
        fault: The student's own error, if it came to one.
        empty: Whether nothing could be generated.
        useful: In what share of the examples anything was asserted.
        met: In what share of them there was a whiteout, and so on.
        kills: The bugs that it rejects.
    """

    name: str
    alarms: dict[str, str] = attrs.field(factory=dict)
    fault: Fault | None = None
    empty: bool = False
    useful: float = 1.0
    met: Mapping[str, float] = attrs.field(factory=dict)
    kills: set[str] = attrs.field(factory=set)

    @property
    def valid(self) -> bool:
        """Whether its kills count."""
        return not (self.alarms or self.fault or self.empty)


@attrs.define
class Kill:
    """
    What is known of one planted bug that was rejected.

    Attributes:
        by: The test that did.
        examples: How many examples each seed took; the limit where it found nothing.
        found: In how many seeds it was found.
        raised: Whether by an exception of the file system, and no assertion.
        steps: The lines of the smallest example, or 0 if it was not looked for.
        example: That example.
    """

    by: str
    examples: list[int]
    found: int = 1
    raised: bool = False
    steps: int = 0
    example: str = ""

    @property
    def mean(self) -> float:
        """Mean examples to failure."""
        return round(sum(self.examples) / len(self.examples), 1)


@attrs.define
class Classification:
    """
    A file of properties against all implementations of an exercise.

    Attributes:
        verdicts: What is known of each test.
        kills: The bugs that were rejected.
        bugs: All bugs that were tried.
        variants: The correct variants that were tried.
        about: What the child told of the file.
        output: The beginning of what was printed.
        loading: Why the file could not be loaded.
    """

    verdicts: dict[str, Verdict]
    kills: dict[str, Kill]
    bugs: Sequence[str]
    variants: Sequence[str]
    about: Mapping[str, Any] = attrs.field(factory=dict)
    output: str = ""
    loading: Fault | None = None

    @property
    def alarms(self) -> int:
        """How many tests reject a correct variant."""
        return sum(bool(verdict.alarms) for verdict in self.verdicts.values())

    @property
    def validity(self) -> float:
        """What is left of the points after false alarms."""
        return max(0.0, 1 - ALARM * self.alarms)

    def only(self, bugs: Sequence[str]) -> Classification:
        """Give what is known of some of the bugs."""
        kills = {bug: kill for bug, kill in self.kills.items() if bug in bugs}
        return attrs.evolve(self, kills=kills, bugs=bugs)

    def to_json(self) -> dict[str, Any]:
        """Give the figures for a report."""
        return {
            "kills": [len(self.kills), len(self.bugs)],
            "false_alarms": self.alarms,
            "bugs": {
                bug: {
                    "by": kill.by,
                    "mean_examples": kill.mean,
                    "found_in_seeds": [kill.found, len(kill.examples)],
                    "raised": kill.raised,
                    "example": kill.example,
                }
                for bug, kill in sorted(self.kills.items())
            },
            "tests": {
                verdict.name: {
                    "false_alarms": verdict.alarms,
                    "useful_share": round(verdict.useful, 2),
                    "met": {name: round(at, 2) for name, at in verdict.met.items()},
                    "kills": sorted(verdict.kills),
                    "fault": verdict.fault and verdict.fault.to_json(),
                }
                for verdict in self.verdicts.values()
            },
        }


def classify(
    grading: Grading,
    bugs: Sequence[str],
    *,
    file: str = "",
    everything: bool = False,
    shrunk: int = 0,
) -> Classification:
    """
    Try the tests of a file on the correct variants and on planted bugs.

    Args:
        grading: The submission.
        bugs: The names of the bugs.
        file: The file; the exercise's first one by default.
        everything: Whether each bug is tried on each test, also after one rejected it.
        shrunk: For how many bugs the smallest example is looked for.
    """
    settings = grading.exercise.settings
    examples = grading.options.examples(settings.get("examples", 200))
    accepted = settings.get("accept_examples", ACCEPT_EXAMPLES)
    seed = grading.options.seed
    correct = settings.get("variants") or quick_variants()
    file = file or grading.exercise.edit[0]

    def do(tasks: Sequence[Mapping[str, Any]]) -> Run:
        return grading.run("properties", tasks, file=file)

    start = do([])
    names = start.about.get("tests", [])
    found = Classification(
        {name: Verdict(name) for name in names},
        {},
        bugs,
        correct,
        start.about,
        start.output,
        start.loading,
    )
    if start.loading is not None or not names:
        return found
    _try_correct(found, do, names, correct, seed, accepted)
    valid = [verdict.name for verdict in found.verdicts.values() if verdict.valid]
    _try_bugs(found, do, valid, seed, examples, everything=everything)
    seeds = range(seed, seed + settings.get("seeds", SEEDS))
    _try_seeds(found, do, seeds, examples, shrunk)
    return found


def _try_correct(
    found: Classification,
    do: Do,
    names: Sequence[str],
    correct: Sequence[str],
    seed: int,
    examples: int,
) -> None:
    """See which tests accept every correct variant, and which say anything at all."""
    base = {"seed": seed, "examples": examples, "do": "test"}
    tasks = [
        base | {"test": name, "subject": variant}
        for name in names
        for variant in correct
    ]
    tasks += [
        base
        | {"do": "useful", "test": name, "subject": correct[0], "examples": _PROBED}
        for name in names
    ]
    run = do(tasks)
    found.output = found.output or run.output
    alarmed = []
    for result in run.results:
        verdict = found.verdicts[result.task["test"]]
        data = result.data or {}
        if result.fault is not None:
            verdict.fault = verdict.fault or result.fault
        elif result.task["do"] == "useful":
            verdict.useful, verdict.met = data["useful"], data["met"]
        elif data["status"] == "empty":
            verdict.empty = True
        elif data["status"] in {"failed", "raised"}:
            if not verdict.alarms:
                alarmed.append(dict(result.task) | {"shrink": True})
            verdict.alarms[result.task["subject"]] = data["text"]
    if alarmed:
        for result in do(alarmed).results:
            if result.data and result.data.get("example"):
                verdict = found.verdicts[result.task["test"]]
                verdict.alarms[result.task["subject"]] = result.data["example"]


def _try_bugs(
    found: Classification,
    do: Do,
    valid: Sequence[str],
    seed: int,
    examples: int,
    *,
    everything: bool,
) -> None:
    """See which bugs the valid tests reject, each test when those before it did not."""
    left = list(found.bugs)
    rounds = [(name, limit) for limit in (_FIRST_EXAMPLES, examples) for name in valid]
    for name, limit in rounds:
        verdict = found.verdicts[name]
        if limit == examples and not (verdict.useful or verdict.kills):
            continue  # it never comes to say anything
        todo = found.bugs if everything and limit == examples else left
        base = {"do": "test", "test": name, "seed": seed, "examples": limit}
        tasks = [base | {"subject": bug} for bug in todo]
        for result in do(tasks).results if tasks else ():
            data, bug = result.data or {}, result.task["subject"]
            if data.get("status") in {"failed", "raised"}:
                verdict.kills.add(bug)
                best = found.kills.get(bug)
                if best is None or data["examples"] < best.examples[0]:
                    found.kills[bug] = Kill(
                        name, [data["examples"]], raised=data["status"] == "raised"
                    )
        left = [bug for bug in left if bug not in found.kills]


def _try_seeds(
    found: Classification, do: Do, seeds: range, examples: int, shrunk: int
) -> None:
    """See how soon the rejecting tests reject, over further seeds, and how clearly."""
    tasks = [
        {
            "do": "test",
            "test": kill.by,
            "subject": bug,
            "seed": seed,
            "examples": examples,
            "shrink": seed == seeds[0],
        }
        for number, (bug, kill) in enumerate(found.kills.items())
        for seed in seeds
        if seed != seeds[0] or number < shrunk
    ]
    if not tasks:
        return
    for result in do(tasks).results:
        kill, data = found.kills[result.task["subject"]], result.data or {}
        rejected = data.get("status") in {"failed", "raised"}
        if result.task["shrink"]:
            kill.steps, kill.example = data.get("steps", 0), data.get("example", "")
        else:
            kill.examples.append(data["examples"] if rejected else examples)
            kill.found += rejected
    enough = min(2, len(seeds))
    for bug in [bug for bug, kill in found.kills.items() if kill.found < enough]:
        del found.kills[bug]  # luck: one seed of three is no rejection
        for verdict in found.verdicts.values():
            verdict.kills.discard(bug)


def judge(grading: Grading) -> Report:
    """Judge a file of properties."""
    settings = grading.exercise.settings
    banned = banned_names(grading)
    if banned is not None:
        return banned
    groups = settings["part"]
    bugs = [bug for group in groups for bug in group["bugs"]]
    full = settings.get("score") == "full"
    tried = classify(
        grading,
        [*bugs, *grading.sealed],
        everything=settings.get("redundancy", False),
        shrunk=SHRUNK_MAX if full else 1,
    )
    found, sealed = tried.only(bugs), tried.only(grading.sealed)
    if found.loading is not None:
        return grading.failed(found.loading, output=found.output)
    parts = parts_of(grading, found, groups, full=full)
    if sealed.bugs:
        parts = with_sealed(grading, parts, sealed)
    bar = settings["bar"]
    passed = len(found.kills) >= bar["killed"] and not found.alarms
    return grading.report(
        passed=passed,
        parts=parts,
        lines=advice(grading, found, groups, passed=passed, full=full),
        output=found.output,
        broken=not found.verdicts,
        **found.to_json(),
        **({"sealed": sealed.to_json()["bugs"]} if sealed.bugs else {}),
    )


def with_sealed(
    grading: Grading, parts: Sequence[Part], sealed: Classification
) -> list[Part]:
    """Let a sealed set have its share of the points, as a part that is hidden."""
    left = 1 - SEALED
    killed, total = len(sealed.kills), len(sealed.bugs)
    return [
        *(
            attrs.evolve(
                part,
                score=round(part.score * left, 2),
                max_score=round(part.max_score * left, 2),
            )
            for part in parts
        ),
        Part(
            name=grading.say("part.sealed"),
            score=round(100 * SEALED * killed / total * sealed.validity, 2),
            max_score=100 * SEALED,
            status=_status(killed == total),
            text=grading.say("score.killed", killed=killed, total=total),
            hidden=True,
        ),
    ]


def banned_names(grading: Grading) -> Report | None:
    """Report a file that uses a name which its exercise does without."""
    name = grading.exercise.edit[0]
    banned = set(grading.exercise.settings.get("banned", ()))
    try:
        tree = ast.parse((grading.folder / name).read_text(encoding="utf-8"))
    except (ValueError, SyntaxError, RecursionError):
        return None  # the child will say what is wrong with it
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    if not used & banned:
        return None
    told = grading.say("banned", file=name, names=", ".join(sorted(used & banned)))
    return grading.refused(told, status="failed")


def parts_of(
    grading: Grading,
    found: Classification,
    groups: Sequence[Mapping[str, Any]],
    *,
    full: bool,
) -> list[Part]:
    """Give the points of each sub-property, and of speed and brevity where they count."""
    lang = grading.options.lang
    for_kills = 100 * KILLS if full else 100.0
    parts = []
    for group in groups:
        bugs = group["bugs"]
        killed = sum(bug in found.kills for bug in bugs)
        most = for_kills * len(bugs) / len(found.bugs)
        parts.append(
            Part(
                name=pick(group["name"], lang),
                score=round(most * killed / len(bugs) * found.validity, 1),
                max_score=round(most, 1),
                status=_status(killed == len(bugs)),
                text=grading.say("score.killed", killed=killed, total=len(bugs)),
            )
        )
    if full:
        slow = grading.exercise.settings.get("slow", 50)
        long = grading.exercise.settings.get("long", 6)
        quick = sum(kill.mean <= slow for kill in found.kills.values())
        shown = [kill for kill in found.kills.values() if kill.example]
        brief = sum(kill.steps <= long for kill in shown)
        for key, share in (
            ("speed", min(1.0, quick / len(found.bugs) / ENOUGH)),
            ("brevity", min(1.0, brief / len(shown) / ENOUGH) if shown else 0.0),
        ):
            most = 100 * (SPEED if key == "speed" else BREVITY)
            parts.append(
                Part(
                    name=grading.say(f"part.{key}"),
                    score=round(most * share * found.validity, 1),
                    max_score=most,
                    status=_status(share == 1),
                    text=grading.say(f"score.{key}", share=round(100 * share)),
                )
            )
    return _rounded(parts)


def _rounded(parts: list[Part]) -> list[Part]:
    """Let full parts add up to a round number in spite of rounding."""
    rest = round(100 - sum(part.max_score for part in parts), 1)
    last = parts[0]
    full = last.score == last.max_score
    most = round(last.max_score + rest, 1)
    parts[0] = attrs.evolve(last, max_score=most, score=most if full else last.score)
    return parts


def _status(good: bool) -> Status:  # noqa: FBT001
    return "passed" if good else "failed"


def advice(
    grading: Grading,
    found: Classification,
    groups: Sequence[Mapping[str, Any]],
    *,
    passed: bool,
    full: bool = False,
) -> list[str]:
    """Tell in at most four lines what is good, and the one thing to do next."""
    say, lang = grading.say, grading.options.lang
    if not found.verdicts:
        return [say("none.tests", file=grading.exercise.edit[0])]
    valid = sum(verdict.valid for verdict in found.verdicts.values())
    lines = [
        say(
            "good.properties",
            valid=valid,
            tests=len(found.verdicts),
            variants=len(found.variants),
            killed=len(found.kills),
            total=len(found.bugs),
        )
    ]
    trouble = _trouble(grading, found)
    if trouble:
        return lines + trouble
    alive = next(
        (g for g in groups if any(b not in found.kills for b in g["bugs"])), None
    )
    if alive is not None:
        count = sum(bug not in found.kills for bug in alive["bugs"])
        lines.append(say("alive", count=count, part=pick(alive["name"], lang)))
        if not found.kills and all(v.useful >= 1 for v in found.verdicts.values()):
            lines.append(say("alive.none"))
        elif "ask" in alive:
            lines.append(pick(alive["ask"], lang))
    elif full and found.kills:
        slowest = max(found.kills, key=lambda bug: found.kills[bug].mean)
        if found.kills[slowest].mean > grading.exercise.settings.get("slow", 50):
            lines.append(say("slow", mean=found.kills[slowest].mean))
    twin = _twin(found) if grading.exercise.settings.get("redundancy") else None
    if twin and len(lines) < 4:
        lines.append(say("redundant", first=twin[0], second=twin[1]))
    if passed:
        origin = next((o for bug in reversed(found.kills) if (o := _real(bug))), "")
        if origin and len(lines) < 3:
            lines.append(say("origin", origin=origin))
        lines.append(say("done"))
    return lines


def _is_skipped(verdict: Verdict) -> bool:
    """Tell whether a test was only not come to: others have the reason."""
    return verdict.fault is not None and verdict.fault.kind == "skipped"


def _trouble(grading: Grading, found: Classification) -> list[str]:
    """Tell what keeps a test from counting, the worst first."""
    say = grading.say
    for verdict in sorted(found.verdicts.values(), key=_is_skipped):
        if verdict.fault is not None:
            told = grading.fault(verdict.fault, test=verdict.name)
            return [told, say(f"advice.{verdict.fault.kind}")]
    for verdict in found.verdicts.values():
        if verdict.alarms:
            if len(verdict.alarms) == len(found.variants):
                example = next(iter(verdict.alarms.values()))
                return [
                    say("constant", test=verdict.name, example=_cut(example)),
                    say("constant.advice"),
                ]
            variant, example = next(iter(verdict.alarms.items()))
            freedom = say(f"variant.{variant}")
            return [
                say("alarm", test=verdict.name, variant=variant, freedom=freedom),
                say("alarm.example", example=_cut(example)),
                say("alarm.advice"),
            ]
    for verdict in found.verdicts.values():
        if verdict.empty:
            return [say("empty", test=verdict.name), say("empty.advice")]
        if verdict.useful <= _VACUOUS:
            idle = round(100 * (1 - verdict.useful))
            return [say("vacuous", test=verdict.name, idle=idle), say("vacuous.advice")]
    return []


def _cut(example: str) -> str:
    return example if len(example) <= 160 else example[:159] + "…"


def _real(bug: str) -> str:
    """Give the origin of a bug that was a real tool's."""
    origin = str(getattr(mutants.find(bug), "origin", "") or "")
    return origin if "#" in origin else ""


def _twin(found: Classification) -> tuple[str, str] | None:
    """Find two tests that reject the same bugs."""
    seen: dict[frozenset[str], str] = {}
    for verdict in found.verdicts.values():
        key = frozenset(verdict.kills)
        if key and key in seen:
            return seen[key], verdict.name
        seen.setdefault(key, verdict.name)
    return None
