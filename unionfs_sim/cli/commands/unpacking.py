"""``unpack``: an image as directories of the host."""

from __future__ import annotations

import errno
from argparse import Namespace
from contextlib import ExitStack

import attrs

from unionfs_sim.adapters.unpack import unpack as write
from unionfs_sim.cli import progress, source
from unionfs_sim.cli.report import Block, Line, Lines, Report, UsageError, counted
from unionfs_sim.core.render import printable
from unionfs_sim.errors import UnionFSError


def unpack(options: Namespace, resources: ExitStack) -> Report:
    """Write an image's layers, or its merged view, into a new directory."""
    opened = source.open_source(options, resources)
    count = options.upto
    if count is not None:
        source.check_count(opened, count, option="--upto", least=1)
    try:
        with progress.entries("unpacking") as tell:
            done = write(
                opened.image,
                options.directory,
                dialect=options.dialect,
                layers="all" if count is None else count,
                owners=False if options.no_owners else None,
                progress=tell,
            )
    except UnionFSError as error:
        # The host's own refusals are about what was asked for.
        hint = ""
        if error.errno == errno.EPERM and options.dialect == "overlay":
            hint = " (its marks need root; try: --dialect overlay-userxattr)"
        msg = f"{printable(str(error.filename))}: {error.strerror}{hint}"
        raise UsageError(msg) from error
    what = counted(done.entries, "entry", "entries")
    if options.dialect != "flat":
        what += f" in {counted(len(done.layers_base_first), 'layer')}"
    lines: list[Line] = [
        ((f"{printable(options.directory)}: {what}, {done.dialect}", "title"),)
    ]
    if done.options:
        lines.append((("mount: ", "faint"), (printable(done.options), "")))
    lines += [(("lost: ", "cut off"), (printable(loss), "")) for loss in done.losses]
    blocks: list[Block] = [Lines(lines)]
    return Report(blocks=blocks, data=lambda: attrs.asdict(done))
