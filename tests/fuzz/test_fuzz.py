"""Archives that are drawn are read; damaged ones are read or refused, never more."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import fuzz, read
from unionfs_sim.testing.archives import archives

#: How long atheris runs.
SECONDS = 60


@given(archives())
def test_archive_is_read(data: bytes) -> None:
    """What the strategies build is valid in every form."""
    assert read(data, write=True)


@given(archives(damaged=True), st.booleans(), st.booleans())
def test_damaged_archive(data: bytes, verify: bool, write: bool) -> None:
    """Whatever happens to an archive, it is an image or a `FormatError`."""
    read(data, verify=verify, write=write)


@given(st.integers(0, 255), st.binary(max_size=4096))
def test_any_bytes(kind: int, data: bytes) -> None:
    """What the coverage-guided fuzzer starts from holds for plain noise."""
    fuzz(bytes((kind,)) + data)


@pytest.mark.slow
def test_atheris(root: Path, tmp_path: Path) -> None:
    """A minute of coverage-guided fuzzing finds nothing."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    samples = sorted((root / "tests" / "data" / "images").rglob("*.tar"))
    for number, path in enumerate(samples):
        for kind in (0, 7, 16, 48):
            data = bytes((kind,)) + path.read_bytes()[: 64 << 10]
            (corpus / f"{number}-{kind}").write_bytes(data)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.fuzz_image"),
            *(f"-max_total_time={SECONDS}", "-timeout=10", "-rss_limit_mb=1024"),
            *(f"-artifact_prefix={tmp_path}/", str(corpus)),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr[-5000:]
