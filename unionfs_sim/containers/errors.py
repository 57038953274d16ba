"""
What an engine refuses, named and numbered as Docker's own errors are.

Each error carries the status that Docker's API would answer with and the very message
of a real engine; a client puts "Error response from daemon:" before it.
"""

from __future__ import annotations

from typing import ClassVar, Final


class EngineError(Exception):
    """
    Base of every error that an engine raises.

    Attributes:
        status: The status of Docker's API.

    >>> str(NotFound("No such container: web")), NotFound("").status
    ('No such container: web', 404)
    """

    status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        """The sentence of a real engine."""
        return str(self.args[0]) if self.args else ""


class InvalidParameter(EngineError, ValueError):  # noqa: N818 - Docker's names
    """What was asked for makes no sense (400)."""

    status = 400


class Unauthorized(EngineError):  # noqa: N818
    """The caller is not known (401)."""

    status = 401


class Forbidden(EngineError):  # noqa: N818
    """It is known what is meant, and it may not be done (403)."""

    status = 403


class NotFound(EngineError, LookupError):  # noqa: N818
    """There is no container, image, volume or network of that name (404)."""

    status = 404


class Conflict(EngineError):  # noqa: N818
    """The state of things does not allow it now (409)."""

    status = 409


class NotModified(EngineError):  # noqa: N818
    """The thing is already as it was asked to be (304)."""

    status = 304


class System(EngineError):  # noqa: N818
    """Something that the engine relies on failed (500)."""

    status = 500


class NotImplemented_(EngineError):  # noqa: N801, N818
    """This engine does not do that (501)."""

    status = 501


class Unavailable(EngineError):  # noqa: N818
    """It cannot be done at the moment (503)."""

    status = 503


class ContainerError(Exception):
    """
    A container that was waited for ended with another exit code than 0.

    Attributes:
        container: The container.
        exit_status: Its exit code.
        command: What it ran.
        image: The image that it was made of.
        stderr: What it complained of.
    """

    def __init__(
        self,
        container: object,
        exit_status: int,
        command: list[str],
        image: str,
        stderr: bytes,
    ) -> None:
        self.container = container
        self.exit_status = exit_status
        self.command = command
        self.image = image
        self.stderr = stderr
        said = f": {stderr.decode(errors='replace')}" if stderr else ""
        super().__init__(
            f"Command {' '.join(command)!r} in image {image!r} returned non-zero exit"
            f" status {exit_status}{said}"
        )


class ContainerBuildError(EngineError):
    """
    A command of a build ended with another exit code than 0.

    Attributes:
        code: The exit code.
        log: What it wrote.
    """

    def __init__(self, message: str, code: int, log: str) -> None:
        super().__init__(message)
        self.code = code
        self.log = log


#: The error of each status.
BY_STATUS: Final[dict[int, type[EngineError]]] = {
    kind.status: kind
    for kind in (
        NotModified,
        InvalidParameter,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        System,
        NotImplemented_,
        Unavailable,
    )
}
