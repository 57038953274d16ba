"""The life of a container: states, verbs, exit codes (docker-storage.md, 2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from unionfs_sim.containers import Container, ContainerError, Engine, Process
from unionfs_sim.containers.errors import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotFound,
    NotModified,
    System,
)
from unionfs_sim.containers.scheduling import Steps, Timeline


def made(engine: Engine, state: str) -> Container:
    """Make a container that is in a state."""
    container = engine.containers.create("busybox", "sleep 1000", name="db")
    if state != "created":
        container.start()
    if state == "paused":
        container.pause()
    if state == "exited":
        container.stop(0)
    assert state == container.status
    return container


#: Verb, then for each state the state that follows, or the error.
TABLE: list[tuple[str, dict[str, str | type[EngineError]]]] = [
    (
        "start",
        {
            "created": "running",
            "running": NotModified,
            "paused": Conflict,
            "exited": "running",
        },
    ),
    (
        "stop",
        {
            "created": NotModified,
            "running": "exited",
            "paused": "exited",
            "exited": NotModified,
        },
    ),
    (
        "kill",
        {
            "created": Conflict,
            "running": "exited",
            "paused": "exited",
            "exited": Conflict,
        },
    ),
    (
        "pause",
        {
            "created": Conflict,
            "running": "paused",
            "paused": Conflict,
            "exited": Conflict,
        },
    ),
    (
        "unpause",
        {
            "created": Conflict,
            "running": Conflict,
            "paused": "running",
            "exited": Conflict,
        },
    ),
    (
        "restart",
        {
            "created": "running",
            "running": "running",
            "paused": "running",
            "exited": "running",
        },
    ),
]


@pytest.mark.parametrize(("verb", "follows"), TABLE)
@pytest.mark.parametrize("state", ["created", "running", "paused", "exited"])
def test_states_and_verbs(
    engine: Engine, verb: str, follows: dict[str, str | type[EngineError]], state: str
) -> None:
    """Each verb leads from each state to the next one, or is refused."""
    container = made(engine, state)
    expected = follows[state]

    if isinstance(expected, str):
        getattr(container, verb)()
        assert expected == container.status
    else:
        with pytest.raises(expected):
            getattr(container, verb)()
        assert state == container.status


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            "running",
            "You cannot remove a running container {id}. Stop the container before"
            " attempting removal or force remove",
        ),
        (
            "paused",
            "You cannot remove a paused container {id}. Unpause and then stop the"
            " container before attempting removal or force remove",
        ),
    ],
)
def test_what_runs_is_removed_by_force_only(
    engine: Engine, state: str, text: str
) -> None:
    """The refusal names the container; with force it is killed."""
    container = made(engine, state)

    with pytest.raises(Conflict) as caught:
        container.remove()
    container.remove(force=True)

    assert text.format(id=container.id) == str(caught.value)
    assert 0 == len(engine.containers)


def test_the_rw_layer_goes_with_the_removal_not_with_the_stop(engine: Engine) -> None:
    """Stop and start keep what was written; removing loses it."""
    container = made(engine, "running")
    container.exec_run("touch /kept")
    container.stop(0)
    container.start()

    assert 0 == container.exec_run("ls /kept").exit_code
    container.remove(force=True)
    again = made(engine, "running")
    assert 1 == again.exec_run("ls /kept").exit_code


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("true", 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "nosuch"], 127),
        (["sh", "-c", "/etc"], 126),
    ],
)
def test_exit_codes(engine: Engine, command: list[str], code: int) -> None:
    """The exit code is that of the first process."""
    container = engine.containers.create("busybox", command)
    container.start()

    assert {"StatusCode": code, "Error": None} == container.wait()
    assert (code, False) == (
        container.attrs["State"]["ExitCode"],
        container.attrs["State"]["Running"],
    )


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("nosuch", 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        ("/etc", 126, 'exec: "/etc": permission denied: unknown'),
        ("/none", 127, 'exec: "/none": stat /none: no such file or directory: unknown'),
    ],
)
def test_a_failed_start_keeps_the_container(
    engine: Engine, command: str, code: int, text: str
) -> None:
    """It stays created, with its volumes, and tells why."""
    container = engine.containers.create("busybox", command, volumes=["/x"])

    with pytest.raises(InvalidParameter) as caught:
        container.start()

    assert str(caught.value).endswith(text)
    state = container.attrs["State"]
    assert ("created", code) == (state["Status"], state["ExitCode"])
    assert str(caught.value) == state["Error"]
    assert 1 == len(engine.volumes)


def test_a_failed_start_with_rm_leaves_nothing(engine: Engine) -> None:
    """The container and its volumes without a name go."""
    with pytest.raises(InvalidParameter):
        engine.containers.run("busybox", "nosuch", volumes=["/x"], remove=True)

    assert (0, 0) == (len(engine.containers), len(engine.volumes))


def test_a_program_can_end_when_it_is_asked(engine: Engine) -> None:
    """A handler for SIGTERM lets it end by itself; the stop does not wait longer."""

    @engine.programs.register("/bin/server")
    def server(process: Process) -> Steps[int]:
        asked: list[str] = []
        process.on_signal["SIGTERM"] = lambda: asked.append("term")
        while not asked:
            yield from process.sleep(1)
        return 3

    container = engine.containers.run("busybox", "server", detach=True)
    before = engine.clock()
    container.stop()

    assert 3 == container.attrs["State"]["ExitCode"]
    assert engine.clock() - before < 2_000_000_000


def test_a_program_that_ignores_the_signal_is_killed_in_time(engine: Engine) -> None:
    """After the timeout, ten seconds of simulated time by default: 137."""
    container = made(engine, "running")
    before = engine.clock()
    container.stop()

    assert 137 == container.attrs["State"]["ExitCode"]
    assert 10_000_000_000 <= engine.clock() - before < 11_000_000_000


@pytest.mark.parametrize(("signal", "code"), [("KILL", 137), (9, 137)])
def test_kill(engine: Engine, signal: str | int, code: int) -> None:
    """Signals have names and numbers; one that nobody knows is refused."""
    container = made(engine, "running")

    with pytest.raises(InvalidParameter, match="Invalid signal: FOO"):
        container.kill("FOO")
    container.kill("SIGUSR1")
    assert "running" == container.status
    container.kill(signal)
    assert code == container.attrs["State"]["ExitCode"]


def test_what_is_paused_does_not_go_on(engine: Engine) -> None:
    """Time passes, and nothing is written; after the pause it goes on."""
    script = "while true; do sleep 1; echo x >> /log; done"
    container = engine.containers.run("busybox", ["sh", "-c", script], detach=True)
    container.pause()
    other = engine.containers.create("busybox", "sleep 5")
    other.start()
    other.wait()

    assert not container.rw.exists("/log")
    with pytest.raises(Conflict, match="is paused, unpause the container before exec"):
        container.exec_run("true")
    container.unpause()
    other.start()
    other.wait()
    assert container.rw.read_text("/log").startswith("x\n")


def test_a_background_process_goes_with_the_container(engine: Engine) -> None:
    """Whatever was started in it ends when the first process does."""
    container = made(engine, "running")
    container.exec_run(["sh", "-c", "sleep 100; touch /late"], detach=True)
    container.stop(0)
    container.start()
    container.exec_run("sleep 200")

    assert not container.rw.exists("/late")


def test_waiting_for_what_never_happens_is_refused(engine: Engine) -> None:
    """A simulation can tell: nothing else is going on."""
    container = engine.containers.run("busybox", "sleep infinity", detach=True)

    with pytest.raises(EngineError, match="waits for what can never happen"):
        container.wait()


@pytest.mark.parametrize(
    ("policy", "command", "starts"),
    [
        ({"Name": "no"}, "false", 1),
        ({"Name": "on-failure", "MaximumRetryCount": 2}, "false", 3),
        ({"Name": "on-failure"}, "true", 1),
        ({"Name": "always"}, "true", 5),
    ],
)
def test_restart_policies(
    engine: Engine, policy: dict[str, object], command: str, starts: int
) -> None:
    """Again after 0.1, 0.2, 0.4, 0.8 seconds, until it is stopped or the limit."""
    container = engine.containers.create(
        "busybox", ["sh", "-c", f"echo x; {command}"], restart_policy=policy
    )
    container.start()
    engine.containers.run("busybox", "sleep 2", remove=True)

    assert starts == container.logs().count(b"x")
    assert starts - 1 == container.attrs["RestartCount"]
    container.remove()
    engine.containers.run("busybox", "sleep 60", remove=True)
    assert starts == container.logs().count(b"x")


def test_waiting_has_an_end(engine: Engine) -> None:
    """Of the engine's clock, for what goes on for ever."""
    script = "while true; do sleep 1; done"
    container = engine.containers.run("busybox", ["sh", "-c", script], detach=True)
    before = engine.clock()

    with pytest.raises(TimeoutError, match="still runs after 60 seconds"):
        container.wait(timeout=60)
    assert 60_000_000_000 <= engine.clock() - before < 61_000_000_000


