"""Open files are `io` objects: they behave as those of the built-in ``open``."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import IO, Any

import pytest

from unionfs_sim import Layer, UnionFS, UnionFSError
from unionfs_sim.core.fileio import Mode

MODES = ["r", "w", "a", "x", "r+", "w+", "a+", "x+"]


@pytest.fixture
def fs() -> UnionFS:
    """Give a union with a text file below."""
    return UnionFS([Layer.build({"f": "one\ntwo\n", "d": {}})])


@pytest.mark.parametrize("mode", MODES)
def test_mode_flags_are_python_s(mode: str) -> None:
    """The flags of a mode are those that the built-in ``open`` passes on."""
    access = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
    extra = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND}

    wanted = access | extra.get(mode[0], os.O_CREAT | os.O_EXCL)
    assert wanted == Mode.parse(mode + "b").flags


@pytest.mark.parametrize(
    "mode", ["", "b", "rw", "ra", "rr", "r++", "rbt", "z", "U", "r+z", "wx", "+"]
)
def test_bad_modes_are_python_s(tmp_path: Path, mode: str) -> None:
    """What the built-in ``open`` calls no mode is none, in the same words."""
    with pytest.raises(ValueError, match=r".") as wanted:
        open(tmp_path / "f", mode)  # noqa: SIM115 - it fails
    with pytest.raises(ValueError, match=r".") as got:
        Mode.parse(mode)

    assert str(wanted.value).lower()[:12] == str(got.value).lower()[:12]


def use(file: IO[Any]) -> list[object]:
    """Do many things with a binary file; give what each says."""
    found: list[object] = [file.readable(), file.writable(), file.seekable()]

    def attempt(verb: str, *args: object) -> None:
        try:
            found.append((verb, getattr(file, verb)(*args)))
        except (OSError, ValueError) as error:
            kind = io.UnsupportedOperation
            found.append((verb, "unsupported" if isinstance(error, kind) else "error"))

    attempt("tell")
    attempt("read", 2)
    attempt("write", b"XY")
    attempt("tell")
    attempt("seek", 1)
    attempt("read")
    attempt("seek", -2, 2)
    attempt("write", b"!")
    attempt("flush")
    attempt("tell")
    attempt("truncate", 6)
    attempt("seek", 20)
    attempt("read", 1)
    attempt("write", b"end")
    attempt("seek", 0)
    attempt("readline")
    attempt("readlines")
    attempt("seek", -1)
    attempt("seek", -99, 1)
    attempt("truncate")
    found.append(file.mode)
    file.close()
    attempt("tell")
    return found


@pytest.mark.parametrize("buffering", [-1, 0, 3])
@pytest.mark.parametrize("mode", MODES)
def test_binary_files_are_python_s(tmp_path: Path, mode: str, buffering: int) -> None:
    """A program on a binary file gives what it gives on a file of the host."""
    host = tmp_path / "f"
    fs = UnionFS()
    if "x" not in mode:
        host.write_bytes(b"one\ntwo\n")
        fs.write_bytes("/f", b"one\ntwo\n")
    wanted = use(open(host, mode + "b", buffering))  # noqa: SIM115 - it is closed
    got = use(fs.open("/f", mode + "b", buffering))

    assert wanted == got
    assert host.read_bytes() == fs.read_bytes("/f")


@pytest.mark.parametrize(
    ("newline", "errors", "encoding"),
    [
        (None, None, None),
        ("", None, None),
        ("\n", None, None),
        ("\r\n", None, None),
        (None, "surrogateescape", "ascii"),
        (None, "replace", "ascii"),
        (None, None, "latin-1"),
        (None, None, "utf-16"),
    ],
)
def test_text_files_are_python_s(
    tmp_path: Path, newline: str | None, errors: str | None, encoding: str | None
) -> None:
    """Newlines, encodings and error handlers do what they do on the host."""
    host = tmp_path / "f"
    fs = UnionFS()
    text = "a\nb\r\nc\rd" + ("é" if encoding != "ascii" else "")
    with open(host, "w", -1, encoding or "utf-8", errors, newline) as wanted:
        wanted.write(text)
    with fs.open("/f", "w", -1, encoding, errors, newline) as got:
        got.write(text)

    assert host.read_bytes() == fs.read_bytes("/f")
    with (
        open(
            host, encoding=encoding or "utf-8", errors=errors, newline=newline
        ) as wanted,
        fs.open("/f", "r", -1, encoding, errors, newline) as got,
    ):
        assert wanted.readlines() == got.readlines()


def test_text_is_utf_8_by_default(fs: UnionFS) -> None:
    """Whatever the host's locale says, text is UTF-8."""
    fs.write_text("/n", "é")

    assert "é".encode() == fs.read_bytes("/n")


