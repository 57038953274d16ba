"""The errors of an engine."""

from __future__ import annotations

import pytest

from unionfs_sim.containers import errors


@pytest.mark.parametrize(("status", "kind"), errors.BY_STATUS.items())
def test_an_error_carries_status_and_message(
    status: int, kind: type[errors.EngineError]
) -> None:
    """Each error has Docker's status, and its message is what was said."""
    error = kind("No such thing: x")

    assert (status, "No such thing: x") == (error.status, str(error))
    assert "No such thing: x" == error.message


def test_a_bad_parameter_is_a_value_error() -> None:
    """Whoever catches ValueError catches what makes no sense."""
    assert issubclass(errors.InvalidParameter, ValueError)
    assert issubclass(errors.NotFound, LookupError)
