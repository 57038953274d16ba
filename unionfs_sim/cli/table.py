"""The one table of commands: what each is called, takes, says of itself and runs."""

from __future__ import annotations

from typing import Final

from unionfs_sim.cli.benchtable import BENCH
from unionfs_sim.cli.dockertable import DOCKER
from unionfs_sim.cli.exercisestable import EXERCISES
from unionfs_sim.cli.rows import (
    FORCE,
    Command,
    Option,
    count,
    jobs,
    letters,
    levels,
    option,
)

__all__ = ["COMMANDS", "Command", "Option"]

#: An image, and how what real tools disagree about in it is read.
IMAGE: Final = (
    option(
        "image",
        metavar="IMAGE",
        help="OCI layout, OCI or docker archive, or layer tar; "
        "PATH@NAME for one image of several; @tour for the one that ships with this; "
        "overlay:TOP[:BELOW...] for directories, likewise aufs: and the other dialects",
    ),
    option(
        "--lenient",
        action="store_true",
        help="of two entries of one name in a layer the last wins, as with umoci "
        "[refuse]",
    ),
    option(
        "--like",
        choices=("docker",),
        help="read as Docker does what is otherwise refused, or read as no tool does",
    ),
)
PATH: Final = option("path", metavar="PATH", help="a path in the image")
TOP: Final = option(
    "path", metavar="PATH", nargs="?", default="/", help="a path in the image [/]"
)
LAYER: Final = option(
    "--layer",
    metavar="N",
    type=int,
    exclusive=True,
    help="layer N alone, whiteouts and all; the base is layer 0",
)
UPTO: Final = option(
    "--upto",
    metavar="N",
    type=int,
    exclusive=True,
    help="only the first N layers: layers 0 to N-1",
)

OUT: Final = option("out", metavar="OUT", help="the file to write; for oci a directory")
WRITING: Final = (
    option(
        "--format",
        choices=("oci", "oci-archive", "docker-archive", "layer"),
        help="[oci-archive if OUT ends in .tar, else oci]",
    ),
    option(
        "--compression",
        choices=("keep", "none", "gzip", "zstd"),
        default="keep",
        help="of layers [keep: as they are stored, new ones with gzip]",
    ),
    option(
        "--name",
        metavar="NAME",
        action="append",
        help="a name of the image, may be repeated [those it has, else latest]",
    ),
    FORCE,
)

