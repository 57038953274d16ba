"""What made the layers of an image: the steps of its build, made fit to be read."""

from __future__ import annotations

import re
from typing import Final

from unionfs_sim.image.open import Image

#: How long a command may be in a line that says something else as well.
BRIEF_MAX: Final = 64
_WORD_MAX: Final = 16

_NOISE: Final = (
    re.compile(r"^(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c #\(nop\)\s+"),
    re.compile(r"\s+# buildkit$"),
)
_SHELL: Final = re.compile(r"^(?:RUN )?(?:\|\d+ (?:\w+=\S* )*)?/bin/sh -c ")


def layer_commands(image: Image) -> tuple[str, ...]:
    """Give what made each layer, as far as the history can be matched with them."""
    steps = [step for step in image.history if not step.empty_layer]
    count = len(image.layers_base_first)
    if len(steps) != count:
        return ("",) * count
    return tuple(command_text(step.created_by or step.comment) for step in steps)


def command_text(created_by: str) -> str:
    """
    Give a step of a build as it stands in a Dockerfile.

    >>> command_text("/bin/sh -c #(nop) COPY dir:e69e in /srv/ ")
    'COPY dir:e69e in /srv/'
    >>> command_text("RUN /bin/sh -c rm -r /srv # buildkit")
    'RUN rm -r /srv'
    """
    text = created_by
    for noise in _NOISE:
        text = noise.sub("", text)
    return " ".join(_SHELL.sub("RUN ", text).split())


def brief(text: str) -> str:
    """
    Make a command fit for a line that says something else as well.

    >>> brief("RUN make && make install && make clean && make sure it works twice")
    'RUN make && make install && make clean && make sure it ...'
    """
    if len(text) <= BRIEF_MAX:
        return text
    cut = text[: BRIEF_MAX - len(" ...")]
    head, _, word = cut.rpartition(" ")
    return f"{head if len(word) <= _WORD_MAX else cut} ..."
