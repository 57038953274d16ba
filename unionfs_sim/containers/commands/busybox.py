"""``busybox`` itself, which runs the command that its first argument names."""

from __future__ import annotations

from unionfs_sim.containers.process import NOT_FOUND, Process, Program, run_program
from unionfs_sim.containers.scheduling import Steps


def busybox(process: Process) -> Steps[int]:
    """Run the applet that the first argument names, or list the names."""
    from unionfs_sim.containers.commands import (  # noqa: PLC0415 - it lists us as well
        APPLETS,
    )

    if not process.args or process.args[0] in {"--help", "--list"}:
        process.stdout.write("".join(f"{name}\n" for name in sorted(APPLETS)))
        return 0
    program: Program | None = APPLETS.get(process.args[0])
    if program is None:
        process.stderr.write(f"{process.args[0]}: applet not found\n")
        return NOT_FOUND
    del process.argv[0]
    return (yield from run_program(process, program))
