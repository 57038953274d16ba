"""What the property is fed with: few names, whiteouts, and paths that are there."""

from hypothesis import strategies as st

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File, Layer, Op

NAMES = "ab"
DEPTH = 2
VERBS = ["write", "append", "chmod", "unlink", "mkdir", "rmdir", "rename"]

PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=DEPTH).map(tuple)
ENTRIES = st.sampled_from([File(b"x", 0o600), File(b"y"), Dir(), WHITEOUT])


@st.composite
def layers(draw):
    """One layer: some entries, with the directories that they lie in."""
    layer = Layer()
    for _ in range(draw(st.integers(1, 4))):
        path, entry = draw(PATHS), draw(ENTRIES)
        layer[path] = entry
    return layer


def hot_paths(known):
    """A path that is known, four times of five; else any."""
    if not known:
        return PATHS
    some = st.sampled_from(sorted(known))
    return st.integers(0, 4).flatmap(lambda number: some if number else PATHS)


@st.composite
def cases(draw):
    """A case: layers, base first, and the operations to carry out on them."""
    stack = draw(st.lists(layers(), max_size=3))
    known = {at for layer in stack for at in layer}
    program = []
    for _ in range(draw(st.integers(3, 8))):
        verb = draw(st.sampled_from(VERBS))
        path = draw(hot_paths(known))
        words = []
        if verb in {"write", "append"}:
            words = [b"new"]
        elif verb == "chmod":
            words = [0o755]
        elif verb == "rename":
            words = [draw(hot_paths(known))]
        program.append(Op(verb, path, *words))
        known.add(path)
    return stack, program