def test_names(engine: Engine) -> None:
    """A name is taken until it is free again; a new one is checked as well."""
    container = engine.containers.create("busybox", name="web")

    with pytest.raises(Conflict, match='The container name "/web" is already in use'):
        engine.containers.create("busybox", name="web")
    container.rename("www")
    assert container is engine.containers.get("/www")
    assert container is engine.containers.get(container.id[:6])
    with pytest.raises(NotFound, match=r"^No such container: web$"):
        engine.containers.get("web")
    with pytest.raises(InvalidParameter, match="Invalid container name"):
        container.rename("_x")


def test_run_gives_the_output_or_raises(engine: Engine) -> None:
    """As the Docker SDK: bytes, or an error with the exit code and the complaints."""
    assert b"hi\n" == engine.containers.run("busybox", "echo hi")

    with pytest.raises(ContainerError) as caught:
        engine.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 4"])

    assert (4, b"no\n") == (caught.value.exit_status, caught.value.stderr)


def test_run_with_rm_leaves_no_container(engine: Engine) -> None:
    """The output can still be had."""
    found = engine.containers.run("busybox", "cat", stdin=b"typed\n", remove=True)

    assert (b"typed\n", 0) == (found, len(engine.containers))


def test_a_shell_waits_for_its_lines(engine: Engine) -> None:
    """What is typed is shown and run; ``exit`` ends the container."""
    container = engine.containers.run("busybox", stdin_open=True, tty=True, detach=True)
    assert "running" == container.status
    container.send("echo $((6 * 7)); exit 5\n")

    assert b"/ # echo $((6 * 7)); exit 5\r\n42\r\n" == container.logs()
    assert 5 == container.attrs["State"]["ExitCode"]


