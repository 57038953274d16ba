"""How the documentation is built; no step of it needs a network."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "unionfs_sim"
author = "the unionfs_sim authors"
copyright = f"2026, {author}"
release = version = importlib.metadata.version("unionfs-sim")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"unionfs_sim {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings write names in single backticks; what is a public object becomes a link.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# `-n` makes a reference that leads nowhere an error.  Names of other projects would
# need their inventories, which would need a network, and short names in docstrings
# may be parameters: so only full names of our own are checked.
nitpick_ignore_regex = [(r"py:.*", r"(?!unionfs_sim\.).*")]
suppress_warnings = ["ref.python"]  # a short name that two classes have


def exists(target: str) -> bool:
    """Tell whether a dotted name leads to a module or to something in one."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


def leave_plain(
    app: Sphinx, env: BuildEnvironment, node: Element, contnode: Element
) -> Element | None:
    """Show what is there but has no page, such as an inner type, as plain text."""
    target = node.get("reftarget", "")
    ours = node.get("refdomain") == "py" and target.startswith("unionfs_sim.")
    return contnode if ours and exists(target) else None


def show_tables(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Show the decision tables in docstrings as they stand: lines between bars."""
    shown: list[str] = []
    for line in lines:
        if line.startswith("|"):
            if not shown or not shown[-1].startswith("   |"):
                shown += ["", "::", ""]
            shown.append(f"   {line}")
        else:
            if shown and shown[-1].startswith("   |"):
                shown.append("")
            shown.append(line)
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect("missing-reference", leave_plain)
    app.connect("autodoc-process-docstring", show_tables)
