"""Builds: instructions, layers, history, and the cache by chain (docker-storage.md, 1.4)."""

from __future__ import annotations

import gzip

import pytest

from unionfs_sim import Layer, UnionFS
from unionfs_sim.containers import Engine, Image, trees
from unionfs_sim.containers.build import build
from unionfs_sim.containers.buildcontext import Context, open_context
from unionfs_sim.containers.dockerfile import parse
from unionfs_sim.containers.errors import (
    ContainerBuildError,
    EngineError,
    InvalidParameter,
    NotFound,
    NotImplemented_,
)


def made(engine: Engine, text: str, context: Context = b"", **options: str) -> Image:
    """Build an image called ``app``."""
    return build(engine, text, context, tags=["app"], buildargs=options or None)


def run(engine: Engine, command: str | list[str]) -> str:
    """Run a command in it."""
    return engine.containers.run("app", command, remove=True).decode()


def test_each_instruction_gives_an_image_and_some_a_layer(engine: Engine) -> None:
    """RUN, COPY and a new WORKDIR make layers; the rest is config alone."""
    image = made(
        engine,
        "FROM busybox\nCOPY f /f\nRUN echo hello > /g\nWORKDIR /w/x\nWORKDIR /etc\n"
        'ENV A=b\nLABEL l=1\nEXPOSE 80\nUSER nobody\nVOLUME /vol\nCMD ["true"]\n',
        {"f": "12345\n"},
    )

    assert 4 == len(image.attrs["RootFS"]["Layers"])
    assert [
        '/bin/sh -c #(nop)  CMD ["true"]',
        "/bin/sh -c #(nop)  VOLUME [/vol]",
        "/bin/sh -c #(nop)  USER nobody",
        "/bin/sh -c #(nop)  EXPOSE 80",
        "/bin/sh -c #(nop)  LABEL l=1",
        "/bin/sh -c #(nop)  ENV A=b",
        "/bin/sh -c #(nop) WORKDIR /etc",
        "/bin/sh -c #(nop) WORKDIR /w/x",
        "/bin/sh -c echo hello > /g",
    ] == [row["CreatedBy"] for row in image.history()[:9]]
    config = image.attrs["Config"]
    assert {"80/tcp": {}} == config["ExposedPorts"]
    assert ("nobody", "/etc", {"/vol": {}}) == (
        config["User"],
        config["WorkingDir"],
        config["Volumes"],
    )


#: Files, the instruction, what ``find`` then shows below /x.
COPIES: list[tuple[dict[str, str], str, list[str]]] = [
    ({"a": "1"}, "COPY a /x/", ["/x/a"]),
    ({"a": "1"}, "COPY a /x", ["/x"]),
    ({"a": "1", "b": "2"}, "COPY a b /x/", ["/x/a", "/x/b"]),
    ({"d/a": "1", "d/e/b": "2"}, "COPY d /x", ["/x/a", "/x/e/b"]),
    ({"d/a": "1", "d/e/b": "2"}, "COPY d/ /x/y/", ["/x/y/a", "/x/y/e/b"]),
    ({"a.txt": "1", "b.txt": "2", "c": "3"}, "COPY *.txt /x/", ["/x/a.txt", "/x/b.txt"]),
    ({"a": "1", "b": "2", ".dockerignore": "b\n"}, "COPY . /x/", ["/x/.dockerignore", "/x/a"]),
    ({"a": "1"}, 'COPY ["a", "/x/with blank"]', ["/x/with blank"]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "step", "found"), COPIES)
def test_copies(
    engine: Engine, files: dict[str, str], step: str, found: list[str]
) -> None:
    """Files go where they are told; of directories the contents."""
    made(engine, f"FROM busybox\n{step}\n", files)

    assert found == sorted(run(engine, "find /x -type f").splitlines())


def test_modes_are_kept_and_owners_are_roots(engine: Engine) -> None:
    """Unless ``--chown`` says otherwise, by name or number."""
    text = "FROM busybox\nCOPY f /f\nCOPY --chown=nobody:7 f /g\n"
    made(engine, text, {"f": (0o640, "x")})

    assert "640 0:0\n640 65534:7\n" == run(engine, "stat -c '%a %u:%g' /f /g")