def test_logs_have_both_streams(engine: Engine) -> None:
    """In order, one of them alone, or with the time."""
    script = "echo out; echo err >&2; echo out"
    container = engine.containers.create("busybox", ["sh", "-c", script])
    container.start()

    assert b"out\nerr\nout\n" == container.logs()
    assert b"err\n" == container.logs(stdout=False)
    assert container.logs(timestamps=True).startswith(b"2001-09-09T01:46:4")


def test_two_runs_are_equal() -> None:
    """Ids, times and addresses come from counters."""

    def story() -> tuple[str, ...]:
        with Engine.with_busybox() as engine:
            container = engine.containers.run("busybox", "sleep 9", detach=True)
            network = container.attrs["NetworkSettings"]
            return (
                container.id,
                container.name,
                container.attrs["State"]["StartedAt"],
                network["MacAddress"],
                network["SandboxID"],
            )

    assert story() == story()


def test_verbs_of_several_threads(engine: Engine) -> None:
    """The engine's lock keeps them apart: nothing is lost, nobody is kept waiting."""
    container = made(engine, "running")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                script = f"echo {number}.{turn} >> /log"
                container.exec_run(["sh", "-c", script])
                engine.containers.run("busybox", "true", remove=True)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert 40 == len(container.rw.read_text("/log").splitlines())


