"""Plots of lookups over depth; needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from unionfs_sim.bench.lookup_depth import Line
from unionfs_sim.bench.measure import plain

#: Okabe and Ito's colors, which people tell apart who see fewer colors than others.
COLORS: Final = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
_DASHES: Final = ("-", "--", "-.", ":")
_MARKERS: Final = "osD^vPX*<>"

#: The width of a plot of one panel, and the height, in inches.
WIDTH: Final = 8.0
HEIGHT: Final = 5.0

#: How far apart labels at the ends of lines are, as a part of the axis.
LABEL_GAP: Final = 0.052


def figure(lines: Iterable[Line], *, title: str = "") -> Any:  # noqa: ANN401 - untyped
    """
    Draw the cost of lookups over the number of layers, both axes logarithmic.

    Raises:
        ImportError: The extra `plots` is not installed.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    drawn = [line for line in lines if line.points]
    with mpl.rc_context({"svg.hashsalt": "unionfs-sim", "svg.fonttype": "none"}):
        made = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = made.add_subplot()
        ways = list(dict.fromkeys(line.way for line in drawn))
        places = list(dict.fromkeys(line.where for line in drawn))
        ends = [
            _draw(
                axes,
                line,
                ways.index(line.way),
                places.index(line.where) if len(places) > 1 else None,
            )
            for line in drawn
        ]
        _axes(axes, drawn)
        if title:
            axes.set_title(title, loc="left", fontsize=11)
        _label_ends(axes, ends)
    return made


def _draw(
    axes: Any,  # noqa: ANN401 - untyped
    line: Line,
    way: int,
    place: int | None,
) -> tuple[float, float, str, str]:
    """
    Draw one line, and give where it ends, its color and its label.

    Ways differ by color; places, if there are several, by dash and marker, and if not
    ways do.
    """
    counts = sorted(line.points)
    values = [float(line.points[n].figures["x_dict_get"]) for n in counts]
    bands = [line.points[n].figures["x_dict_get_95"] for n in counts]
    color = COLORS[way % len(COLORS)]
    axes.plot(
        counts,
        values,
        color=color,
        linestyle=_DASHES[(place or way // len(COLORS)) % len(_DASHES)],
        marker=_MARKERS[(way if place is None else place) % len(_MARKERS)],
        markersize=4,
        linewidth=1.6,
    )
    axes.fill_between(
        counts, [low for low, _ in bands], [high for _, high in bands],
        color=color, alpha=0.18, linewidth=0,
    )  # fmt: skip
    name = line.way if place is None else f"{line.way}, {line.where}"
    growth = f"  N^{plain(line.growth.exponent)}" if line.growth else ""
    return counts[-1], values[-1], color, f"{name}{growth}"


def _axes(axes: Any, drawn: Sequence[Line]) -> None:  # noqa: ANN401 - untyped
    axes.set_xscale("log")
    axes.set_yscale("log")
    counts = sorted({count for line in drawn for count in line.points})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("layers in the stack")
    axes.set_ylabel("CPU time of one lookup, as a multiple of one dict.get")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}x")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.9), high * 1.3)


def _label_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:  # noqa: ANN401
    """Write labels beside the ends of the lines, moved apart where they would meet."""
    to_axis = axes.transData + axes.transAxes.inverted()
    places = sorted(
        (float(to_axis.transform((x, y))[1]), x, y, color, text)
        for x, y, color, text in ends
    )
    heights = spread([place[0] for place in places], LABEL_GAP)
    for height, (_, x, y, color, text) in zip(heights, places, strict=True):
        axes.annotate(
            text,
            xy=(x, y),
            xytext=(1.02, height),
            textcoords="axes fraction",
            color=color,
            fontsize=9,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "lw": 0.5,
                "relpos": (0, 0.5),  # from where the text begins, not through it
                "shrinkB": 3,
            },
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """
    Move heights, which are in order, apart until there is a gap between them.

    >>> [round(height, 2) for height in spread([0.1, 0.1, 0.5], 0.1)]
    [0.05, 0.15, 0.5]
    """
    groups: list[tuple[list[float], float]] = []
    for height in heights:
        group, center = [height], height
        while groups:
            before, middle = groups[-1]
            reach = gap * (len(before) + len(group)) / 2
            if center - middle >= reach:
                break
            groups.pop()
            group = before + group
            center = sum(group) / len(group)
        groups.append((group, center))
    return [
        center + gap * (number - (len(group) - 1) / 2)
        for group, center in groups
        for number in range(len(group))
    ]


def save(made: Any, path: Path) -> None:  # noqa: ANN401 - untyped
    """Write a figure; an SVG has the same bytes for the same figure, on every day."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import

    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else None
    with mpl.rc_context({"svg.hashsalt": "unionfs-sim", "svg.fonttype": "none"}):
        made.savefig(path, dpi=150, metadata=metadata)