def test_add_unpacks_archives(engine: Engine) -> None:
    """A tar, compressed or not; any other file is copied."""
    data = trees.pack(UnionFS([Layer.build({"d/f": "packed"})]), "/", "")
    text = "FROM busybox\nADD a.tgz /x/\nADD plain /x/\nCOPY a.tgz /y/\n"
    made(engine, text, {"a.tgz": gzip.compress(data), "plain": b"text"})

    assert "packed" == run(engine, "cat /x/d/f")
    assert "/x/d\n/x/plain\n/y/a.tgz\n" == run(engine, "ls -d /x/d /x/plain /y/a.tgz")


def test_the_cache_goes_by_the_chain_and_the_files(engine: Engine) -> None:
    """The same steps give the same image; another file all later ones anew."""
    text = "FROM busybox\nCOPY f /f\nRUN cat /f > /g\n"
    said: list[str] = []
    first = build(engine, text, {"f": "1"})
    again = build(engine, text, {"f": "1"}, report=said.append)
    other = build(engine, text, {"f": "2"})
    forced = build(engine, text, {"f": "1"}, nocache=True)

    assert first.id == again.id
    assert 2 == said.count(" ---> Using cache\n")
    assert first.id not in {other.id, forced.id}
    assert first.value.diff_ids[0] == other.value.diff_ids[0]


def test_what_is_written_below_a_volume_is_lost(engine: Engine) -> None:
    """The classic builder runs each step with a volume there."""
    made(
        engine,
        "FROM busybox\nRUN mkdir /vol && echo 1 > /vol/before\nVOLUME /vol\n"
        "RUN echo 2 > /vol/after; echo 3 > /kept\n",
    )

    assert "/kept\n\n/vol:\nbefore\n" == run(engine, "ls /vol /kept")
    assert 0 == len(engine.volumes)


def test_arguments(engine: Engine) -> None:
    """ARG has a default, a value from outside, and no place in the config."""
    text = "ARG BASE=busybox\nFROM $BASE\nARG V=1\nENV W=$V\nRUN echo $V > /v\n"
    image = made(engine, text, b"", V="2")

    assert "2\n" == run(engine, "cat /v")
    assert ["W=2"] == [x for x in image.config["Env"] if not x.startswith("PATH=")]
    assert image.history()[0]["CreatedBy"].startswith("|1 V=2 /bin/sh -c echo")


def test_stages(engine: Engine) -> None:
    """A later stage copies from an earlier one, by name or number."""
    text = (
        "FROM busybox AS maker\nRUN mkdir /out && echo built > /out/f\n"
        "FROM busybox\nCOPY --from=maker /out /a/\nCOPY --from=0 /out/f /b\n"
    )
    image = made(engine, text)

    assert "built\nbuilt\n" == run(engine, "cat /a/f /b")
    assert 3 == len(image.value.diff_ids)
    assert 2 == len(build(engine, text, target="maker").value.diff_ids)


def test_scratch(engine: Engine) -> None:
    """From nothing: one layer, with what is copied."""
    image = made(engine, 'FROM scratch\nADD f /f\nCMD ["/f"]\n', {"f": "x"})

    assert 1 == len(image.value.diff_ids)
    assert ["/f"] == image.config["Cmd"]


def test_entry_points_and_commands(engine: Engine) -> None:
    """The words of a run replace the command, not the entry point."""
    made(engine, 'FROM busybox\nENTRYPOINT ["echo", "a"]\nCMD ["b"]\n')

    assert "a b\n" == run(engine, [])
    assert "a c\n" == run(engine, "c")


