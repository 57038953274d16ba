"""
The two families of errors: ``OSError`` for calls, ``ValueError`` for formats.

A filesystem call that fails raises a :class:`UnionFSError` with the kernel's
``errno``; each is also the built-in subclass that callers already catch
(``FileNotFoundError`` and so on).  Something that cannot be read or parsed raises
a :class:`FormatError` or a :class:`SpecError`, which are ``ValueError``.
"""

from __future__ import annotations

import errno as _errno
from typing import Final


class UnionFSError(OSError):
    """
    Base of every error that a filesystem call raises.

    Attributes:
        errno: The kernel's error number, always positive.
        filename: The path as the caller gave it.
        filename2: The second path of a call that takes two, else ``None``.
        op: The verb that failed, such as ``"unlink"``.
    """

    op: str = ""


class NoEntryError(UnionFSError, FileNotFoundError):
    """A path, or a directory on the way to it, is not there (``ENOENT``)."""


class ExistsError(UnionFSError, FileExistsError):
    """The name to be made is already visible (``EEXIST``)."""


class NotDirError(UnionFSError, NotADirectoryError):
    """Something that is not a directory stands in the path (``ENOTDIR``)."""


class IsDirError(UnionFSError, IsADirectoryError):
    """A directory stands where a file is wanted (``EISDIR``)."""


class DeniedError(UnionFSError, PermissionError):
    """The caller may not do this (``EACCES``, ``EPERM``)."""


class NotEmptyError(UnionFSError):
    """A directory to be removed or replaced has entries (``ENOTEMPTY``)."""


class ReadOnlyError(UnionFSError):
    """The union has no writable layer (``EROFS``)."""


class CrossLayerError(UnionFSError):
    """A lower directory cannot be renamed without copying it (``EXDEV``)."""


class LoopError(UnionFSError):
    """Too many symbolic links were met (``ELOOP``)."""


class StaleError(UnionFSError):
    """A plan was made for a state of the union that is gone (``ESTALE``)."""


class FormatError(ValueError):
    """An archive, manifest or layout is not what it claims to be."""


class DigestError(FormatError):
    """Content does not have the digest or the size that it is announced with."""


class MissingExtraError(FormatError):
    """An archive can only be read with an optional extra, which the text names."""


class SpecError(ValueError):
    """A description given by the caller, such as a layer's tree, makes no sense."""


_CLASSES: Final[dict[int, type[UnionFSError]]] = {
    _errno.ENOENT: NoEntryError,
    _errno.EEXIST: ExistsError,
    _errno.ENOTDIR: NotDirError,
    _errno.EISDIR: IsDirError,
    _errno.EACCES: DeniedError,
    _errno.EPERM: DeniedError,
    _errno.ENOTEMPTY: NotEmptyError,
    _errno.EROFS: ReadOnlyError,
    _errno.EXDEV: CrossLayerError,
    _errno.ELOOP: LoopError,
    _errno.ESTALE: StaleError,
}

#: The C library's sentences, fixed here: ``os.strerror`` differs by system.
_TEXTS: Final[dict[int, str]] = {
    _errno.EACCES: "Permission denied",
    _errno.EADDRINUSE: "Address already in use",
    _errno.EADDRNOTAVAIL: "Cannot assign requested address",
    _errno.EAGAIN: "Resource temporarily unavailable",
    _errno.EBADF: "Bad file descriptor",
    _errno.EBUSY: "Device or resource busy",
    _errno.ECONNREFUSED: "Connection refused",
    _errno.ECONNRESET: "Connection reset by peer",
    _errno.EEXIST: "File exists",
    _errno.EFBIG: "File too large",
    _errno.EHOSTUNREACH: "No route to host",
    _errno.EINVAL: "Invalid argument",
    _errno.EIO: "Input/output error",
    _errno.EISDIR: "Is a directory",
    _errno.ELOOP: "Too many levels of symbolic links",
    _errno.EMLINK: "Too many links",
    _errno.ENAMETOOLONG: "File name too long",
    _errno.ENETUNREACH: "Network is unreachable",
    _errno.ENODATA: "No data available",
    _errno.ENODEV: "No such device",
    _errno.ENOENT: "No such file or directory",
    _errno.ENOSPC: "No space left on device",
    _errno.ENOTDIR: "Not a directory",
    _errno.ENOTEMPTY: "Directory not empty",
    _errno.ENXIO: "No such device or address",
    _errno.EOPNOTSUPP: "Operation not supported",
    _errno.EPERM: "Operation not permitted",
    _errno.EPIPE: "Broken pipe",
    _errno.ERANGE: "Numerical result out of range",
    _errno.EROFS: "Read-only file system",
    _errno.ESPIPE: "Illegal seek",
    _errno.ESTALE: "Stale file handle",
    _errno.ETXTBSY: "Text file busy",
    _errno.EXDEV: "Invalid cross-device link",
}


def error_text(number: int) -> str:
    """
    Give the C library's sentence for an error number.

    >>> import errno
    >>> error_text(errno.ENOENT)
    'No such file or directory'
    """
    return _TEXTS.get(number) or _errno.errorcode.get(number, f"Unknown error {number}")


def fs_error(
    number: int, path: object = None, *, op: str, path2: object = None
) -> UnionFSError:
    """
    Make the error of a failed filesystem call; there is no other way to make one.

    Args:
        number: The error number, such as ``errno.ENOENT``.
        path: The path as the caller gave it.
        op: The verb that failed.
        path2: The second path, for calls that take two.

    Returns:
        An instance of the subclass of :class:`UnionFSError` that fits *number*,
        ready to be raised.

    >>> import errno
    >>> error = fs_error(errno.ENOTEMPTY, "/etc", op="rmdir")
    >>> error
    NotEmptyError(39, 'Directory not empty')
    >>> str(error), error.op
    ("[Errno 39] Directory not empty: '/etc'", 'rmdir')
    """
    kind = _CLASSES.get(number, UnionFSError)
    text = error_text(number)
    if path2 is not None:
        error = kind(number, text, path, None, path2)
    elif path is not None:
        error = kind(number, text, path)
    else:
        error = kind(number, text)
    error.op = op
    return error
