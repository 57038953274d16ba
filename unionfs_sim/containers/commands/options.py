"""Options of commands, read as busybox reads them."""

from __future__ import annotations

import getopt
from typing import final

from unionfs_sim.containers.process import Exit, Process


@final
class Options:
    """
    The options and the arguments of a command.

    Args:
        process: The process, whose arguments they are.
        letters: The letters that stand alone; one that takes a value has ``:`` behind.
        long: Long forms, by name, of the letters that they stand for.
        mixed: Whether options may follow arguments.

    Raises:
        Exit: 1, there is an option that the command does not have.
    """

    def __init__(
        self,
        process: Process,
        letters: str = "",
        long: dict[str, str] | None = None,
        *,
        mixed: bool = True,
    ) -> None:
        long = long or {}
        names = [
            f"{name}=" if f"{letter}:" in letters else name
            for name, letter in long.items()
        ]
        read = getopt.gnu_getopt if mixed else getopt.getopt
        try:
            found, self.args = read(process.args, letters, names)
        except getopt.GetoptError as error:
            what = "requires an argument" if "requires" in error.msg else ""
            if what:
                process.fail(f"option {what} -- '{error.opt}'")
            else:
                process.fail(f"unrecognized option: {error.opt}")
            raise Exit(1) from error
        self._values: dict[str, str] = {}
        self.order: list[tuple[str, str]] = []
        for name, value in found:
            letter = long[name[2:]] if name.startswith("--") else name[1:]
            self._values[letter] = value
            self.order.append((letter, value))

    def __contains__(self, letter: str) -> bool:
        """Tell whether an option was given."""
        return letter in self._values

    def __getitem__(self, letter: str) -> str:
        """Give the value of an option."""
        return self._values[letter]

    def get(self, letter: str, default: str = "") -> str:
        """Give the value of an option, or what it has by default."""
        return self._values.get(letter, default)


def reason(error: OSError) -> str:
    """Give the sentence of an error, without its number and path."""
    return error.strerror or str(error)
