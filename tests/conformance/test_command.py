"""The command: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from tests.conformance import corpus
from unionfs_sim.cli import main
from unionfs_sim.testing.conformance.cases import Case, read_cases, write_cases


@pytest.fixture
def cases() -> list[Case]:
    """Give a few cases that pass."""
    known = corpus.known_differences()
    return [case for case in corpus.recorded()[:60:6] if case.id not in known]


def test_run_ends_with_the_sum(
    tmp_path: Path, cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    """All is well: one line, status 0."""
    write_cases(tmp_path / "cases.json.gz", cases)

    assert 0 == main(["conformance", "run", str(tmp_path / "cases.json.gz")])
    assert (f"passed={len(cases)} failed=0 total={len(cases)}\n", "") == (
        capsys.readouterr()
    )


def test_run_shows_each_difference(
    tmp_path: Path, cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    """A corrupt expectation is shown with both sides, and the status is 1."""
    first = cases[0]
    wrong = attrs.evolve(first.ops[0], expect={"errno": "EXDEV"})
    corrupt = attrs.evolve(first, ops=[wrong, *first.ops[1:]])
    write_cases(tmp_path / "cases.json", [corrupt, *cases[1:]])

    assert 1 == main(["conformance", "run", str(tmp_path / "cases.json")])
    assert [
        f"{first.id} {first.title}",
        f"  ops[0] {wrong.name}",
        "    expected {'errno': 'EXDEV'}",
        f"    got      {first.ops[0].expect}",
        f"passed={len(cases) - 1} failed=1 total={len(cases)}",
    ] == capsys.readouterr().out.splitlines()


def test_run_has_json(
    tmp_path: Path, cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` says the same."""
    corrupt = attrs.evolve(cases[0], mount={"errno": "EINVAL"})
    write_cases(tmp_path / "cases.json", [corrupt])

    assert 1 == main(["conformance", "run", str(tmp_path / "cases.json"), "--json"])
    assert {
        "passed": 0,
        "failed": 1,
        "total": 1,
        "failures": [
            {
                "id": corrupt.id,
                "title": corrupt.title,
                "differences": [
                    {
                        "where": "mount",
                        "expected": {"errno": "EINVAL"},
                        "got": {"ok": None},
                    }
                ],
            }
        ],
    } == json.loads(capsys.readouterr().out)


def test_run_takes_one_case(
    tmp_path: Path, cases: list[Case], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--case` runs one; an id that is not there is wrong use."""
    path = str(tmp_path / "cases.json")
    write_cases(tmp_path / "cases.json", cases)

    assert 0 == main(["conformance", "run", path, "--case", cases[1].id])
    assert "passed=1 failed=0 total=1\n" == capsys.readouterr().out
    assert 2 == main(["conformance", "run", path, "--case", "none"])
    assert "no case has the id 'none'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "not-there.json"],
        ["fuzz", "file.json"],
        ["record", "one.json"],
        ["fuzz", "--jobs", "0"],
        ["fly"],
    ],
)
def test_wrong_use(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong use is status 2 and one line."""
    monkeypatch.chdir(tmp_path)

    assert 2 == main(["conformance", *arguments])
    assert 1 == len(capsys.readouterr().err.splitlines())


def test_broken_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not of the schema is status 2."""
    (tmp_path / "cases.json").write_text('{"cases": [{"id": "x", "colour": 1}]}')

    assert 2 == main(["conformance", "run", str(tmp_path / "cases.json")])
    assert "x: unknown key 'colour'" in capsys.readouterr().err


@pytest.mark.slow
def test_jobs_share_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes find what one finds."""
    main(["conformance", "run", str(corpus.RECORDED)])
    alone = capsys.readouterr().out
    main(["conformance", "run", str(corpus.RECORDED), "--jobs", "2"])

    assert alone == capsys.readouterr().out


@pytest.mark.oracle
@pytest.mark.slow
def test_record_asks_the_kernel(
    mountable: None,
    tmp_path: Path,
    cases: list[Case],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Programs without expectations come back with those of the kernel."""
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    write_cases(source, [case.bare() for case in cases])

    assert 0 == main(["conformance", "record", str(source), str(target)])
    assert cases == read_cases(target)
    assert capsys.readouterr().out.startswith(f"{len(cases)} cases recorded")


@pytest.mark.oracle
@pytest.mark.slow
def test_fuzz_ends_with_the_sum(
    mountable: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short run says how many calls it compared."""
    status = main(["conformance", "fuzz", "--seconds", "2", "--seed", "5", "--json"])
    report = json.loads(capsys.readouterr().out)

    assert (0, 1)[bool(report["failed"])] == status
    assert report["calls"] > 100
    assert report["passed"] + report["failed"] == report["total"]
