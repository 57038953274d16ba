"""Hostile entries of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.image.hostile.cases import Case, layered
from tests.image.hostile.cases import make_header as h
from tests.image.hostile.cases import make_pax as p
from unionfs_sim.image.limits import Limits

_LENIENT: Final[Mapping[str, Any]] = {"lenient": True}


def refused(reason: str, *entries: bytes, at: str = "", **options: Any) -> Case:
    """Say that the topmost layer is refused, at an entry if one is to blame."""
    return Case(
        make=lambda _: layered(*entries),
        refused=reason,
        place=f"layer 1 .*{at}" if at else "layer 1 ",
        options=options,
    )


def shown(
    shows: Mapping[str, str | None],
    *entries: bytes,
    odd: str = "",
    as_: str = "",
    exported: str = "",
    **options: Any,
) -> Case:
    """Say that the topmost layer is accepted, and what shows."""
    return Case(
        make=lambda _: layered(*entries),
        shows=shows,
        odd=odd,
        as_=as_,
        exported=exported,
        options=options,
    )


def deep(depth: int) -> bytes:
    return p({"path": "n/" * (depth - 1) + "n"}) + h("n", b"deep")


#: Names and links that lead somewhere else.
TRAVERSAL: Final = {
    "dot dot": shown({"/x": "=evil"}, h("../x", b"evil"), as_="umoci, Docker"),
    "dot dot in the middle": shown({"/x": "file"}, h("d/../../x"), as_="umoci, Docker"),
    "many dot dots": shown({"/etc/passwd": "=evil"}, h("../" * 30 + "etc/passwd", b"evil")),
    "absolute": shown({"/x": "file"}, h("/x"), as_="umoci, Docker"),
    "absolute with dot dot": shown({"/x": "file"}, h("//../../x"), as_="umoci, Docker"),
    "dot dot by pax": shown({"/x": "=evil"}, p({"path": "../../x"}) + h("n", b"evil")),
    "dot dot by GNU": shown({"/x": "=evil"}, h("l", b"../../x\0", type="L") + h("n", b"evil")),
    "dot dot by prefix": shown({"/x": "=evil"}, h("x", b"evil", prefix=b"../..")),
    "dot dot through a link": shown(
        {"/x": "file", "/s": "->/tmp"}, h("s", type="2", link="/tmp"), h("s/../x"),
        as_="names are folded as text, as in umoci",
    ),
    "backslashes": shown({"/..\\..\\x": "file"}, h("..\\..\\x"), as_="all"),
    "percent": shown({"/%2e%2e%2fx": "file"}, h("%2e%2e%2fx"), as_="all"),
    "dot dot as a name": refused("root can only be a directory", h("..", b"x"), at=r"entry '\.\.'"),
    "slash as a file": refused("root can only be a directory", h("/", b"x"), at="entry '/'"),
    "no name": refused("root can only be a directory", h("", b"x"), at="entry ''"),
    "root as a link": refused("root can only be a directory", h("./", type="2", link="/"), at=r"entry '\./'"),
    "root as a file": refused("root can only be a directory", h(".", b"x"), at=r"entry '\.'"),
    "root as a device": refused("root can only be a directory", h("/", type="4", major=8), at="entry '/'"),
    "root as a hard link": refused("root can only be a directory", h("/", type="1", link="file")),
}  # fmt: skip

#: Links, and what stands below them.
LINKS: Final = {
    "file below a link to the outside": Case(
        make=lambda out: layered(h("s", type="2", link=f"{out}"), h("s/secret", b"evil")),
        refused="/s: not a directory", place="layer 1 .*entry 's/secret'",
    ),
    "file below a relative link": refused(
        "/s: not a directory", h("s", type="2", link="../outside"), h("s/secret", b"evil"), at="entry 's/secret'"
    ),
    "file below a chain of links": refused(
        "/a: not a directory", h("b", type="2", link="../outside"), h("a", type="2", link="b"), h("a/x"), at="entry 'a/x'"
    ),
    "file below a loop of links": refused(
        "/a: not a directory", h("a", type="2", link="b"), h("b", type="2", link="a"), h("a/x"), at="entry 'a/x'"
    ),
    "directory below a link": refused(
        "/s: not a directory", h("s", type="2", link="/"), h("s/x", type="5"), at="entry 's/x'"
    ),
    "link below a link": refused(
        "/s: not a directory", h("s", type="2", link="/"), h("s/x", type="2", link="y"), at="entry 's/x'"
    ),
    "file below a link of the layer below": shown(
        {"/link": "dir", "/link/x": "=evil", "/up/secret": "=evil", "/up": "dir"},
        h("link/x", b"evil"), h("up/secret", b"evil"), as_="Docker, podman",
    ),
    "whiteout below a link of the layer below": shown(
        {"/up": "->../outside"}, h("up/.wh.secret"), as_="the link is not followed"
    ),
    "opaque mark below a link of the layer below": shown(
        {"/up": "->../outside"}, h("up/.wh..wh..opq"), as_="the link is not followed"
    ),
    "whiteout below a link of the layer": shown(
        {"/s": "->../outside"}, h("s", type="2", link="../outside"), h("s/.wh.secret"),
        as_="umoci writes such marks; they mean nothing",
    ),
    "links to the outside": shown(
        {"/s": "->/etc/shadow", "/t": "->../../../x"}, h("s", type="2", link="/etc/shadow"),
        h("t", type="2", link="../../../x"), as_="all: nobody follows them",
    ),
    "link to itself": shown({"/s": "->s"}, h("s", type="2", link="s"), as_="all"),
    "link without a target": refused("without a target", h("s", type="2"), at="entry 's'"),
    "link with a target of 70 KiB": refused("a path of more than 65536", p({"linkpath": "x" * 70_000}) + h("s", type="2"), at="entry 's'"),
    "hard link to the outside": Case(
        make=lambda out: layered(h("h", type="1", link=f"../..{out}/secret")),
        refused="which is not there", place="layer 1 .*entry 'h'",
    ),
    "hard link to an absolute path": Case(
        make=lambda out: layered(h("h", type="1", link=f"{out}/secret")),
        refused="which is not there", place="layer 1 .*entry 'h'",
    ),
    "hard link to nothing": refused("which is not there", h("h", type="1", link="nothing"), at="entry 'h'"),
    "hard link without a target": refused("the root or itself", h("h", type="1"), at="entry 'h'"),
    "hard link to a directory": refused("which is a directory", h("h", type="1", link="d"), at="entry 'h'"),
    "hard link to itself": refused("the root or itself", h("h", type="1", link="./h"), at="entry 'h'"),
    "hard link to the root": refused("the root or itself", h("h", type="1", link="/"), at="entry 'h'"),
    "hard link below a link": refused("which is not there", h("s", type="2", link="d"), h("h", type="1", link="s/f"), at="entry 'h'"),
    "hard link to a whiteout": refused("which is not there", h(".wh.x"), h("h", type="1", link=".wh.x"), at="entry 'h'"),
    "hard link before its target": refused("which is not there", h("h", type="1", link="t"), h("t"), at="entry 'h'"),
    "hard links in a circle": refused("which is nowhere", h("a", type="1", link="b"), h("b", type="1", link="a"), **_LENIENT),
    "hard link across layers": shown(
        {"/h": "=low", "/d/f": "=low"}, h("h", type="1", link="d/f"), odd="of a layer below", as_="umoci"
    ),
    "hard link to a link outside": Case(
        make=lambda out: layered(h("s", type="2", link=f"{out}/secret"), h("h", type="1", link="s")),
        shows={"/h": "symlink"}, as_="umoci, Docker",
    ),
    "hard link to a link outside, then content": Case(
        make=lambda out: layered(h("s", type="2", link=f"{out}/secret"), h("h", type="1", link="s"), h("h", b"evil")),
        refused="this name twice", place="layer 1 .*entry 'h'", as_="Docker",
    ),
    "the same, lenient": Case(
        make=lambda out: layered(h("s", type="2", link=f"{out}/secret"), h("h", type="1", link="s"), h("h", b"evil")),
        shows={"/h": "=evil", "/s": "symlink"}, odd="this name twice", options=_LENIENT, as_="umoci",
    ),
}  # fmt: skip

#: Markers that name too much or too little, and things where they cannot be.
MARKERS: Final = {
    "whiteout of nothing": refused("names nothing", h(".wh."), at=r"entry '\.wh\.'"),
    "whiteout of dot": refused("names nothing", h("d/.wh.."), at=r"entry 'd/\.wh\.\.'"),
    "whiteout of dot dot": refused("names nothing", h(".wh..."), at=r"entry '\.wh\.\.\.'"),
    "whiteout of dot dot, deeper": refused("names nothing", h("d/e/.wh..."), at=r"entry 'd/e/\.wh\.\.\.'"),
    "whiteout of nothing as a directory": refused("names nothing", h("d/.wh./", type="5")),
    "whiteout beyond the root": shown({"/etc": None, "/d": "dir"}, h("d/../../.wh.etc"), as_="umoci, Docker"),
    "whiteout by an absolute name": shown({"/etc": None}, h("/../.wh.etc"), as_="umoci, Docker"),
    "whiteout as a directory": shown({"/etc": None}, h(".wh.etc/", type="5"), odd="a mark that is no empty file"),
    "whiteout as a directory with children": refused("nothing can be in it", h(".wh.d/", type="5"), h(".wh.d/x")),
    "whiteout as a link to the outside": shown({"/etc": None}, h(".wh.etc", type="2", link="../outside"), odd="a mark that is no empty file"),
    "whiteout with content": shown({"/etc": None}, h(".wh.etc", b"data"), odd="a mark that is no empty file"),
    "whiteout of a whiteout": shown({"/d/f": "=low"}, h("d/.wh..wh.f"), odd="aufs' own, hidden", as_="aufs"),
    "whiteout twice": refused("this marker twice", h(".wh.etc"), h(".wh.etc")),
    "children of an opaque mark": refused("nothing can be in it", h("d/.wh..wh..opq/x")),
    "opaque root": shown({"/etc": None, "/x": "file"}, h(".wh..wh..opq"), h("x"), odd="the root is opaque", as_="umoci"),
    "whiteout of what is not there": shown({"/d/f": "=low"}, h("no/where/.wh.x")),
    "whiteout and directory": shown({"/d": "dir", "/d/f": None, "/d/n": "file"}, h(".wh.d"), h("d", type="5"), h("d/n")),
    "character device 0:0": refused("0:0, which is a whiteout elsewhere", h("zero", type="3"), at="entry 'zero'"),
    "character device 0:0 kept": shown({"/zero": "char"}, h("zero", type="3"), device_zero="keep", as_="umoci"),
    "character device 0:0 as a whiteout": shown({"/etc": None}, h("etc", type="3"), device_zero="whiteout", as_="Docker"),
    "xattr that makes opaque": shown(
        {"/d/f": "=low"}, p({"SCHILY.xattr.trusted.overlay.opaque": "y"}) + h("d", type="5"),
        odd="bookkeeping of an overlay, dropped", as_="umoci",
    ),
    "xattr that redirects": shown(
        {"/e": "dir", "/e/passwd": None}, p({"SCHILY.xattr.trusted.overlay.redirect": "/etc"}) + h("e", type="5"),
        odd="bookkeeping of an overlay, dropped", as_="umoci",
    ),
    "xattr that makes opaque for users": shown(
        {"/d/f": "=low"}, p({"SCHILY.xattr.user.overlay.opaque": "y"}) + h("d", type="5"), odd="dropped",
    ),
}  # fmt: skip

#: Names that stand in each other's way.
COLLISIONS: Final = {
    "duplicate": refused("this name twice", h("x", b"1"), h("x", b"2"), at="entry 'x'"),
    "duplicate, lenient": shown({"/x": "=2"}, h("x", b"1"), h("x", b"2"), odd="this name twice", as_="umoci", **_LENIENT),
    "duplicate in disguise": refused("this name twice", h("x"), h("./d/..//x"), at="entry"),
    "duplicate of another type": refused("this name twice", h("x", type="5"), h("x", type="2", link="/"), at="entry 'x'"),
    "duplicate directory": refused("this directory twice", h("x", type="5"), h("x/", type="5"), at="entry 'x/'"),
    "duplicate by a global name": refused("this name twice", p({"path": "x"}, scope="g"), h("a"), h("b"), at="entry 'x'"),
    "hundred thousand of one name": refused("this name twice", h("x") * 100_000, at="entry 'x'"),
    "below a file of the layer": refused("/x: not a directory", h("x"), h("x/y"), at="entry 'x/y'"),
    "below a device": refused("/x: not a directory", h("x", type="3", major=1), h("x/y"), at="entry 'x/y'"),
    "below a fifo": refused("/x: not a directory", h("x", type="6"), h("x/y"), at="entry 'x/y'"),
    "file over what is below it": refused("this name twice", h("x/y"), h("x"), at="entry 'x'"),
    "below a file of the layer below": shown({"/file": "dir", "/file/x": "file"}, h("file/x"), as_="Docker"),
    "below a file, with a directory": shown({"/file": "dir"}, h("file", type="5"), h("file/x"), as_="all"),
    "device of huge numbers": refused("the device number", h("x", type="3", raw={329: b"\xff" * 8}), at="entry 'x'"),
}  # fmt: skip

#: Names and attributes that are hard to take.
NAMES: Final = {
    "NUL in a pax name": refused("holds a NUL", p({"path": "a\0b"}) + h("x")),
    "NUL in a pax target": refused("holds a NUL", p({"linkpath": "a\0b"}) + h("x", type="2")),
    "NUL in an xattr": refused("has no key", p({"SCHILY.xattr.user.\0": "x"}) + h("x")),
    "newline": shown({"/a\nb": "file"}, h("a\nb"), as_="all"),
    "escape sequences": shown({"/\x1b[2J": "file"}, h("\x1b[2J"), as_="all"),
    "not UTF-8": shown({"/caf\udce9": "file"}, h(b"caf\xe9"), as_="all"),
    "right to left": shown({"/\u202etxt.exe": "file"}, h("\u202etxt.exe"), as_="all"),
    "two forms of Unicode": shown({"/\u00e9": "=1", "/e\u0301": "=2"}, h("\u00e9", b"1"), h("e\u0301", b"2"), as_="umoci"),
    "component of 300 bytes": shown({"/" + "x" * 300: "file"}, p({"path": "x" * 300}) + h("x"), exported="File name too long"),
    "path of 70 KiB": refused("more than 65536", p({"path": "n/" * 35_000 + "n"}) + h("x")),
    "depth of 1000": shown({"/" + "n/" * 999 + "n": "=deep"}, deep(1000), as_="in memory, and on a host"),
    "depth of 4000": shown({"/" + "n/" * 3999 + "n": "=deep"}, deep(4000), exported="not tried"),
    "depth of 20000": refused("20000 components", deep(20_000)),
    "depth of 20000, allowed": shown({"/" + "n/" * 19_999 + "n": "=deep"}, deep(20_000), limits=Limits(components_max=30_000), exported="not tried"),
    "unknown type": shown({"/x": None, "/y": "file"}, h("x", b"data", type="V"), h("y"), odd="the type 'V' is unknown, skipped"),
    "contiguous file": shown({"/x": "=data"}, h("x", b"data", type="7"), odd="a contiguous file", as_="GNU tar"),
    "file with a slash": shown({"/x": "=data"}, h("x/", b"data"), as_="all"),
    "xattr without a name": shown({"/x": "file"}, p({"SCHILY.xattr.": "v"}) + h("x"), odd="without a name, skipped"),
    "xattr of no namespace": shown({"/x": "file"}, p({"SCHILY.xattr.evil": "v"}) + h("x"), odd="of no namespace", exported="."),
    "xattrs of a megabyte": refused("more than 1048576", p({"SCHILY.xattr.user.k": b"v" * (1 << 20)}) + h("x")),
    "owner minus one": refused("the owner -1:0 cannot be", h("x", raw={108: b"\xff" * 8}), at="entry 'x'"),
    "owner of 2**62": shown({"/x": "file"}, p({"uid": str(2**62)}) + h("x"), odd="which Linux cannot have"),
    "device number of 2000000": shown({"/x": "char"}, h("x", type="3", major=2000000), odd="2000000:0, which Linux cannot have"),
    "owner of 2**64": refused("is not a number", p({"uid": str(2**64)}) + h("x")),
    "time of 2**90": shown({"/x": "file"}, h("x", raw_mtime=b"\x80\x04" + bytes(10)), exported="Invalid argument"),
    "time before the big bang": shown({"/x": "file"}, p({"mtime": "-999999999999999999"}) + h("x"), exported="."),
    "time that is no number": refused("is not a time", p({"mtime": "nan"}) + h("x")),
    "set-id bits and devices": shown({"/x": "file", "/dev": "block"}, h("x", mode=0o6755), h("dev", type="4", major=8), as_="all"),
}  # fmt: skip
