"""Writes an autograder for Gradescope: one archive, to be uploaded as it is."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import unionfs_sim
from unionfs_sim.teaching.exercises.ladder import Exercise

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
  --exercise {id} --seed {seed} --lang {lang} \\
  --format gradescope --out /autograder/results/results.json
"""

#: The same archive for the same exercise: no time of today.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


def bundle(
    exercise: Exercise, file: Path, *, seed: int, lang: str, wheel: Path | None = None
) -> list[str]:
    """
    Write ``setup.sh`` and ``run_autograder``, and a wheel if there is one.

    Args:
        exercise: What is graded.
        file: The archive.
        seed: What the examples are drawn from.
        lang: The language of the reports.
        wheel: The package itself, for a grader that has no index to ask.

    Returns:
        The names in the archive.
    """
    contents = {
        "setup.sh": _SETUP.format(version=unionfs_sim.__version__).encode(),
        "run_autograder": _RUN.format(id=exercise.id, seed=seed, lang=lang).encode(),
    }
    if wheel is not None:
        contents[wheel.name] = wheel.read_bytes()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(name, _TIME)
            info.external_attr = (0o644 if name.endswith(".whl") else 0o755) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return list(contents)
