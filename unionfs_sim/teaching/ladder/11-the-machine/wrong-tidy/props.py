"""Demands that upper holds nothing needless."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unionfs_sim.teaching.strategies import paths
from unionfs_sim.teaching.student import WHITEOUT, Model, Op, Stack, outcome


class Machine(RuleBasedStateMachine):
    """From empty, no whiteout is ever needed."""

    @initialize()
    def start(self):
        """Begin with nothing."""
        self.union = Stack([])
        self.model = Model()

    @rule(path=paths(), data=st.sampled_from([b"x", b"y"]))
    def write(self, path, data):
        """Write a file."""
        op = Op("write", path, data)
        assert outcome(self.union, op) == outcome(self.model, op)

    @rule(path=paths())
    def unlink(self, path):
        """Remove a file."""
        op = Op("unlink", path)
        assert outcome(self.union, op) == outcome(self.model, op)

    @invariant()
    def no_whiteout_is_left(self):
        """Nothing lies below, so nothing need be hidden."""
        assert WHITEOUT not in self.union.upper.values()
