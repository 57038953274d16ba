"""The resolver: what a union of layers shows at a path."""

from unionfs_sim.teaching.lab import WHITEOUT, Dir, File


def walk(layers, path):
    """Give what shows at a path, the layers that take part there, and the story."""
    shown, taking_part, story = Dir(), range(len(layers) - 1, -1, -1), []
    for at in [path] if path else []:  # the whole path at once: ancestors are not asked
        shown, merged = None, []
        for number in taking_part:
            entry = layers[number].get(at)
            if entry is None:
                continue
            story.append((at, number, verdict(entry)))
            if isinstance(entry, Dir):
                shown = shown or Dir()
                merged.append(number)
                if entry.opaque:
                    break
                continue
            if isinstance(entry, File) and not merged:
                shown = entry
            break
        if shown is None:
            return None, [], story
        taking_part = merged
    return shown, taking_part, story


def verdict(entry):
    """Name an entry."""
    if entry is WHITEOUT:
        return "whiteout"
    if isinstance(entry, File):
        return "file"
    return "opaque" if entry.opaque else "dir"


def lookup(layers, path):
    """Give the File or Dir that shows at a path, or None."""
    return walk(layers, path)[0]


def readdir(layers, path):
    """List the names in a directory, sorted: all that a layer has, if they show."""
    taking_part = walk(layers, path)[1]
    names = {
        at[-1] for number in taking_part for at in layers[number] if at[:-1] == path
    }
    return sorted(name for name in names if lookup(layers, (*path, name)) is not None)


def explain(layers, path):
    """Tell the story of a lookup."""
    return walk(layers, path)[2]
