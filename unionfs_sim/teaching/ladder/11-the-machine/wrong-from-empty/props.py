"""The textbook machine: from empty, with few verbs, and the tree alone is compared."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unionfs_sim.teaching.strategies import paths
from unionfs_sim.teaching.student import Model, Op, Stack, outcome


class Machine(RuleBasedStateMachine):
    """Writes and unlinks, from empty."""

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

    @rule(path=paths())
    def mkdir(self, path):
        """Make a directory."""
        op = Op("mkdir", path)
        assert outcome(self.union, op) == outcome(self.model, op)

    @rule()
    def commit(self):
        """Freeze what was written."""
        self.union.commit()

    @invariant()
    def both_show_the_same(self):
        """The trees are equal."""
        assert self.union.tree() == self.model.tree()
