"""Properties of containers and volumes: P48 to P58, P65."""

from __future__ import annotations

from typing import Final

from unionfs_sim.teaching import generate
from unionfs_sim.teaching.lab import (
    File,
    Lab,
    Layer,
    Model,
    Op,
    Path,
    Tree,
    error_name,
    layer,
    outcome,
    put,
)
from unionfs_sim.teaching.properties import given
from unionfs_sim.teaching.properties.algebra import tree_of
from unionfs_sim.teaching.properties.law import Case, equal, hold, law
from unionfs_sim.teaching.source import Source

#: Where volumes are mounted: names of the root, so that images may have them or not.
POINTS: Final[tuple[Path, ...]] = (("a",), ("b",), ("a", "a"))


def _image(source: Source, case: Case) -> list[Layer]:
    """Draw layers; where volumes are mounted there is a directory, or nothing."""
    image = [*generate.layers(source, layers_max=2), layer("a/ b/")]
    if source.below(2) or generate.after(image).files.get(("a", "a")) is not None:
        image.append(layer("a/a/"))
    return image


def _inside(source: Source, case: Case) -> list[Op]:
    """Draw operations on a volume."""
    volume = case["content"]
    assert isinstance(volume, Layer)
    return generate.program(source, generate.known_paths([volume]), steps_min=1)


def _used_volume(source: Source, case: Case) -> Layer:
    """Draw the content of a volume that is in use: at least a file."""
    content = generate.plain_tree(source)
    return content or layer("a=v")


IMAGE: Final = {"image": _image}
MOUNTED: Final = {
    "image": _image,
    "content": _used_volume,
    "point": given.one_of(*POINTS),
}


def moved_under(point: Path, op: Op) -> Op:
    """
    Give an operation with its paths under a mount point.

    >>> moved_under(("m",), Op("rename", ("a",), ("b",)))
    Op('rename', ('m', 'a'), ('m', 'b'))
    """
    return Op(
        op.verb, *((*point, *x) if isinstance(x, tuple) else x for x in op.arguments)
    )


