"""Writes an autograder for Gradescope: one archive, to be uploaded as it is."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

import unionfs_sim
from unionfs_sim.teaching.exercises.ladder import Exercise
from unionfs_sim.teaching.exercises.sealed import Sealed

_SETUP: Final = """\
#!/usr/bin/env bash
# Runs once, when the autograder's image is built.  A wheel beside this file is taken
# first; else the package index is asked.
set -eu
cd /autograder/source
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python3 -m venv /autograder/venv
wheel=$(ls ./*.whl 2>/dev/null || true)
/autograder/venv/bin/pip install "${{wheel:-unionfs-sim=={version}}}" 'hypothesis>=6.150'
"""

_RUN: Final = """\
#!/usr/bin/env bash
# Runs for each submission.  The report is written last, and whole.
set -u
exec /autograder/venv/bin/unionfs-sim exercises grade /autograder/submission \\
  --exercise {id}{options} --lang {lang} \\
  --format gradescope --out /autograder/results/results.json
"""

_SCRIPTS: Final = frozenset({"setup.sh", "run_autograder"})
_SEALED: Final = "/autograder/source/sealed.json"

#: The same archive for the same exercise: no time of today.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


def bundle(
    exercise: Exercise,
    file: Path,
    *,
    lang: str,
    seed: int | None = None,
    sealed: Sealed | None = None,
    wheel: Path | None = None,
) -> list[str]:
    """
    Write ``setup.sh`` and ``run_autograder``, and what they need beside them.

    Args:
        exercise: What is graded.
        file: The archive.
        lang: The language of the reports.
        seed: What the examples are drawn from; 1, or the sealed set's own, by default.
        sealed: A sealed set to grade with.
        wheel: The package itself, for a grader that has no index to ask.

    Returns:
        The names in the archive.
    """
    if seed is None:
        seed = sealed.seed if sealed else 1
    options = f" --seed {seed}" + (f" --sealed {_SEALED}" if sealed else "")
    run = _RUN.format(id=exercise.id, options=options, lang=lang)
    contents = {
        "setup.sh": _SETUP.format(version=unionfs_sim.__version__).encode(),
        "run_autograder": run.encode(),
    }
    if sealed is not None:
        contents[PurePosixPath(_SEALED).name] = sealed.to_json().encode()
    if wheel is not None:
        contents[wheel.name] = wheel.read_bytes()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(name, _TIME)
            info.external_attr = (0o755 if name in _SCRIPTS else 0o644) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return list(contents)
