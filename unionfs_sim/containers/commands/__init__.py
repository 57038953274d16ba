"""The commands of a small busybox, as Python callables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from unionfs_sim.containers.commands import (
    files,
    kill,
    listing,
    network,
    system,
    text,
)
from unionfs_sim.containers.commands.busybox import busybox
from unionfs_sim.containers.process import Program
from unionfs_sim.containers.shell.main import shell

#: Each command by its name.
APPLETS: Final[Mapping[str, Program]] = {
    **files.COMMANDS,
    **kill.COMMANDS,
    **listing.COMMANDS,
    **network.COMMANDS,
    **system.COMMANDS,
    **text.COMMANDS,
    "ash": shell,
    "busybox": busybox,
    "sh": shell,
}