def test_triggers(engine: Engine) -> None:
    """ONBUILD steps run when another image builds on this one."""
    build(engine, "FROM busybox\nONBUILD RUN echo now > /t\n", tags=["base"])
    made(engine, "FROM base\n")

    assert "now\n" == run(engine, "cat /t")


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("", InvalidParameter, "cannot be empty"),
        ("RUN true", InvalidParameter, "no build stage in current context"),
        ("FROM busybox\nFOO x", InvalidParameter, "unknown instruction: FOO"),
        ("FROM nothere", NotFound, "pull access denied for nothere"),
        ("FROM busybox\nRUN exit 3", ContainerBuildError, "non-zero code: 3"),
        ("FROM busybox\nCOPY none /x", InvalidParameter, "file does not exist"),
        ("FROM busybox\nCOPY a b /x", InvalidParameter, "must be a directory"),
        ("FROM busybox\nADD http://x/y /x", NotImplemented_, "URL"),
        (
            "FROM busybox\nENV A",
            InvalidParameter,
            "^failed to parse Dockerfile: ENV must have two arguments$",
        ),
        ("FROM busybox\nLABEL A", InvalidParameter, "LABEL must have two arguments"),
        (
            "FROM busybox\nRUN",
            InvalidParameter,
            "^dockerfile parse error line 2: RUN requires at least one argument$",
        ),
        ("FROM busybox\nUSER", InvalidParameter, "USER requires exactly one argument"),
        (
            "FROM busybox\nCOPY a",
            InvalidParameter,
            "line 2: COPY requires at least two arguments, but only one was provided.",
        ),
        (
            "FROM busybox\nADD --foo=1 a /",
            InvalidParameter,
            "^dockerfile parse error line 2: Unknown flag: foo$",
        ),
        (
            "FROM busybox\nCOPY ../x /",
            InvalidParameter,
            r"^COPY failed: forbidden path outside the build context: ../x \(\)$",
        ),
        (
            "FROM busybox\nCOPY --from=nosuch /a /",
            NotFound,
            "^invalid from flag value nosuch: ",
        ),
        (
            "FROM busybox as",
            InvalidParameter,
            "line 1: FROM requires either one or three arguments",
        ),
        ("FROM busybox AS 1x", InvalidParameter, 'invalid name for build stage: "1x"'),
        ("FROM ${U}", InvalidParameter, r"base name \(\$\{U\}\) should not be blank"),
        ("FROM busybox\nEXPOSE a/b", InvalidParameter, "Invalid containerPort: a$"),
        (
            'FROM busybox\nVOLUME [""]',
            InvalidParameter,
            "line 2: VOLUME specified can not be an empty string",
        ),
    ],
)
def test_dockerfiles_that_fail(
    engine: Engine, text: str, error: type[EngineError], reason: str
) -> None:
    """Each for its reason; a container stays behind only of a command that failed."""
    with pytest.raises(error, match=reason):
        build(engine, text, {"a": "", "b": ""}, forcerm=True)

    assert 0 == len(engine.containers)


def test_the_container_of_a_command_that_fails_stays(engine: Engine) -> None:
    """So one can look what went wrong in it."""
    with pytest.raises(ContainerBuildError):
        build(engine, "FROM busybox\nRUN echo why > /f; exit 3")

    (left,) = engine.containers.list(all=True)
    assert ("exited", 3) == (left.status, left.attrs["State"]["ExitCode"])
    assert ["A /f"] == [str(each) for each in left.diff()]


def test_quotes_and_variables_as_the_classic_builder_reads_them(engine: Engine) -> None:
    """Values keep their blanks, quotes their meaning; compared with 20.10.24."""
    text = """FROM busybox
ENV A="a  b" B='$A' C=x\\ y D=${A:+set} E=${NO:-"d e"}
ENV F=$A G=\\$A H="q\\"q"
ENV I one $A 'two'
LABEL "l 1"="$A" l2=$B
EXPOSE 80 $NO 100-102 9/UDP
VOLUME /data ["/d2"] $A
USER ${NO:-7}
WORKDIR /w/${NO:-x}
HEALTHCHECK --interval=5s --retries=2 CMD true
"""
    config = made(engine, text).config

    env = dict(each.split("=", 1) for each in config["Env"])
    assert {
        "A": "a  b", "B": "$A", "C": "x y", "D": "", "E": "d e", "F": "a  b",
        "G": "$A", "H": 'q"q', "I": "one a  b two",
    } == {name: env[name] for name in "ABCDEFGHI"}  # fmt: skip
    assert {"l 1": "a  b", "l2": "$A"} == config["Labels"]
    ports = ["100/tcp", "101/tcp", "102/tcp", "80/tcp", "9/udp"]
    assert ports == sorted(config["ExposedPorts"])
    assert {"/data", "[/d2]", "a  b"} == set(config["Volumes"])
    assert ("7", "/w/x") == (config["User"], config["WorkingDir"])
    check = {"Test": ["CMD-SHELL", "true"], "Interval": 5 * 10**9, "Retries": 2}
    assert check == config["Healthcheck"]


