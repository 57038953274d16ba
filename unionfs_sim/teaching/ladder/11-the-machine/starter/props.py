"""A state machine: random programs on a union and on a plain tree, side by side."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unionfs_sim.teaching.strategies import paths
from unionfs_sim.teaching.student import Model, Op, Stack, outcome


class Machine(RuleBasedStateMachine):
    """Each rule is a step; after each step the invariants must hold."""

    @initialize()
    def start(self):
        """Begin with an empty union and an empty tree."""
        self.union = Stack([])
        self.model = Model()

    def both(self, op):
        """Carry an operation out on both."""
        assert outcome(self.union, op) == outcome(self.model, op)

    @rule(path=paths(), data=st.sampled_from([b"x", b"y"]))
    def write(self, path, data):
        """Write a file."""
        self.both(Op("write", path, data))

    @rule(path=paths())
    def unlink(self, path):
        """Remove a file."""
        self.both(Op("unlink", path))

    @invariant()
    def both_show_the_same(self):
        """The trees are equal."""
        assert self.union.tree() == self.model.tree()
