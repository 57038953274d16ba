"""What is drawn: well formed, colliding, shrinking, and known to Hypothesis by type."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from unionfs_sim import Layer as RealLayer
from unionfs_sim import Stack as RealStack
from unionfs_sim import UnionFS
from unionfs_sim.image.image import Image
from unionfs_sim.teaching import generate, strategies
from unionfs_sim.teaching.lab import Layer, Stack
from unionfs_sim.teaching.mutants import MUTANTS
from unionfs_sim.teaching.properties import PROPERTIES, size
from unionfs_sim.teaching.shrink import smallest
from unionfs_sim.teaching.source import RandomSource
from unionfs_sim.testing import Operation, registration
from unionfs_sim.testing import strategies as real

FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(strategies.stacks(layers_max=4))
def test_layers_are_well_formed(layers: list[Layer]) -> None:
    """Layers are built, not filtered: none is ill formed."""
    assert all(layer.is_well_formed() for layer in layers)


@FEW
@given(strategies.plain_trees())
def test_plain_trees_have_no_marks(layer: Layer) -> None:
    """A plain tree has no whiteouts."""
    assert [] == layer.whiteouts


@FEW
@given(strategies.reachable_stacks())
def test_reachable_stacks_are_unions(union: Stack) -> None:
    """What was worked on shows a tree, and its writable layer is well formed."""
    assert union.upper.is_well_formed()
    union.tree()


@FEW
@given(st.data())
def test_paths_are_hot(data: st.DataObject) -> None:
    """With a hundred percent, every path is one of the layers'."""
    layers = data.draw(strategies.images())
    path = data.draw(strategies.hot_paths(Stack(layers), percent=100))
    known = generate.known_paths(layers)

    assert not known or path in known
    assert data.draw(strategies.programs(layers, steps_max=2)) is not None
    assert data.draw(strategies.ops(layers)).verb
    assert data.draw(strategies.paths(depth_max=2))
    assert data.draw(strategies.files()).data in generate.CONTENTS


def test_examples_are_not_empty() -> None:
    """Of random stacks many have whiteouts, and most paths hit something."""
    hits = marks = 0
    for number in range(400):
        source = RandomSource.example("share", seed=1, number=number)
        layers = generate.layers(source)
        marks += any(layer.whiteouts for layer in layers)
        hits += (
            generate.hot_path(source, known := generate.known_paths(layers)) in known
        )

    assert marks >= 0.2 * 400
    assert hits >= 0.3 * 400


@pytest.mark.parametrize(
    ("prop", "mutant", "limit"),
    [("P01", "M03", 2), ("P59", "M41", 3), ("P60", "M48", 2), ("P19", "M58", 3)],
)
def test_failures_shrink(prop: str, mutant: str, limit: int) -> None:
    """Hypothesis shrinks counter-examples to what a person would write."""
    case = smallest(PROPERTIES[prop], MUTANTS[mutant].lab(), examples=300)

    assert case is not None
    assert size(case) <= limit


def test_nothing_is_found_where_nothing_is() -> None:
    """A correct implementation has no counter-example."""
    assert smallest(PROPERTIES["P01"], MUTANTS["M65"].lab(), examples=10) is None


# --- the library's own -------------------------------------------------------------------


@pytest.mark.parametrize("known", [RealLayer, RealStack, Image, Operation])
def test_types_are_known_to_hypothesis(known: type) -> None:
    """`from_type` draws the library's values."""
    registration.register()
    quick = settings(max_examples=20, database=None, phases=[Phase.generate])
    found = find(
        st.from_type(known), lambda value: isinstance(value, known), settings=quick
    )

    assert isinstance(found, known)


def test_entry_point_is_announced(root: Path) -> None:
    """Hypothesis finds what registers the types in the metadata."""
    file = root / "pyproject.toml"
    if not file.is_file():
        pytest.skip("no checkout")
    points = tomllib.loads(file.read_text("utf-8"))["project"]["entry-points"]

    module, _, name = points["hypothesis"]["unionfs_sim"].partition(":")
    assert (registration.__name__, "register") == (module, name)


@FEW
@given(st.data())
def test_programs_run_on_unions(data: st.DataObject) -> None:
    """Programs are drawn for a stack; every call ends well or with an error's name."""
    stack = data.draw(real.stacks())
    fs = UnionFS(stack)
    for operation in data.draw(real.programs(stack)):
        outcome = operation.outcome(fs)
        assert outcome == "ok" or outcome.startswith("E"), outcome


@FEW
@given(real.images(), real.nodes(hostile=True), real.hot_paths(RealStack([])))
def test_images_have_digests(image: Image, node: object, path: tuple[str, ...]) -> None:
    """An image's layers have digests, and nodes and paths are drawn as well."""
    assert len(image.diff_ids) == len(image.layers_base_first)
    assert node is not None
    assert path


@settings(FEW, max_examples=5)
@given(real.volumes())
def test_volumes_hold_files(volume: object) -> None:
    """A volume is on a host, and shows what is in it."""
    assert "drawn" == volume.name  # type: ignore[attr-defined]
    assert isinstance(volume.fs.listdir("/"), list)  # type: ignore[attr-defined]


def test_core_never_loads_hypothesis() -> None:
    """Nothing of the library that is no test tool imports Hypothesis."""
    assert "hypothesis" in sys.modules  # here, of course
    core = Path(sys.modules["unionfs_sim"].__file__ or "").parent / "core"
    texts = [path.read_text("utf-8") for path in core.glob("*.py")]

    assert not [text for text in texts if "import hypothesis" in text]
