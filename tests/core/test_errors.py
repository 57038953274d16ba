"""Errors are `OSError` with the kernel's number, of every class a caller may catch."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import sys

import pytest

from unionfs_sim import FormatError, SpecError, UnionFSError, errors

CLASSES = [
    (errno.ENOENT, errors.NoEntryError, FileNotFoundError),
    (errno.EEXIST, errors.ExistsError, FileExistsError),
    (errno.ENOTDIR, errors.NotDirError, NotADirectoryError),
    (errno.EISDIR, errors.IsDirError, IsADirectoryError),
    (errno.EACCES, errors.DeniedError, PermissionError),
    (errno.EPERM, errors.DeniedError, PermissionError),
    (errno.ENOTEMPTY, errors.NotEmptyError, OSError),
    (errno.EROFS, errors.ReadOnlyError, OSError),
    (errno.EXDEV, errors.CrossLayerError, OSError),
    (errno.ELOOP, errors.LoopError, OSError),
    (errno.ESTALE, errors.StaleError, OSError),
    (errno.EINVAL, UnionFSError, OSError),
    (errno.EBADF, UnionFSError, OSError),
]


@pytest.mark.parametrize(("number", "ours", "builtin"), CLASSES)
def test_class_fits_the_number(
    number: int, ours: type[UnionFSError], builtin: type[OSError]
) -> None:
    """The class follows from the number, and is the built-in one too."""
    error = errors.fs_error(number, "/p", op="verb")

    assert ours is type(error)
    assert isinstance(error, builtin)
    assert number == error.errno


@pytest.mark.parametrize(
    ("path", "path2", "text"),
    [
        (None, None, "[Errno 2] No such file or directory"),
        ("/a", None, "[Errno 2] No such file or directory: '/a'"),
        ("/a", "/b", "[Errno 2] No such file or directory: '/a' -> '/b'"),
        (7, None, "[Errno 2] No such file or directory: 7"),
    ],
)
def test_text_names_the_paths(path: object, path2: object, text: str) -> None:
    """An error reads as the host's errors do."""
    assert text == str(errors.fs_error(errno.ENOENT, path, op="verb", path2=path2))


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
@pytest.mark.parametrize(("number", "ours", "builtin"), CLASSES)
@pytest.mark.parametrize("path2", [None, "/b"])
def test_copies_keep_everything(
    again: object,
    number: int,
    ours: type[UnionFSError],
    builtin: type[OSError],
    path2: str | None,
) -> None:
    """An error that went through a pickle or a copy is the same error."""
    error = errors.fs_error(number, "/a", op="verb", path2=path2)
    twin = again(error)  # type: ignore[operator]

    assert ours is type(twin)
    assert (error.errno, error.strerror, "/a", path2, "verb") == (
        twin.errno,
        twin.strerror,
        twin.filename,
        twin.filename2,
        twin.op,
    )
    assert str(error) == str(twin)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the C library's texts"
)
@pytest.mark.parametrize("number", sorted(errors._TEXTS))
def test_texts_are_those_of_the_c_library(number: int) -> None:
    """The sentences are those that Linux users know."""
    assert os.strerror(number) == errors.error_text(number)


@pytest.mark.parametrize(
    ("number", "text"), [(errno.ECHILD, "ECHILD"), (99_999, "Unknown error 99999")]
)
def test_other_numbers_have_a_text(number: int, text: str) -> None:
    """A number without a sentence of its own has a name, or says that it has none."""
    assert text == errors.error_text(number)


@pytest.mark.parametrize("kind", [FormatError, SpecError, errors.DigestError])
def test_formats_are_value_errors(kind: type[Exception]) -> None:
    """What cannot be read is a `ValueError`, never an `OSError`."""
    assert issubclass(kind, ValueError)
    assert not issubclass(kind, OSError)