def test_a_link_that_is_named_is_followed(engine: Engine) -> None:
    """Its target is copied, under the name that was given."""
    fs = UnionFS()
    fs.write_text("/f", "file\n")
    fs.symlink("f", "/l")
    build(engine, "FROM busybox\nCOPY l /d/\nCOPY l /m\n", fs, tags=["app"])

    assert "file\nfile\n" == run(engine, "cat /d/l /m")
    assert "" == run(engine, "find /d /m -type l")


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("*.txt", ["d/a.txt", "d/b", "e/a.txt"]),
        ("**/*.txt", ["d/b"]),
        ("d", ["a.txt", "e/a.txt"]),
        ("?/a.txt\n!e/a.txt", ["a.txt", "d/b", "e/a.txt"]),
    ],
)
def test_what_is_ignored(pattern: str, kept: list[str]) -> None:
    """Only ``**`` reaches over a slash; later lines win."""
    names = ["a.txt", "d/a.txt", "d/b", "e/a.txt"]
    fs = open_context({**dict.fromkeys(names, ""), ".dockerignore": pattern})

    left = [f"{top}/{x}".lstrip("/") for top, _, files in fs.walk("/") for x in files]

    assert kept == sorted(set(left) - {".dockerignore"})


def test_lines_are_continued() -> None:
    """Over comments and empty lines too."""
    steps = parse("# syntax\nFROM x\nRUN a && \\\n# no\n\n  b\n\ncmd c\n")

    assert [("FROM", "x"), ("RUN", "a &&   b"), ("CMD", "c")] == [
        (step.name, step.text) for step in steps
    ]


@pytest.mark.parametrize(
    ("step", "container", "labels"),
    [
        ("COPY f /f", False, None),
        ("ADD f /f", False, None),
        ("ENV a=b", True, {}),
        ("WORKDIR /new", True, {}),
        ("WORKDIR /tmp", True, {}),
        ("RUN echo > /f", True, None),
    ],
)
def test_the_container_that_a_step_was_made_in(
    engine: Engine, step: str, container: bool, labels: dict[str, str] | None
) -> None:
    """Copying has none; where the step has one for its name's sake it has labels."""
    shown = made(engine, f"FROM busybox\n{step}\n", {"f": "1"}).attrs

    assert container == bool(shown["Container"])
    # The host name is that of the container where it did not run anything.
    named = container and not step.startswith("RUN")
    assert named == bool(shown["ContainerConfig"]["Hostname"])
    assert labels == shown["ContainerConfig"]["Labels"]
    assert shown["Config"]["Labels"] is None


def test_a_command_that_changes_nothing_makes_no_layer(engine: Engine) -> None:
    """As the engine looks at what there is to store."""
    image = made(engine, "FROM busybox\nRUN true\nRUN echo > /f\nRUN touch /f\n")
    base = engine.images.get("busybox").attrs["RootFS"]["Layers"]

    assert len(base) + 2 == len(image.attrs["RootFS"]["Layers"])
    assert [1, 1, 0] == [row["Size"] for row in image.history()[:3]]


def test_a_stage_to_stop_after_has_a_name(engine: Engine) -> None:
    """A number is none for the classic builder."""
    text = "FROM busybox AS One\nRUN echo 1 > /f\nFROM busybox\n"

    image = build(engine, text, target="one")

    assert b"1\n" == engine.containers.run(image.id, "cat /f", remove=True)
    for target in ("nosuch", "0"):
        reason = f"failed to reach build target {target} in Dockerfile"
        with pytest.raises(InvalidParameter, match=reason):
            build(engine, text, target=target)


def test_arguments_and_the_cache(engine: Engine) -> None:
    """A step is done again once the default of an argument comes out otherwise."""
    text = "FROM busybox\nARG V=1\nARG X=${V}x\nENV E=$X\n"
    said: list[str] = []

    first = build(engine, text)
    again = build(engine, text, report=said.append)
    hits = said.count(" ---> Using cache\n")
    said.clear()
    other = build(engine, text, buildargs={"V": "2", "NO": ""}, report=said.append)

    assert (first.id, 3) == (again.id, hits)
    assert ("E=1x", "E=2x") == (first.config["Env"][-1], other.config["Env"][-1])
    assert 1 == said.count(" ---> Using cache\n")
    assert "[Warning] One or more build-args [NO] were not consumed\n" in said


def test_another_letter_continues_lines() -> None:
    """A directive says so, before all else."""
    steps = parse("# escape=`\nFROM x\nRUN a `\n b\\\nCMD c\n")

    assert ["FROM x", "RUN a  b\\", "CMD c"] == [step.original for step in steps]
