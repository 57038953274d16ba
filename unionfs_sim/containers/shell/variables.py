"""Variables of the shell: exported ones, read-only ones, and those of a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Final, NoReturn, final

_NEVER_EXPORTED: Final = frozenset({"IFS", "PS1", "PS2", "OPTIND"})


@final
class Variables(MutableMapping[str, str]):
    """
    The variables of one shell.

    Args:
        values: What they are at first; all of it is exported.
        refuse: Called with the name when a read-only one is to be changed.

    Attributes:
        exported: The names that commands get in their environment.
        readonly: The names that stay as they are.
        export_all: Whether whatever is set from now on is exported.

    >>> variables = Variables({"a": "1"})
    >>> variables.enter(); variables.keep("a"); variables["a"] = "2"; variables.leave()
    >>> variables["a"]
    '1'
    """

    def __init__(
        self,
        values: Mapping[str, str],
        refuse: Callable[[str], NoReturn] | None = None,
    ) -> None:
        self._values = dict(values)
        self._frames: list[dict[str, tuple[str | None, bool]]] = []
        self.exported = set(values)
        self.readonly: set[str] = set()
        self.export_all = False
        self.refuse = refuse

    def copy(self, refuse: Callable[[str], NoReturn]) -> Variables:
        """Give the variables of a subshell."""
        made = Variables(self._values, refuse)
        made._frames = [dict(frame) for frame in self._frames]
        made.exported = set(self.exported)
        made.readonly = set(self.readonly)
        made.export_all = self.export_all
        return made

    def __getitem__(self, name: str) -> str:
        """Give the value of one that is set."""
        return self._values[name]

    def __setitem__(self, name: str, value: str) -> None:
        """Set one."""
        self._check(name)
        self._values[name] = value
        if self.export_all:
            self.exported.add(name)

    def __delitem__(self, name: str) -> None:
        """Unset one."""
        self._check(name)
        del self._values[name]
        self.exported.discard(name)

    def __iter__(self) -> Iterator[str]:
        """Go through the names of those that are set."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count those that are set."""
        return len(self._values)

    def _check(self, name: str) -> None:
        if name in self.readonly and self.refuse is not None:
            self.refuse(name)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Give what a command gets, with what is set for it alone."""
        given = {
            name: value
            for name, value in self._values.items()
            if name in self.exported and name not in _NEVER_EXPORTED
        }
        return {**given, **more}

    # --- what a function keeps to itself --------------------------------------

    @property
    def in_function(self) -> bool:
        """Whether there is a function that could keep variables to itself."""
        return bool(self._frames)

    def enter(self, names: Iterable[str] = ()) -> None:
        """Begin a function, or a command that has variables of its own."""
        self._frames.append({})
        for name in names:
            self.keep(name)

    def keep(self, name: str) -> None:
        """Let a variable be as it is now when the function ends."""
        frame = self._frames[-1]
        frame.setdefault(name, (self._values.get(name), name in self.exported))

    def leave(self) -> None:
        """End a function: what it kept is again as it was."""
        for name, (value, exported) in self._frames.pop().items():
            self._values.pop(name, None)
            self.exported.discard(name)
            if value is not None:
                self._values[name] = value
            if exported:
                self.exported.add(name)
