"""Keys, lines and signals of a terminal, and the shell behind one."""

from __future__ import annotations

import pytest

from unionfs_sim.containers.container import Container
from unionfs_sim.containers.engine import Engine
from unionfs_sim.containers.terminal import Terminal


@pytest.fixture
def shell(engine: Engine) -> Container:
    """Give a container with a shell on a terminal."""
    return engine.containers.run("busybox", stdin_open=True, tty=True, detach=True)


def typed(container: Container, keys: str) -> str:
    """Type something, and give what the terminal then shows."""
    before = len(container.logs())
    container.send(keys)
    return container.logs()[before:].decode()


@pytest.mark.parametrize(
    ("keys", "read"),
    [
        ("ab\r", b"ab\n"),
        ("ab\n", b"ab\n"),
        ("ax\x7fb\r", b"ab\n"),
        ("xyz\x15ab\r", b"ab\n"),
        ("ls one two\x17three\r", b"ls one three\n"),
        ("é\x7fe\r", b"e\n"),
        ("half\x04", b"half"),
    ],
)
def test_keys_edit_the_line(keys: str, read: bytes) -> None:
    """Erase, kill, word erase; Ctrl-D hands over what there is."""
    keyboard = Terminal(lambda _: None, lambda _: None)
    keyboard.write(keys)

    assert read == keyboard.read_now()


def test_a_line_that_is_not_finished_cannot_be_read() -> None:
    """A terminal gives lines."""
    keyboard = Terminal(lambda _: None, lambda _: None)
    keyboard.write("ls")

    assert not len(keyboard)


def test_ctrl_c_ends_what_the_shell_runs(shell: Container) -> None:
    """The shell itself goes on."""
    typed(shell, "sleep 1000\r")

    assert "^C\r\n/ # " == typed(shell, "\x03")
    assert "echo $?\r\n130\r\n/ # " == typed(shell, "echo $?\r")
    assert "running" == shell.status


def test_ctrl_c_ends_all_of_a_pipe(shell: Container) -> None:
    """Every command of it."""
    typed(shell, "sleep 1000 | sleep 1000\r")

    assert "^C\r\n/ # " == typed(shell, "\x03")


def test_ctrl_c_drops_the_line(shell: Container) -> None:
    """What was typed is not run."""
    assert "exit^C\r\n/ # " == typed(shell, "exit\x03")


def test_ctrl_d_ends_the_input_of_one_program(shell: Container) -> None:
    """``cat`` ends first, then the shell."""
    assert "cat\r\n" == typed(shell, "cat\r")
    assert "hi\r\nhi\r\n" == typed(shell, "hi\r")
    assert "/ # " == typed(shell, "\x04")
    typed(shell, "\x04")

    assert ("exited", 0) == (shell.status, shell.state.exit_code)


def test_a_first_process_ignores_ctrl_c(engine: Engine) -> None:
    """As Linux has it for process 1."""
    made = engine.containers.run(
        "busybox", "sleep 1000", stdin_open=True, tty=True, detach=True
    )
    made.send("\x03")

    assert "running" == made.status


def test_ctrl_c_ends_a_command_of_exec(shell: Container) -> None:
    """It is no first process."""
    made = shell.exec_create("sleep 1000", stdin=True, tty=True)
    made.start()
    made.send("\x03")

    assert 130 == made.exit_code
