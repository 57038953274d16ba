"""What the property is fed with.  The property is right; what it eats is not."""

from hypothesis import strategies as st

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File, Layer, Op

NAMES = "abcdefghijklmnopqrstuvwxyz"
DEPTH = 6
VERBS = ["write", "append", "chmod", "unlink", "mkdir", "rmdir", "rename"]

PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=DEPTH).map(tuple)
ENTRIES = st.sampled_from([File(b"x", 0o600), File(b"y"), Dir()])


@st.composite
def layers(draw):
    """One layer: some entries, with the directories that they lie in."""
    layer = Layer()
    for _ in range(draw(st.integers(0, 4))):
        path, entry = draw(PATHS), draw(ENTRIES)
        parents = [path[:depth] for depth in range(1, len(path))]
        if all(isinstance(layer.get(at, Dir()), Dir) for at in parents):
            layer.update((at, Dir()) for at in parents)
            if not isinstance(layer.get(path), Dir):
                layer[path] = entry
    return layer


@st.composite
def cases(draw):
    """A case: layers, base first, and the operations to carry out on them."""
    stack = draw(st.lists(layers(), max_size=3))
    program = []
    for _ in range(draw(st.integers(1, 6))):
        verb, path = draw(st.sampled_from(VERBS)), draw(PATHS)
        words = []
        if verb in {"write", "append"}:
            words = [b"new"]
        elif verb == "chmod":
            words = [0o755]
        elif verb == "rename":
            words = [draw(PATHS)]
        program.append(Op(verb, path, *words))
    return stack, program
