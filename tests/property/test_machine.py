"""A union agrees with the reference union, whatever is done to both."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from unionfs_sim import Layer, UnionFS
from unionfs_sim.core.policy import Policy
from unionfs_sim.testing.machine import UnionMachine

TestUnion = UnionMachine.TestCase
TestUnion.settings = settings(stateful_step_count=20)


class OptionsMachine(UnionMachine):
    """The options change what is marked, never what shows."""

    def make_union(self, layers_top_first: list[Layer]) -> UnionFS:
        policy = Policy.from_options({"metacopy": "on", "index": "on"})
        return UnionFS(layers_top_first, policy=attrs.evolve(policy, ghosts=False))


class ForgetfulMachine(UnionMachine):
    """A union over layers without their marks: deleted names come back."""

    def make_union(self, layers_top_first: list[Layer]) -> UnionFS:
        return UnionFS(layers_top_first[:1])


def test_options_do_not_change_what_shows() -> None:
    """With metacopy and index on, a union shows the same trees."""
    run_state_machine_as_test(
        OptionsMachine,
        settings=settings(max_examples=20, stateful_step_count=15),
    )


def test_machine_finds_a_union_that_forgets_layers() -> None:
    """The machine notices a union that has only the topmost of its layers."""
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            ForgetfulMachine,
            settings=settings(
                max_examples=200,
                stateful_step_count=5,
                database=None,
                phases=[Phase.generate],
                derandomize=True,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
