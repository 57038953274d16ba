"""``tour``: a guided walk; the lines of Python that it shows are those that it runs."""

from __future__ import annotations

import ast
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

import attrs

import unionfs_sim
from unionfs_sim.cli import source
from unionfs_sim.cli.report import Line, Lines, Report, line
from unionfs_sim.containers import Engine
from unionfs_sim.core.render import (
    Piece,
    component_pieces,
    printable,
    trace_pieces,
)
from unionfs_sim.core.story import Component, Trace

_WIDTH: Final = 78


@attrs.frozen
class Act:
    """
    One act of the tour.

    Attributes:
        title: What it is about.
        text: What there is to see.
        code: Lines of Python, which are run one after the other.
        command: A command line that shows the same, or nothing.
    """

    title: str
    text: str
    code: str
    command: str = ""


ACTS: Final = (
    Act(
        "An image is a stack of layers",
        "Each step of a build left a layer: files that it added or changed, and marks "
        "for what it deleted. This is a small web server, base first.",
        """
        for layer, command in zip(image.layers_base_first, commands):
            print(f"{layer.label}: {len(layer):2} entries  {command}")
        """,
        "layers @tour",
    ),
    Act(
        "A union shows them as one tree",
        "Where several layers have a directory it merges; of a file the topmost wins.",
        """
        fs = UnionFS(image.layers_top_first())
        print(fs.listdir("/etc/tinyhttpd"), fs.listdir("/srv/www"))
        """,
        "tree @tour",
    ),
    Act(
        "Deleted is not gone: a whiteout hides it",
        "Layer 3 deleted a file of layer 1. Nobody sees it any more, and yet it is still "
        "in the image: deleting a secret in a later layer does not take it out.",
        """
        print(fs.exists("/etc/tinyhttpd/mime.types"))
        print(fs.explain("/etc/tinyhttpd/mime.types").components[-1])
        alone = UnionFS(image.layers_base_first[1:2])
        print(alone.read_bytes("/etc/tinyhttpd/mime.types"))
        """,
        "explain @tour /etc/tinyhttpd/mime.types",
    ),
    Act(
        "What is above a whiteout shows again",
        "Layer 3 deleted /etc/motd as well, but layer 5 has a new one. The lookup ends "
        "there: the layers below are not even asked.",
        """
        print(fs.explain("/etc/motd").components[-1])
        """,
        "explain @tour /etc/motd",
    ),
    Act(
        "An opaque directory hides all that is below it",
        "Layer 4 replaced the whole site: the manual of layer 1 has no whiteout of its "
        "own, and yet it is hidden.",
        """
        print(*fs.explain("/srv/www/manual").components[1:])
        """,
        "explain @tour /srv/www/manual",
    ),
    Act(
        "A write copies the file up",
        "Layers never change. The first write brings the file into the union's own "
        "upper layer, and deleting leaves a whiteout there.",
        """
        with fs.open("/etc/hosts", "a") as file:
            _ = file.write("10.0.0.2 db\\n")
        fs.unlink("/etc/motd")
        print(*fs.changes())
        """,
    ),
    Act(
        "Commit makes a layer of it, and a fork goes its own way",
        "The upper frozen is a layer like the others: stack it, and others see the "
        "change. A fork costs what was changed, not what there is.",
        """
        fork = fs.fork()
        fork.rmtree("/srv/www")
        patch = fs.commit(label="patch")
        again = UnionFS([patch, *image.layers_top_first()])
        print(patch, again.exists("/etc/motd"), again.read_text("/etc/hosts").split())
        print(fork.exists("/srv/www"), fs.exists("/srv/www"))
        """,
    ),
    Act(
        "A volume outlives its container",
        "A container is an image under a layer of its own, and what it writes there "
        "goes with it; a volume bypasses the union. (Programs are Python functions.)",
        """
        engine = Engine()
        _ = engine.images.add(image, ["tinyhttpd"])
        def serve(process):
            process.fs.write_text("/tmp/draft", "lost\\n")
            process.fs.write_text("/var/log/visits", "kept\\n")
        _ = engine.programs.register("/usr/sbin/tinyhttpd", serve)
        _ = engine.containers.run("tinyhttpd", name="web", volumes=["logs:/var/log"])
        print(engine.containers.get("web").explain("/var/log/visits"))
        print(*engine.why_lost("web"))
        engine.containers.get("web").remove()
        print(engine.volumes.get("logs").fs.read_text("/visits"))
        """,
    ),
)


