"""
The catalogue of properties, planted bugs and correct variants as a page.

``docs/reference/catalogue.md`` is what `page` gives, and a test keeps it so:
``python -m unionfs_sim.teaching.catalogue > docs/reference/catalogue.md``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from unionfs_sim.teaching.baselines import BASELINES
from unionfs_sim.teaching.mutants import GROUPS, MUTANTS, UNSEEN
from unionfs_sim.teaching.properties import PROPERTIES
from unionfs_sim.teaching.variants import VARIANTS

_HEAD = """\
# Catalogue of properties and planted bugs

This page is written by `python -m unionfs_sim.teaching.catalogue`.
How to use it, and what was measured, is in [Teaching](teaching.md).
"""


def page() -> str:
    """
    Give the page as Markdown.

    >>> page().splitlines()[0]
    '# Catalogue of properties and planted bugs'
    """
    families = Counter(prop.family for prop in PROPERTIES.values())
    counted = ", ".join(f"{families[name]} {name}" for name in sorted(families))
    parts = [
        _HEAD,
        f"## Properties\n\n{len(PROPERTIES)} properties: {counted}.\n"
        "*Upper*: it looks into the writable layer, not at the view alone.\n"
        "*Tidy*: it asks for more than correctness, and only those implementations "
        "that promise to write nothing needless.\n",
        table(
            ["id", "statement", "family", "parts", "looks at"],
            (
                [
                    prop.id,
                    f"**{prop.title}.** {prop.statement}",
                    prop.family,
                    ", ".join(prop.parts),
                    prop.looks_at + (", tidy" if prop.tidy else ""),
                ]
                for prop in sorted(PROPERTIES.values(), key=lambda prop: prop.id)
            ),
        ),
        f"## Planted bugs\n\n{len(MUTANTS)} bugs, each one switch in the lab.\n"
        f"{', '.join(sorted(UNSEEN))} leave what shows as it is.\n",
    ]
    for group, about in GROUPS.items():
        parts += [f"### {about.capitalize()}\n", _mutants(group)]
    parts += [
        "## Correct variants\n",
        table(
            ["id", "what it does as it may"],
            ([variant.id, variant.title] for variant in VARIANTS.values()),
        ),
        "## Suites to compare with\n",
        table(
            ["id", "what it is"],
            ([x.id, f"**{x.title}.** {x.statement}"] for x in BASELINES.values()),
        ),
    ]
    return "\n".join(parts)


def _mutants(group: str) -> str:
    rows = (
        [
            mutant.id,
            f"`{mutant.switch}`",
            f"**{mutant.title}** {mutant.misconception}",
            f"`{mutant.example}`",
            mutant.origin,
        ]
        for mutant in sorted(MUTANTS.values(), key=lambda mutant: mutant.id)
        if mutant.group == group
    )
    return table(
        ["id", "switch", "what is wrong, and what one believes", "example", "seen"],
        rows,
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """
    Give a table as Markdown; bars in cells are written so that they part nothing.

    >>> print(table(["a"], [["1 | 2"]]), end="")
    | a |
    | --- |
    | 1 \\| 2 |
    """
    lines = [heads, ["---"] * len(heads)]
    lines += [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
