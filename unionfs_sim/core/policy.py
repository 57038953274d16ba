"""
Policies: the mount options of overlayfs, as values.

The defaults are those of the kernel's module; what the kernel refuses together is
refused here with the same errno.  All of it is observed (overlayfs.md, section 9).
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, final

import attrs

from unionfs_sim.errors import UnionFSError, fs_error

#: How many lower layers a mount takes (``OVL_MAX_STACK``; case "500 lower layers").
LAYERS_MAX: Final = 500

#: An absolute redirect that is longer is not set (module parameter ``redirect_max``).
REDIRECT_BYTES_MAX: Final = 256

#: Options by name; ``True`` stands for a bare word.
Options: TypeAlias = Mapping[str, "str | bool"]


class Redirect(enum.Enum):
    """What happens to a lower directory that is renamed, and to one that was."""

    ON = "on"
    OFF = "off"
    FOLLOW = "follow"
    NOFOLLOW = "nofollow"


class Xino(enum.Enum):
    """How inode numbers of several file systems are told apart."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"


_SWITCHES: Final = {"on": True, "off": False}
_UUIDS: Final = frozenset({"on", "off", "null", "auto"})
_VERITIES: Final = frozenset({"on", "off", "require"})
_WORDS: Final = frozenset(
    {
        "userxattr",
        "volatile",
        "default_permissions",
        "override_creds",
        "nooverride_creds",
    }
)
_LAYERS: Final = frozenset({"lowerdir", "upperdir", "workdir", "lowerdir+", "datadir+"})


@final
@attrs.frozen(kw_only=True)
class Policy:
    """
    The switches of one mount.

    Attributes:
        redirect_dir: Whether lower directories can be renamed, by a redirect.
        metacopy: Whether a change of attributes copies no data up.
        index: Whether hard links survive copy-up.
        nfs_export: Whether file handles are kept; turns *index* on.
        xino: How inode numbers are composed.
        userxattr: Whether marks are kept under ``user.`` instead of ``trusted.``.
        volatile: Whether nothing is ever synced.
        uuid: Where the file system's id comes from.
        ghosts: Whether whiteouts that nothing is below of are listed by their
            directory, and keep it from being removed, as the kernel has it (S1, S2).
            Off by default: an image's leftovers are nobody's business.

    >>> Policy.from_options({"metacopy": "on"}).redirect_dir
    <Redirect.ON: 'on'>
    """

    redirect_dir: Redirect = Redirect.OFF
    metacopy: bool = False
    index: bool = False
    nfs_export: bool = False
    xino: Xino = Xino.AUTO
    userxattr: bool = False
    volatile: bool = False
    uuid: str = "auto"
    ghosts: bool = False

    @property
    def follows(self) -> bool:
        """Whether redirects that are there are followed (S19)."""
        return self.redirect_dir is not Redirect.NOFOLLOW

    @property
    def prefix(self) -> str:
        """What the names of private xattrs start with on disk."""
        return "user.overlay." if self.userxattr else "trusted.overlay."

    @property
    def fresh_is_opaque(self) -> bool:
        """Whether a new directory in a merged one is marked opaque (S15)."""
        return (
            self.index
            or self.metacopy
            or self.nfs_export
            or self.redirect_dir is Redirect.ON
            or self.xino is Xino.ON
        )

    @classmethod
    def from_options(cls, options: Options, *, upper: bool = True) -> Policy:
        """
        Read options as the kernel does.

        Args:
            options: The options, without the layers.
            upper: Whether the mount has an upper.

        Raises:
            UnionFSError: EINVAL, an option or a value is unknown, or two do not go
                together.
        """
        for name, value in options.items():
            if not _known(name, str(value) if value is not True else None):
                raise _refused(f"{name}={value}")
        policy = cls(
            redirect_dir=Redirect(options.get("redirect_dir", "off")),
            metacopy=_SWITCHES[str(options.get("metacopy", "off"))],
            index=_SWITCHES[str(options.get("index", "off"))],
            nfs_export=_SWITCHES[str(options.get("nfs_export", "off"))],
            xino=Xino(options.get("xino", "auto")),
            userxattr="userxattr" in options,
            volatile="volatile" in options,
            uuid=str(options.get("uuid", "auto")),
            ghosts=True,
        )
        return policy._settled(options, upper=upper)

    def _settled(self, options: Options, *, upper: bool) -> Policy:
        """Refuse what does not go together, and turn on what follows."""
        policy = self
        given = options.get("redirect_dir")
        if not upper:
            # Accepted, and without an effect (overlayfs.md, 9.2).
            policy = attrs.evolve(policy, index=False, volatile=False)
            if policy.follows:
                policy = attrs.evolve(policy, redirect_dir=Redirect.ON)
        if policy.nfs_export:
            if not upper and policy.follows:
                policy = attrs.evolve(policy, nfs_export=False)  # found-127
            elif options.get("index") == "off":
                raise _refused(option="nfs_export=on")
            else:
                policy = attrs.evolve(policy, index=upper)
        if policy.userxattr:
            if policy.metacopy or given in {"on", "off", "follow"}:
                raise _refused(option="userxattr")
            policy = attrs.evolve(policy, redirect_dir=Redirect.NOFOLLOW)
        if policy.metacopy:
            if policy.nfs_export or (given and policy.redirect_dir is not Redirect.ON):
                raise _refused(option="metacopy=on")
            policy = attrs.evolve(policy, redirect_dir=Redirect.ON)
        return policy

    def words(self, *, upper: bool = True) -> list[str]:
        """
        Give the options that a mount needs to follow this policy.

        Those whose defaults a system can change are always among them.

        Args:
            upper: Whether the mount has an upper.

        >>> Policy.from_options({"metacopy": "on"}).words()
        ['redirect_dir=on', 'metacopy=on', 'index=off']
        """
        words = []
        if not self.userxattr:  # which takes no word on redirects
            redirect = self.redirect_dir
            if self.metacopy and redirect is Redirect.OFF:
                redirect = Redirect.ON
            words.append(f"redirect_dir={redirect.value}")
        words.append(f"metacopy={'on' if self.metacopy else 'off'}")
        if upper:
            words.append(f"index={'on' if self.index else 'off'}")
        if self.nfs_export:
            words.append("nfs_export=on")
        if self.xino is not Xino.AUTO:
            words.append(f"xino={self.xino.value}")
        if self.userxattr:
            words.append("userxattr")
        if self.volatile and upper:
            words.append("volatile")
        if self.uuid != "auto":
            words.append(f"uuid={self.uuid}")
        return words

    @classmethod
    def parse(cls, text: str) -> Policy:
        """
        Read the options of a mount command; those that name layers are passed over.

        Raises:
            UnionFSError: EINVAL, as the kernel.

        >>> Policy.parse("lowerdir=/l1:/l2,upperdir=/u,workdir=/w,index=on").index
        True
        """
        return MountOptions.parse(text).policy