def test_a_real_clock_is_waited_for() -> None:
    """Sleeping takes time then, in which other threads go on."""
    with Engine.with_busybox(clock=Timeline(time.time_ns, real=True)) as engine:
        container = engine.containers.run(
            "busybox", "cat", stdin_open=True, detach=True
        )
        started = time.monotonic()
        waiting = threading.Thread(target=container.wait)
        waiting.start()
        engine.containers.run("busybox", "sleep 0.2", remove=True)
        assert time.monotonic() - started >= 0.2
        assert "running" == container.status
        container.send("typed", close=True)
        waiting.join(10)

        assert not waiting.is_alive()
        assert b"typed" == container.logs()


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"name": "a"}, ["aa"]),
        ({"status": "exited"}, ["bb"]),
        ({"status": ["exited", "running"]}, ["bb", "aa"]),
        ({"volume": "vol"}, ["bb"]),
        ({"volume": "/x"}, ["bb"]),
        ({"label": "k=v"}, ["aa"]),
        ({"ancestor": "busybox"}, ["bb", "aa"]),
        ({"exited": 0}, ["bb"]),
        ({"network": "bridge"}, ["bb", "aa"]),
    ],
)
def test_lists_are_filtered(
    engine: Engine, filters: dict[str, str], names: list[str]
) -> None:
    """Each filter alone; rows come newest first."""
    engine.containers.run(
        "busybox", "sleep 9", name="aa", detach=True, labels={"k": "v"}
    )
    engine.containers.run("busybox", "true", name="bb", volumes=["vol:/x"])

    found = engine.containers.list(all=True, filters=filters)

    assert names == [each.name for each in found]
    assert ["aa"] == [each.name for each in engine.containers.list()]
    assert engine.containers.prune()["ContainersDeleted"] is not None


def test_pruning_minds_both_kinds_of_labels(engine: Engine) -> None:
    """What has the wanted label goes, unless it has the one that is to stay."""
    for name, labels in (("aa", {"k": ""}), ("bb", {"k": "", "keep": ""}), ("cc", {})):
        engine.containers.run("busybox", "true", name=name, labels=labels)

    engine.containers.prune(filters={"label": "k", "label!": "keep"})

    assert ["cc", "bb"] == [each.name for each in engine.containers.list(all=True)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda engine: engine.containers.create("none"),
        lambda engine: engine.containers.get("none"),
        lambda engine: engine.containers.create("busybox", network="none:").start(),
    ],
    ids=["image", "container", "network"],
)
def test_what_is_not_there(engine: Engine, wrong: Callable[[Engine], object]) -> None:
    """Images, containers and networks are NotFound."""
    with pytest.raises(NotFound):
        wrong(engine)


def test_a_script_that_traps_a_signal_ends_in_its_own_way(engine: Engine) -> None:
    """The usual way to stop well: what the trap says is done before the end."""
    script = "trap 'echo bye; exit 7' TERM; while :; do sleep 1; done"
    container = engine.containers.run("busybox", ["sh", "-c", script], detach=True)

    container.stop()

    assert b"bye\n" == container.logs()
    assert 7 == container.wait()["StatusCode"]


def test_the_first_process_gets_from_inside_only_what_it_traps(engine: Engine) -> None:
    """Without a trap neither TERM nor KILL ends it; ``kill`` succeeds all the same."""
    plain = engine.containers.run("busybox", "sleep 1000", detach=True)
    script = "trap 'echo caught' USR1; while :; do sleep 1; done"
    trapping = engine.containers.run("busybox", ["sh", "-c", script], detach=True)

    assert 0 == plain.exec_run(["sh", "-c", "kill 1 && kill -9 1"])[0]
    assert 0 == trapping.exec_run("kill -USR1 1")[0]
    trapping.exec_run("sleep 2")

    assert "running" == plain.status
    assert b"caught\n" == trapping.logs()


def test_a_prune_leaves_what_is_young(engine: Engine) -> None:
    """``until`` is a moment: what was made after it stays."""
    engine.containers.run("busybox", "true")

    assert (
        engine.containers.prune(filters={"until": "10m"})["ContainersDeleted"] is None
    )
    assert engine.containers.prune(filters={"until": "-1h"})["ContainersDeleted"]


def test_an_empty_entry_point_clears_that_of_the_image(engine: Engine) -> None:
    """As ``docker run --entrypoint ""`` asks for it."""
    engine.build('FROM busybox\nENTRYPOINT ["echo", "ep"]\n', tag="app")

    out = engine.containers.run("app", ["echo", "hi"], entrypoint="", remove=True)

    assert b"hi\n" == out


def test_a_slash_behind_a_file_asks_for_a_directory(engine: Engine) -> None:
    """So ``docker cp`` to it fails, instead of replacing the file."""
    container = engine.containers.create("busybox", "true")

    for path in ("/etc/passwd/", "/etc/passwd/."):
        with pytest.raises(System, match=rf"lstat /.*/merged{path}: not a directory"):
            container.path_status(path)
        with pytest.raises(System, match="not a directory"):
            container.get_archive(path)
