"""Works the answer out, which is not what is asked for here."""

from hypothesis import given

from unionfs_sim.teaching.strategies import stacks
from unionfs_sim.teaching.student import Stack, replay


@given(layers=stacks())
def test_replay(layers):
    """The union shows what applying the layers one by one gives."""
    assert Stack(layers).tree() == replay(layers)
