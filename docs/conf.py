"""How the documentation is built; no step of it needs a network."""

from __future__ import annotations

import importlib.metadata

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
nitpick_ignore_regex = [
    (r"py:.*", r"(?!unionfs_sim\.).*"),
    (r"py:attr", r"unionfs_sim\.core\.nodes\.Mark\..*"),  # in types only
]
suppress_warnings = ["ref.python"]  # a short name that two classes have
