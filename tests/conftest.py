"""What all tests share: the Hypothesis profiles and the folder of recorded truth."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# `dev` is quick and random; `ci` is the same every time, so that a red run is about
# the change; `deep` is for the night and for a new verb.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    print_blob=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep", max_examples=5_000, stateful_step_count=200, deadline=None
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

#: The repository, or wherever the tests were unpacked.
ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where a shell runs us in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """
    Let the plain `pytest` use every core, where pytest-xdist is installed.

    With paths, or with `-n 0`, one process runs; so does each process of a run.
    """
    plain = config.args_source is config.ArgsSource.TESTPATHS
    free = getattr(config.option, "numprocesses", 0) is None
    if plain and free and "PYTEST_XDIST_WORKER" not in os.environ:
        config.option.numprocesses = "auto"


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the folder that holds `tests/` and, in a checkout, everything else."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """
    Give the folder of recorded cases and real images, or skip the test.

    It is too big to live in the repository: `UNIONFS_SIM_SHARED` names it, and a
    folder `shared` beside the checkout is taken without being named.
    """
    named = os.environ.get("UNIONFS_SIM_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(
            f"no recorded cases: {folder} is not there (set UNIONFS_SIM_SHARED)"
        )
    return folder
