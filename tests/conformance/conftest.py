"""The kernel's side, for tests that are allowed to mount."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from unionfs_sim.testing.conformance import workers
from unionfs_sim.testing.conformance.kernel import KernelDriver


@pytest.fixture(scope="session")
def mountable() -> None:
    """Skip the test where no overlay can be mounted."""
    reason = workers.refusal()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def kernel(mountable: None) -> Iterator[KernelDriver]:
    """Give a driver on real mounts, or skip the test and say why."""
    if os.geteuid() != 0:
        pytest.skip("mounting in this process needs root")
    with KernelDriver() as driver:
        yield driver