@law(
    "P48",
    "Containers of one image are isolated",
    "What is done in one container does not show in another of the same image.",
    "invariant",
    "same tree",
    {"layers": given.stack, "program": given.program(least=1)},
)
def _p48(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    one, other = lab.container(layers), lab.container(layers)
    before = other.tree()
    for op in program:
        outcome(one, op)
    equal("same tree", before, other.tree())


@law(
    "P49",
    "A volume bypasses the union",
    "What is done under a mount point writes nothing to the union.",
    "invariant",
    "nothing written",
    {**MOUNTED, "program": _inside},
    looks_at="upper",
)
def _p49(
    lab: Lab, image: list[Layer], content: Layer, point: Path, program: list[Op]
) -> None:
    box = lab.container(image, {point: lab.volume(content)})
    before = box.upper.snapshot()
    for op in program:
        outcome(box, moved_under(point, op))
    equal("nothing written", before, box.upper)


@law(
    "P50",
    "Under a mount point only the volume is seen",
    "Operations and reads under a mount point are those of a plain tree with what the "
    "volume holds, whatever the image has there.",
    "model",
    "errors, listing, content",
    {**MOUNTED, "program": _inside},
)
def _p50(
    lab: Lab, image: list[Layer], content: Layer, point: Path, program: list[Op]
) -> None:
    box = lab.container(image, {point: lab.volume(content)})
    model = Model(tree_of(content))
    model.new.update(at for at, shown in model.files.items() if shown is None)
    for op in program:
        got = outcome(box, moved_under(point, op))
        equal("errors", outcome(model, op), got)
    equal("listing", model.readdir(()), box.readdir(point))
    for at in generate.UNIVERSE:
        expected = File(*shown) if (shown := model.files.get(at)) else None
        entry = box.lookup((*point, *at))
        equal("content", expected, entry if isinstance(entry, File) else None)
        equal("listing", at in model.files, entry is not None)


@law(
    "P51",
    "A volume survives its container",
    "Removing a container leaves its volume as it was.",
    "invariant",
    "volume stays",
    {**MOUNTED, "program": _inside},
)
def _p51(
    lab: Lab, image: list[Layer], content: Layer, point: Path, program: list[Op]
) -> None:
    volume = lab.volume(content)
    box = lab.container(image, {point: volume})
    for op in program:
        outcome(box, moved_under(point, op))
    before = volume.tree()
    box.remove()
    equal("volume stays", before, volume.tree())


@law(
    "P52",
    "Commit leaves volumes out",
    "No layer of a committed image holds what only a volume holds.",
    "invariant",
    "no secrets",
    {"image": _image, "at": given.any_path, "point": given.one_of(*POINTS)},
)
def _p52(lab: Lab, image: list[Layer], at: Path, point: Path) -> None:
    volume = lab.volume(put(at, File(b"SECRET")))
    box = lab.container(image, {point: volume})
    for one in box.commit():
        for entry in one.values():
            secret = isinstance(entry, File) and entry.data == b"SECRET"
            hold("no secrets", not secret, repr(one))


@law(
    "P53",
    "Two containers share a volume",
    "What one container writes to a volume another reads, at another mount point too.",
    "invariant",
    "content",
    {
        "image": _image,
        "content": _used_volume,
        "point": given.one_of(*POINTS),
        "elsewhere": given.one_of(*POINTS),
    },
)
def _p53(
    lab: Lab, image: list[Layer], content: Layer, point: Path, elsewhere: Path
) -> None:
    volume = lab.volume(content)
    one = lab.container(image, {point: volume})
    one.write((*point, "new"), b"hi")
    other = lab.container(image, {elsewhere: volume})
    equal("content", b"hi", other.read((*elsewhere, "new")))
    other.write((*elsewhere, "new"), b"ho")
    equal("content", b"ho", one.read((*point, "new")))


@law(
    "P54",
    "A read-only volume refuses every change",
    "Every operation that would change a volume mounted read-only fails, and one that "
    "would succeed otherwise fails with EROFS; the volume stays as it was.",
    "invariant",
    "errors, volume stays",
    {**MOUNTED, "program": _inside},
)
def _p54(
    lab: Lab, image: list[Layer], content: Layer, point: Path, program: list[Op]
) -> None:
    volume = lab.volume(content)
    box = lab.container(image, {point: volume}, read_only=[point])
    before = volume.tree()
    for op in program:
        allowed = outcome(Model(tree_of(content)), op) == "ok"
        got = outcome(box, moved_under(point, op))
        hold("errors", got == "EROFS" if allowed else got != "ok", f"{op}: {got}")
        equal("volume stays", before, volume.tree())


def _below(shown: Tree, point: Path) -> Tree:
    depth = len(point)
    return {
        at[depth:]: x
        for at, x in shown.items()
        if len(at) > depth and at[:depth] == point
    }


@law(
    "P55",
    "An empty volume is filled from the image, once",
    "At its first mount an empty volume takes what the image has at the mount point; one "
    "that holds files is left alone.",
    "invariant",
    "filled, left alone",
    {"image": _image, "content": _used_volume, "point": given.one_of(*POINTS)},
)
def _p55(lab: Lab, image: list[Layer], content: Layer, point: Path) -> None:
    empty, used = lab.volume(), lab.volume(content)
    shown = _below(generate.after(image).files, point)
    lab.container(image, {point: empty})
    equal("filled", shown, empty.tree())
    lab.container(image, {point: used})
    equal("left alone", tree_of(content), used.tree())


@law(
    "P56",
    "The longest mount point wins",
    "With one volume at b and another at b/a, paths under b/a are the other's, in "
    "whatever order they were mounted.",
    "invariant",
    "inner, outer",
    {"image": _image, "name": given.one_of("k", "a", "b")},
)
def _p56(lab: Lab, image: list[Layer], name: str) -> None:
    outer, inner = lab.volume(layer("a/ k=outer")), lab.volume(layer(f"{name}=inner"))
    box = lab.container(image, {("b",): outer, ("b", "a"): inner})
    equal("inner", File(b"inner"), box.lookup(("b", "a", name)))
    equal("outer", File(b"outer"), box.lookup(("b", "k")))
    equal("inner", "ok", outcome(box, Op("write", ("b", "a", "new"), b"n")))
    hold("inner", ("new",) in inner.tree(), "the inner volume has it not")


@law(
    "P57",
    "A mount point is matched by names, not by letters",
    "A volume at a has no part in ab.",
    "invariant",
    "union, volume",
    {"image": _image, "name": given.one_of("ab", "a.b", "aa")},
)
def _p57(lab: Lab, image: list[Layer], name: str) -> None:
    volume = lab.volume(layer("x=v"))
    at: Path = ("a",)
    box = lab.container(image, {at: volume})
    before = volume.tree()
    equal("union", "ok", outcome(box, Op("write", (name,), b"u")))
    hold("union", (name,) in box.upper, "the union has it not")
    equal("volume", before, volume.tree())


@law(
    "P58",
    "Rename across a mount point is EXDEV, and changes nothing",
    "Between a volume and the union, in either direction, rename fails and changes "
    "neither side.",
    "invariant",
    "errors, same tree",
    {"image": _image, "point": given.one_of(*POINTS), "inward": given.number(2)},
)
def _p58(lab: Lab, image: list[Layer], point: Path, inward: int) -> None:
    volume = lab.volume(layer("k=v"))
    box = lab.container(image, {point: volume})
    box.write(("zz",), b"u")
    before = box.tree()
    paths = [(*point, "k"), ("zz",)]
    old, new = reversed(paths) if inward else paths
    equal("errors", "EXDEV", outcome(box, Op("rename", old, new)))
    equal("same tree", before, box.tree())


@law(
    "P65",
    "Containers share the layers of their image",
    "Containers of one image have one copy of each of its layers, and each its own "
    "writable layer.",
    "invariant",
    "layers shared, own upper",
    {"layers": given.stack_of_some, "program": given.program(steps=3)},
    looks_at="upper",
)
def _p65(lab: Lab, layers: list[Layer], program: list[Op]) -> None:
    boxes = [lab.container(layers) for _ in range(3)]
    for op in program:
        outcome(boxes[0], op)
    ids = {id(one) for box in boxes for one in box.union.lowers}
    equal("layers shared", len(layers), len(ids))
    equal("own upper", [Layer(), Layer()], [box.upper for box in boxes[1:]])


class _Host:
    """A plain tree with others mounted in it: what a container must look like."""

    def __init__(self, root: Model, volumes: dict[Path, Model]) -> None:
        self.root = root
        self.volumes = volumes

    def outcome(self, op: Op) -> str:
        """Carry an operation out where it belongs."""
        paths = [at for at in op.arguments if isinstance(at, tuple)]
        points = [self._point(at) for at in paths]
        models = [self.volumes.get(point, self.root) for point in points]
        inside = [at[len(point) :] for at, point in zip(paths, points, strict=True)]
        if len(set(points)) == 1:
            rest = op.arguments[len(paths) :]
            return outcome(models[0], Op(op.verb, *inside, *rest))
        try:
            for model, at in zip(models, inside, strict=True):
                model.check_parents(at)
        except OSError as error:
            return error_name(error)
        return "EXDEV"

    def _point(self, at: Path) -> Path:
        found = [point for point in self.volumes if at[: len(point)] == point]
        return found[0] if found else ()

    def files(self) -> Tree:
        """Give all that shows."""
        shown = {at: x for at, x in self.root.files.items() if not self._point(at)}
        for point, model in self.volumes.items():
            shown[point] = None
            shown.update({(*point, *at): x for at, x in model.files.items()})
        return shown


def _on_host(source: Source, case: Case) -> list[Op]:
    """Draw operations on a container, inside its volume and outside."""
    image, content, point = case["image"], case["content"], case["point"]
    assert isinstance(image, list)
    assert isinstance(content, Layer)
    assert isinstance(point, tuple)
    known = {*generate.known_paths(image), point}
    known.update((*point, *at) for at in content)
    program = generate.program(source, known, steps_max=8, steps_min=1)
    return [op for op in program if op.verb != "rename" or point not in op.arguments]


@law(
    "P74",
    "The container machine",
    "After every step a container with a volume shows what a plain tree with another one "
    "mounted in it shows; at the end the image that is committed has what was written "
    "outside, the volume what was written inside, also when the container is gone.",
    "model",
    "errors, same tree, image, volume",
    {**MOUNTED, "point": given.one_of(("a",), ("b",)), "program": _on_host},
)
def _p74(
    lab: Lab, image: list[Layer], content: Layer, point: Path, program: list[Op]
) -> None:
    volume = lab.volume(content)
    box = lab.container(image, {point: volume})
    inside, outside = Model(tree_of(content)), generate.after(image)
    inside.new.update(at for at, shown in inside.files.items() if shown is None)
    host = _Host(outside, {point: inside})
    equal("same tree", host.files(), box.tree())
    for op in program:
        equal("errors", host.outcome(op), outcome(box, op))
        equal("same tree", host.files(), box.tree())
    equal("image", outside.files, lab.stack(box.commit()).tree())
    box.remove()
    equal("volume", inside.files, volume.tree())
