"""One lock an engine: its verbs are not for two threads at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def locked(verb: _Verb) -> _Verb:
    """Hold the engine's lock during a verb."""

    @functools.wraps(verb)
    def holding(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with self.engine.verb():
            return verb(self, *args, **kwargs)

    return cast("_Verb", holding)