def test_iteration_gives_lines(fs: UnionFS) -> None:
    """A file is an iterator over its lines."""
    with fs.open("/f") as file:
        assert ["one\n", "two\n"] == list(file)


def test_leaving_the_block_closes(fs: UnionFS) -> None:
    """Behind the ``with`` a file is closed, and what was written is there."""
    with fs.open("/n", "w") as file:
        file.write("x")
        assert "" == fs.read_text("/n")

    assert (True, "x") == (file.closed, fs.read_text("/n"))
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_line_buffering(fs: UnionFS) -> None:
    """With a buffer of one line, each line is written at its end."""
    with fs.open("/n", "w", 1) as file:
        file.write("one\ntw")

        assert "one\n" == fs.read_text("/n")[:4]


def test_types_are_those_of_io(fs: UnionFS) -> None:
    """What is given has the class that the built-in ``open`` gives."""
    kinds = {
        "r": io.TextIOWrapper,
        "rb": io.BufferedReader,
        "wb": io.BufferedWriter,
        "r+b": io.BufferedRandom,
    }
    for mode, kind in kinds.items():
        with fs.open("/f", mode) as file:
            assert isinstance(file, kind)
    with fs.open("/f", "rb", 0) as file:
        assert isinstance(file, io.RawIOBase)


def test_name_is_the_path(fs: UnionFS) -> None:
    """A file has the path that it was opened by as its name."""
    with fs.open("d/../f", "rb") as file:
        assert "d/../f" == file.name


@pytest.mark.parametrize(
    ("mode", "buffering", "encoding", "text"),
    [
        ("r", 0, None, "unbuffered text"),
        ("rb", -1, "utf-8", "binary mode"),
    ],
)
def test_arguments_that_do_not_go_together(
    fs: UnionFS, mode: str, buffering: int, encoding: str | None, text: str
) -> None:
    """Text needs a buffer, and bytes have no encoding."""
    with pytest.raises(ValueError, match=text):
        fs.open("/f", mode, buffering, encoding)


@pytest.mark.parametrize(
    ("path", "mode", "number"),
    [
        ("/d", "r", errno.EISDIR),
        ("/d", "w", errno.EISDIR),
        ("/none", "r", errno.ENOENT),
        ("/f", "x", errno.EEXIST),
        ("/fifo", "r", errno.ENXIO),
        ("/null", "r", errno.ENXIO),
    ],
)
def test_open_fails(fs: UnionFS, path: str, mode: str, number: int) -> None:
    """Only regular files are opened as `io` objects."""
    fs.mkfifo("/fifo")
    fs.mknod("/null", 0o020666, 259)

    with pytest.raises(UnionFSError) as caught:
        fs.open(path, mode)
    assert (number, path) == (caught.value.errno, caught.value.filename)


@pytest.mark.parametrize("verb", ["seek", "truncate"])
def test_errors_of_raw_files_are_ours(fs: UnionFS, verb: str) -> None:
    """A position below zero is EINVAL, with the path."""
    with fs.open("/f", "r+b", 0) as file, pytest.raises(UnionFSError) as caught:
        getattr(file, verb)(-1)

    assert (errno.EINVAL, "/f", verb) == (
        caught.value.errno,
        caught.value.filename,
        caught.value.op,
    )


@pytest.mark.parametrize(
    ("mode", "verb"),
    [("rb", "write"), ("rb", "truncate"), ("wb", "read"), ("wb", "readinto")],
)
def test_raw_files_refuse(fs: UnionFS, mode: str, verb: str) -> None:
    """A raw file that was not opened for it is an unsupported operation."""
    argument: object = {"write": b"x", "truncate": 0, "read": -1}.get(
        verb, bytearray(1)
    )
    with fs.open("/n", "wb"):
        pass
    with (
        fs.open("/n", mode, 0) as file,
        pytest.raises(io.UnsupportedOperation, match="not"),
    ):
        getattr(file, verb)(argument)


def test_any_buffer_can_be_written(fs: UnionFS) -> None:
    """What has bytes can be written, and read into."""
    with fs.open("/f", "r+b", 0) as file:
        file.write(memoryview(b"ABCD")[1:3])
        file.seek(0)
        buffer = bytearray(3)

        assert isinstance(file, io.RawIOBase)
        assert 3 == file.readinto(memoryview(buffer))
    assert b"BCe" == buffer


def test_unlinked_file_goes_on(fs: UnionFS) -> None:
    """A file that is open can be written after its name is gone."""
    with fs.open("/f", "r+b") as file:
        fs.unlink("/f")
        file.write(b"ONE")
        file.seek(0)

        assert b"ONE\ntwo\n" == file.read()
