"""
The resolver: what a union of layers shows at a path.

*layers* is a list of dictionaries from paths to entries, base first.  A path is a tuple
of names; the root is () and in no layer.  An entry is a File, a Dir (dir.opaque tells
whether it is opaque), or WHITEOUT.
"""

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File


def lookup(layers, path):
    """Give the File or Dir that shows at a path, or None.  The root is a Dir."""
    raise NotImplementedError


def readdir(layers, path):
    """List the names in a directory, sorted; the caller knows that it is one."""
    raise NotImplementedError


def explain(layers, path):
    """
    Tell the story of a lookup: a list of (path, layer, verdict).

    For each prefix of the path, for each layer that was asked and had something there,
    top first: the prefix, the layer's number (0 is the base), and "file", "dir",
    "opaque" or "whiteout".  What was not asked is not told; the root is not told.
    """
    raise NotImplementedError
