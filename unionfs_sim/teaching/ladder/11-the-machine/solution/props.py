"""A state machine: random programs on a union and on a plain tree, side by side."""

from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from unionfs_sim.teaching.strategies import hot_paths, ops, stacks
from unionfs_sim.teaching.student import Model, Op, Stack, outcome, replay


class Machine(RuleBasedStateMachine):
    """Begins with any stack; commit is a step that the model does not see."""

    @initialize(layers=stacks())
    def start(self, layers):
        """Begin with some layers, and with the tree that they show."""
        self.union = Stack(layers)
        self.model = Model(replay(layers))
        self.layers = layers
        self.before = deepcopy(layers)
        self.known = {at for layer in layers for at in layer}

    def both(self, op):
        """Carry an operation out on both; what it names is worth asking for later."""
        self.known |= {at for at in op.arguments if isinstance(at, tuple)}
        assert outcome(self.union, op) == outcome(self.model, op)

    @rule(data=st.data())
    def operate(self, data):
        """Do something to a path, mostly one that occurs."""
        self.both(data.draw(ops([dict.fromkeys(self.known)])))

    @rule(data=st.data(), verb=st.sampled_from(["append", "chmod", "unlink"]))
    def change_a_file(self, data, verb):
        """Change a file that shows: what is drawn from what shows never misses."""
        files = sorted(at for at, entry in self.model.tree().items() if entry)
        if not files:
            return
        path = data.draw(st.sampled_from(files))
        if verb == "chmod":
            self.both(Op("chmod", path, 0o700))
        self.both(Op("append", path, b"1"))
        self.both(Op("append", path, b"2"))
        if verb == "unlink":
            self.both(Op("unlink", path))

    @rule(data=st.data())
    def rename_a_file(self, data):
        """Rename a file that shows: to itself, to another one, to a name that is free."""
        files = sorted(at for at, entry in self.model.tree().items() if entry)
        if files:
            path = data.draw(st.sampled_from(files))
            new = data.draw(st.sampled_from([path, ("a",), ("b",), *files]))
            self.both(Op("rename", path, new))

    @rule(data=st.data())
    def recreate(self, data):
        """Remove a directory with all that is in it, and make it again."""
        path = data.draw(hot_paths([dict.fromkeys(self.known)]))
        self.both(Op("rmtree", path))
        self.both(Op("mkdir", path))

    @rule()
    def commit(self):
        """Freeze what was written; nothing that shows may change."""
        self.layers = self.union.commit()
        self.model.commit()
        assert self.union.upper == {}
        self.before = deepcopy(self.layers)
        self.again()

    def again(self):
        """The image shows in a new container what showed in the old one."""
        assert Stack(self.layers).tree() == self.model.tree()

    @invariant()
    def both_show_the_same(self):
        """The trees are equal, and so are the answers for paths that no listing shows."""
        assert self.union.tree() == self.model.tree()
        for at in self.known:
            shows = at in self.model.tree()
            assert (self.union.lookup(at) is not None) == shows

    @invariant()
    def listings_are_sorted(self):
        """Each name once, in order."""
        for at, entry in self.union.tree().items():
            if entry is None:
                names = self.union.readdir(at)
                assert names == sorted(set(names))
        assert self.union.readdir(()) == sorted(set(self.union.readdir(())))

    @invariant()
    def lower_layers_are_untouched(self):
        """Nobody writes below."""
        assert self.layers == self.before

    @invariant()
    def upper_is_well_formed(self):
        """Each entry lies in a directory of the same layer."""
        assert self.union.upper.is_well_formed()