COMMANDS: Final = (
    Command(
        "tour",
        "a guided walk through the main ideas, on a small image",
        "tour:tour",
        about="Runs a few lines of Python, act by act, and shows what they give.",
        example="tour",
    ),
    Command(
        "layers",
        "the layers of an image, base first",
        "inventory:layers",
        (
            *IMAGE,
            option("--full", action="store_true", help="do not shorten the commands"),
        ),
        about="Layers are numbered from 0, the base; every other command takes these "
        "numbers.",
        example="layers @tour",
    ),
    Command(
        "ls",
        "list a directory of the merged view",
        "listing:ls",
        (
            *IMAGE,
            TOP,
            option("-R", "--recursive", action="store_true", help="with all below it"),
            LAYER,
            UPTO,
        ),
        about="The column LAYER says which layer shows; a directory that merges names "
        "several, top first.",
        example="ls @tour /etc",
    ),
    Command(
        "tree",
        "draw a directory and all that is in it",
        "listing:tree",
        (
            *IMAGE,
            TOP,
            option(
                "--depth", metavar="N", type=levels, help="only N levels of directories"
            ),
            LAYER,
            UPTO,
        ),
        example="tree @tour --layer 3",
    ),
    Command(
        "cat",
        "write a file to stdout",
        "reading:cat",
        (*IMAGE, PATH, LAYER, UPTO),
        example="cat @tour /etc/motd",
    ),
    Command(
        "stat",
        "all attributes of an entry, and where it comes from",
        "reading:stat",
        (
            *IMAGE,
            PATH,
            option(
                "-L",
                "--follow",
                action="store_true",
                help="follow a symbolic link at the end",
            ),
            LAYER,
            UPTO,
        ),
        example="stat @tour /etc/motd",
    ),
    Command(
        "find",
        "list the paths below a directory that fit",
        "listing:find",
        (
            *IMAGE,
            TOP,
            option("--name", metavar="GLOB", help="whose name fits, as in '*.conf'"),
            option(
                "--type",
                metavar="LETTERS",
                type=letters,
                help="whose type is one of: f file, d directory, l symbolic link, "
                "c and b device, p fifo, s socket, w whiteout (with --layer)",
            ),
            option(
                "-0",
                "--null",
                action="store_true",
                help="end each path with NUL, and escape nothing",
            ),
            LAYER,
            UPTO,
        ),
        example="find @tour / --name '*.html' --type f",
    ),
    Command(
        "explain",
        "why a path is there or not, layer by layer",
        "explaining:explain",
        (
            *IMAGE,
            PATH,
            option(
                "--no-follow",
                dest="follow",
                action="store_false",
                help="do not follow a symbolic link at the end",
            ),
            LAYER,
            UPTO,
        ),
        about="For each name on the way: the layers that were asked, what they "
        "answered, the links taken, and what hides the rest. "
        "Exits with 0 also for a path that is not there: that is a story too.",
        example="explain @tour /etc/motd",
    ),
    Command(
        "diff",
        "what layers added, changed and deleted",
        "differences:diff",
        (
            *IMAGE,
            option(
                "--layer",
                metavar="N",
                type=int,
                exclusive=True,
                help="what layer N changed",
            ),
            option(
                "--from",
                metavar="A",
                type=int,
                dest="from_count",
                help="what changed from the first A layers [0] ...",
            ),
            option(
                "--to",
                metavar="B",
                type=int,
                dest="to_count",
                help="... to the first B layers [all]",
            ),
        ),
        about="Without options: each layer in turn but the base, which adds all it has.",
        example="diff @tour --from 2 --to 4",
    ),
    Command(
        "manifest",
        "the whole merged view, entry by entry",
        "inventory:manifest",
        (
            *IMAGE,
            option(
                "--no-digests",
                dest="digests",
                action="store_false",
                help="do not read the files for their SHA-256",
            ),
        ),
        example="manifest @tour --json",
    ),
    Command(
        "check",
        "look for all that is wrong or odd with an image file or layout",
        "inspecting:check",
        (option("image", metavar="IMAGE", help="a file, or a layout's directory"),),
        about="Verifies digests, sizes, structure and every entry of every layer, of "
        "all images and platforms, and goes on after the first error. Exits with 0 if "
        "there are only warnings, 1 if anything is wrong, 2 if it is no image.",
        example="check @tour",
    ),
    Command(
        "analyze",
        "what an image stores in vain, by layer and by path",
        "inspecting:analyze",
        (
            *IMAGE,
            option(
                "--count", metavar="N", type=count, default=10, help="paths a list [10]"
            ),
            option(
                "--no-digests",
                dest="digests",
                action="store_false",
                help="do not read files for contents stored twice",
            ),
        ),
        about="A file is wasted if a higher layer rewrites or deletes it; efficiency is "
        "the share of stored bytes that show.",
        example="analyze @tour",
    ),
    Command(
        "conformance",
        "compare the simulator with Linux overlayfs",
        "conformance:conformance",
        (
            option(
                "action",
                choices=("run", "fuzz", "record"),
                help="run: carry recorded cases out on the simulator; fuzz: compare "
                "with a real mount; record: ask the kernel at hand",
            ),
            option(
                "files",
                metavar="FILE",
                nargs="*",
                help="for run a case file, for record two: programs and what to write",
            ),
            option("--case", metavar="ID", help="run: only this case"),
            option(
                "--seconds",
                metavar="S",
                type=float,
                default=60.0,
                help="fuzz: how long [60]",
            ),
            option(
                "--seed",
                metavar="N",
                type=int,
                default=0,
                help="fuzz: what programs are drawn from [0]",
            ),
            option("--save", metavar="FILE", help="fuzz: write what differs as cases"),
            option(
                "--jobs",
                metavar="N",
                type=jobs,
                default=1,
                help="run and fuzz: how many processes share the work [1]",
            ),
        ),
        about="Ends with passed=N failed=M total=T; exits with 1 if anything failed. "
        "Case files may be compressed. Only fuzz and record mount anything, as root or "
        "in a user namespace.",
        example="conformance run cases.json.gz",
    ),
    Command(
        "unpack",
        "write an image into a new directory, merged or layer by layer",
        "unpacking:unpack",
        (
            *IMAGE,
            option("directory", metavar="DIR", help="what is to be made"),
            option(
                "--dialect",
                metavar="NAME",
                default="flat",
                help="flat for the merged view [flat], or how layers are kept: "
                "overlay, overlay-userxattr, fuse-overlayfs, "
                "fuse-overlayfs-rootless, aufs, unionfs-fuse, unionfs-fuse-1.0, oci",
            ),
            option(
                "--no-owners",
                action="store_true",
                help="leave all to the caller [unless that is root]",
            ),
            UPTO,
        ),
        about="All is made under another name beside DIR and renamed at the end, so "
        "an interrupt leaves nothing. Says what could not be kept.",
        example="unpack @tour rootfs",
    ),
    Command(
        "convert",
        "write an image in another form, its layers unchanged",
        "writing:convert",
        (
            *IMAGE,
            OUT,
            *WRITING,
            option(
                "--append", action="store_true", help="add to a layout that is there"
            ),
        ),
        about="Diff IDs stay, and so do the stored bytes of layers that are not "
        "compressed in another way. OUT appears when all of it is there.",
        example="convert @tour tour.docker.tar --format docker-archive",
    ),
    Command(
        "squash",
        "write an image with several layers made one",
        "writing:squash",
        (
            *IMAGE,
            OUT,
            option(
                "--from",
                metavar="A",
                type=int,
                dest="first",
                help="the lowest of the layers [0]",
            ),
            option(
                "--to",
                metavar="B",
                type=int,
                dest="last",
                help="the highest of them, which is one of them [the topmost]",
            ),
            *WRITING,
        ),
        about="Layers A to B become one, and the merged view stays what it is.",
        example="squash @tour tour.tar --from 1 --to 3",
    ),
    Command(
        "pack",
        "write an image made of layer tars and directories",
        "writing:pack",
        (
            option(
                "sources",
                metavar="SOURCE",
                nargs="+",
                help="a layer tar, an image whose layers are taken, a directory, or "
                "overlay:TOP[:BELOW...]; base first",
            ),
            OUT,
            option(
                "--dialect",
                metavar="NAME",
                default="flat",
                help="how marks are kept in directories [flat: there are none]",
            ),
            *WRITING,
        ),
        about="Nothing in OUT depends on when it is made; with SOURCE_DATE_EPOCH set, "
        "no time in new layers is later.",
        example="pack base.tar rootfs image.tar --name app:1",
    ),
    Command(
        "rebase",
        "write an image on another base",
        "writing:rebase",
        (
            *IMAGE,
            option("old", metavar="OLD", help="the base that the image is built on"),
            option("new", metavar="NEW", help="the base that it is to stand on"),
            OUT,
            *WRITING,
        ),
        about="The layers above OLD go on NEW as they are; the config stays the "
        "image's own. OLD and NEW are images, named as IMAGE is.",
        example="rebase app.tar old-base.tar new-base.tar app2.tar",
    ),
    *DOCKER,
    *BENCH,
    *EXERCISES,
)