@attrs.frozen
class Step:
    """
    A statement of an act, and what it printed.

    Attributes:
        code: The lines of the statement.
        output: What it printed, in lines.
    """

    code: Sequence[str]
    output: Sequence[Line]


@attrs.frozen
class Played:
    """
    An act that was played.

    Attributes:
        act: The act.
        steps: Its statements.
    """

    act: Act
    steps: Sequence[Step]


def tour(options: Namespace, resources: ExitStack) -> Report:
    """Play all acts on the image that ships with the package."""
    options.image = source.TOUR
    opened = source.open_source(options, resources)
    played = play(opened)
    return Report(blocks=[Lines(_lines(played))], data=lambda: _document(played))


def play(opened: source.Source, acts: Sequence[Act] = ACTS) -> list[Played]:
    """Run the code of the acts, in one namespace, and keep what each printed."""
    printed: list[Line] = []

    def say(*values: object) -> None:
        stories = [_story(value) for value in values]
        if None in stories:
            text = " ".join(map(str, values))
            printed.extend(line(printable(row)) for row in text.splitlines())
        else:
            printed.extend(told for story in stories if story for told in story)

    # The layers under the names that the command line gives them.
    image = attrs.evolve(opened.image, layers_base_first=opened.layers_base_first)
    namespace: dict[str, Any] = {
        "image": image,
        "commands": opened.commands,
        "UnionFS": unionfs_sim.UnionFS,
        "Engine": Engine,
        "print": say,
    }
    played = []
    for act in acts:
        text = textwrap.dedent(act.code).strip()
        steps = []
        for statement in ast.parse(text).body:
            # A constant of this module: what is shown is what is run.
            code = compile(ast.Module([statement], []), f"<{act.title}>", "exec")
            exec(code, namespace)  # noqa: S102
            shown = text.splitlines()[statement.lineno - 1 : statement.end_lineno]
            steps.append(Step(shown, tuple(printed)))
            printed.clear()
        played.append(Played(act, steps))
    return played


def _story(value: object) -> list[list[Piece]] | None:
    """Give a lookup's story in its colors, or ``None`` for anything else."""
    if isinstance(value, Trace):
        return trace_pieces(value)
    return component_pieces(value) if isinstance(value, Component) else None


def _lines(played: Sequence[Played]) -> Iterator[Line]:
    yield line(
        "A tour of union file systems, on an image that ships with this", "title"
    )
    for number, each in enumerate(played, 1):
        yield line()
        yield line(f"{number}. {each.act.title}", "title")
        for text in textwrap.wrap(each.act.text, _WIDTH):
            yield line(text)
        if each.act.command:
            yield (("  $ ", "faint"), (f"unionfs-sim {each.act.command}", "code"))
        for step in each.steps:
            for index, text in enumerate(step.code):
                prompt = "... " if index else ">>> "
                yield ((f"  {prompt}", "faint"), (text, "code"))
            for output in step.output:
                yield (("  ", ""), *output)
    yield line()
    yield (
        ("Now with an image of yours: ", ""),
        ("unionfs-sim explain IMAGE PATH", "code"),
    )


def _document(played: Sequence[Played]) -> dict[str, Any]:
    return {
        "acts": [
            {
                "title": each.act.title,
                "text": each.act.text,
                "command": each.act.command and f"unionfs-sim {each.act.command}",
                "steps": [
                    {
                        "code": list(step.code),
                        "output": [
                            "".join(text for text, _ in told) for told in step.output
                        ],
                    }
                    for step in each.steps
                ],
            }
            for each in played
        ]
    }