@final
@attrs.frozen
class MountOptions:
    """
    What the option string of ``mount -t overlay`` says.

    Attributes:
        lowers: The lower directories, top first.
        data_only: The data-only directories, top first.
        upper: The upper directory, if any.
        work: The work directory, if any.
        policy: The switches.

    >>> MountOptions.parse(r"lowerdir=/a\\:b:/c::/d,redirect_dir=on").lowers
    ('/a:b', '/c')
    """

    lowers: tuple[str, ...]
    data_only: tuple[str, ...]
    upper: str | None
    work: str | None
    policy: Policy

    @classmethod
    def parse(cls, text: str) -> MountOptions:
        """
        Read an option string as ``mount`` does.

        Raises:
            UnionFSError: EINVAL, as the kernel (overlayfs.md, 9.1 and 9.2).
        """
        options: dict[str, str | bool] = {}
        layers: dict[str, str] = {}
        for item in filter(None, _split(text, ",")):
            name, equals, value = item.partition("=")
            if name not in _LAYERS:
                options[name] = value if equals else True
            elif equals:
                layers[name] = value
            else:
                raise _refused(option=name)
        lowers, data_only = _lowers(layers.get("lowerdir", ""))
        upper, work = layers.get("upperdir"), layers.get("workdir")
        if upper is not None and work is None:
            raise _refused(option="upperdir without workdir")
        return cls(
            lowers,
            data_only,
            None if upper is None else _unquoted(upper),
            None if work is None else _unquoted(work),
            Policy.from_options(options, upper=upper is not None),
        )

    def __str__(self) -> str:
        """
        Give the option string; the inverse of `parse`.

        >>> str(MountOptions(("/a:b",), (), "/u", "/w", Policy(userxattr=True)))
        'lowerdir=/a\\\\:b,upperdir=/u,workdir=/w,metacopy=off,index=off,userxattr'
        """
        words = ["lowerdir=" + ":".join(map(_quoted, self.lowers))]
        words[0] += "".join("::" + _quoted(path) for path in self.data_only)
        if self.upper is not None:
            words.append("upperdir=" + _quoted(self.upper))
        if self.work is not None:
            words.append("workdir=" + _quoted(self.work))
        return ",".join((*words, *self.policy.words(upper=self.upper is not None)))


def _refused(option: str) -> UnionFSError:
    return fs_error(errno.EINVAL, option, op="mount")


def _known(name: str, value: str | None) -> bool:
    """Tell whether the kernel takes an option; a bare word has no value."""
    if name in _WORDS:
        return value is None
    match name:
        case "metacopy" | "index" | "nfs_export":
            return value in _SWITCHES
        case "redirect_dir":
            return value in {item.value for item in Redirect}
        case "xino":
            return value in {item.value for item in Xino}
        case "uuid":
            return value in _UUIDS
        case "verity":
            return value in _VERITIES
        case _:
            return False


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at a separator that no backslash stands before; quotes stay."""
    start = position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == separator:
            yield text[start:position]
            start = position + 1
        position += 1
    yield text[start:]


def _quoted(path: str) -> str:
    """Put backslashes where a path would end early."""
    return "".join("\\" + char if char in "\\:," else char for char in path)


def _unquoted(text: str) -> str:
    pieces = []
    quoted = False
    for char in text:
        if char == "\\" and not quoted:
            quoted = True
        else:
            pieces.append(char)
            quoted = False
    return "".join(pieces)


def _lowers(value: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split ``lowerdir=a:b::c`` into lowers and data-only layers."""
    if not value:
        raise _refused(option="lowerdir")
    lowers: list[str] = []
    data_only: list[str] = []
    target = lowers
    empty = False
    for item in _split(value, ":"):
        if not item:
            # One empty item is the double colon before a data-only layer.
            if empty or not lowers:
                raise _refused(f"lowerdir={value}")
            empty = True
            target = data_only
            continue
        if target is data_only and not empty:
            raise _refused(f"lowerdir={value}")
        empty = False
        target.append(_unquoted(item))
    if empty:
        raise _refused(f"lowerdir={value}")
    return tuple(lowers), tuple(data_only)
