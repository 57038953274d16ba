"""The rows of the commands that measure."""

from __future__ import annotations

from typing import Final

from unionfs_sim.cli.rows import Command, count, numbers, option, words

#: What the measuring commands have in common.
MEASURED: Final = (
    option(
        "--layers",
        metavar="N,N,...",
        type=numbers,
        help="numbers of layers [1,2,4,...,256,500; of an image all it has]",
    ),
    option(
        "--where",
        metavar="PLACE,...",
        type=words,
        default=("top", "middle", "bottom", "miss", "whiteout"),
        help="where the paths lead [top,middle,bottom,miss,whiteout]; also depth-1, "
        "depth-4, depth-12",
    ),
    option(
        "--strategy",
        metavar="NAME,...",
        type=words,
        default=("linear", "folded", "cached"),
        help="how they are looked up: linear asks layer by layer, folded walks the "
        "merged view, cached is what users call [linear,folded,cached]",
    ),
    option(
        "--rounds",
        metavar="N",
        type=count,
        default=21,
        help="rounds a median is taken over [21]",
    ),
    option(
        "--seed", metavar="N", type=int, default=0, help="draws paths of an image [0]"
    ),
    option(
        "--out",
        metavar="FILE",
        help="write each result as it comes; goes on where FILE stops",
    ),
    option(
        "--smoke", action="store_true", help="do everything once; figures mean nothing"
    ),
)

#: The rows.
BENCH: Final = (
    Command(
        "bench lookup-depth",
        "measure what lookups cost as layers pile up",
        "bench:lookup_depth",
        (
            option(
                "--image", metavar="IMAGE", help="measure this image [a made workload]"
            ),
            *MEASURED,
            option(
                "--peers",
                metavar="NAME,...",
                type=words,
                default=(),
                help="what to measure beside, or all: dict.get, method+dict.get, "
                "ChainMap, MultiFS, fsspec-union, pyfakefs, ratarmount, overlayfs, "
                "fuse-overlayfs, unionfs-fuse",
            ),
            option("--plot", metavar="FILE", help="draw it, as SVG or PNG"),
        ),
        about="Times are CPU times as multiples of a dict.get beside them; probes are "
        "counted, so that they are the same in every run.",
        example="bench lookup-depth --layers 1,16,64 --where bottom,miss",
    ),
    Command(
        "bench self",
        "show where a lookup, an open and a listing spend their time",
        "bench:profile",
        (
            option(
                "--layers",
                metavar="N",
                type=count,
                default=100,
                help="layers of the union [100]",
            ),
            option(
                "--repeats",
                metavar="N",
                type=count,
                default=400,
                help="how often each is done, 400 at most [400]",
            ),
        ),
        about="For developers: profiling makes calls dear, so only shares mean something.",
        example="bench self --layers 4 --repeats 20",
    ),
    Command(
        "bench sweep",
        "measure many images and strategies on many workers",
        "bench:sweep",
        (
            option(
                "--image",
                metavar="IMAGE",
                action="append",
                default=[],
                dest="images",
                help="an image to measure; may be given again [a made workload]",
            ),
            *MEASURED,
            option(
                "--executor",
                metavar="KIND",
                default="process",
                help="thread, process, dask for a cluster on this machine, or "
                "dask://HOST:PORT [process]",
            ),
            option(
                "--workers",
                metavar="N",
                type=count,
                help="how many workers [one a processor]",
            ),
        ),
        about="Results come in the same order whatever the executor; work of a lost "
        "worker is done again.",
        example="bench sweep --image @tour --strategy cached --executor thread --smoke",
    ),
)
