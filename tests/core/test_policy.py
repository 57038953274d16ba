"""Mount options: all of overlayfs.md 9.2, and the quoting of 9.1."""

from __future__ import annotations

import errno

import pytest

from unionfs_sim import UnionFSError
from unionfs_sim.core.policy import MountOptions, Policy, Redirect, Xino

ACCEPTED: list[tuple[dict[str, str | bool], bool, dict[str, object]]] = [
    # options, whether there is an upper, what is set then.
    ({}, True, {"redirect_dir": Redirect.OFF, "index": False, "metacopy": False}),
    ({"redirect_dir": "on"}, True, {"redirect_dir": Redirect.ON}),
    ({"redirect_dir": "off"}, True, {"redirect_dir": Redirect.OFF}),
    ({"redirect_dir": "follow"}, True, {"redirect_dir": Redirect.FOLLOW}),
    ({"redirect_dir": "nofollow"}, True, {"redirect_dir": Redirect.NOFOLLOW}),
    ({"index": "on"}, True, {"index": True}),
    ({"index": "off"}, True, {"index": False}),
    ({"index": "on"}, False, {"index": False}),
    ({"metacopy": "on"}, True, {"metacopy": True, "redirect_dir": Redirect.ON}),
    ({"metacopy": "off", "redirect_dir": "off"}, True, {"metacopy": False}),
    (
        {"metacopy": "on", "redirect_dir": "follow"},
        False,
        {"metacopy": True, "redirect_dir": Redirect.ON},
    ),
    ({"metacopy": "on", "redirect_dir": "on"}, True, {"metacopy": True}),
    ({"nfs_export": "on"}, True, {"index": True, "nfs_export": True}),
    ({"nfs_export": "on", "index": "on"}, True, {"index": True}),
    ({"nfs_export": "off"}, True, {"nfs_export": False}),
    ({"xino": "on"}, True, {"xino": Xino.ON}),
    ({"xino": "off"}, True, {"xino": Xino.OFF}),
    ({"xino": "auto"}, True, {"xino": Xino.AUTO}),
    ({"userxattr": True}, True, {"redirect_dir": Redirect.NOFOLLOW, "userxattr": True}),
    ({"userxattr": True, "redirect_dir": "nofollow"}, True, {"userxattr": True}),
    ({"volatile": True}, True, {"volatile": True}),
    ({"volatile": True}, False, {"volatile": False}),
    ({"nfs_export": "on", "index": "off"}, False, {"nfs_export": False}),
    (
        {"nfs_export": "on", "redirect_dir": "nofollow"},
        False,
        {"nfs_export": True, "index": False},
    ),
    (
        {"metacopy": "on", "nfs_export": "on", "redirect_dir": "off"},
        False,
        {"metacopy": True, "nfs_export": False, "redirect_dir": Redirect.ON},
    ),
    (
        {"userxattr": True, "nfs_export": "on", "index": "off"},
        False,
        {"nfs_export": False, "redirect_dir": Redirect.NOFOLLOW},
    ),
    ({"uuid": "on"}, True, {"uuid": "on"}),
    ({"uuid": "off"}, True, {"uuid": "off"}),
    ({"uuid": "null"}, True, {"uuid": "null"}),
    ({"uuid": "auto"}, True, {"uuid": "auto"}),
    ({"verity": "on"}, True, {}),
    ({"verity": "off"}, True, {}),
    ({"verity": "require"}, True, {}),
    ({"default_permissions": True}, True, {}),
    ({"override_creds": True}, True, {}),
    ({"nooverride_creds": True}, True, {}),
]


@pytest.mark.parametrize(("options", "upper", "expected"), ACCEPTED)
def test_accepted(
    options: dict[str, str | bool], upper: bool, expected: dict[str, object]
) -> None:
    """What the kernel accepts is accepted, and turns on what it turns on."""
    policy = Policy.from_options(options, upper=upper)

    assert expected == {name: getattr(policy, name) for name in expected}
    assert policy.ghosts


REFUSED: list[dict[str, str | bool]] = [
    {"metacopy": "on", "redirect_dir": "off"},
    {"metacopy": "on", "redirect_dir": "nofollow"},
    {"metacopy": "on", "redirect_dir": "follow"},
    {"metacopy": "on", "nfs_export": "on"},
    {"metacopy": "on", "userxattr": True},
    {"userxattr": True, "redirect_dir": "on"},
    {"userxattr": True, "redirect_dir": "off"},
    {"nfs_export": "on", "index": "off"},
    {"what": "on"},
    {"what": True},
    {"index": "maybe"},
    {"index": ""},
    {"index": True},
    {"redirect_dir": "yes"},
    {"redirect_dir": ""},
    {"metacopy": "follow"},
    {"xino": "maybe"},
    {"uuid": ""},
    {"verity": "maybe"},
    {"volatile": "on"},
    {"userxattr": ""},
]


@pytest.mark.parametrize("options", REFUSED)
def test_refused(options: dict[str, str | bool]) -> None:
    """What the kernel refuses is EINVAL."""
    with pytest.raises(UnionFSError) as caught:
        Policy.from_options(options)

    assert (errno.EINVAL, "mount") == (caught.value.errno, caught.value.op)


@pytest.mark.parametrize(
    ("options", "follows", "prefix", "fresh"),
    [
        ({}, True, "trusted.overlay.", False),
        ({"redirect_dir": "nofollow"}, False, "trusted.overlay.", False),
        ({"userxattr": True}, False, "user.overlay.", False),
        ({"xino": "on"}, True, "trusted.overlay.", True),
    ],
)
def test_what_follows(
    options: dict[str, str | bool], follows: bool, prefix: str, fresh: bool
) -> None:
    """Redirects are followed unless told otherwise; marks are kept where told."""
    policy = Policy.from_options(options)

    assert (follows, prefix, fresh) == (
        policy.follows,
        policy.prefix,
        policy.fresh_is_opaque,
    )


TEXTS: list[tuple[str, tuple[str, ...], tuple[str, ...], str | None, str | None]] = [
    ("lowerdir=/a", ("/a",), (), None, None),
    ("lowerdir=/a:/b,upperdir=/u,workdir=/w", ("/a", "/b"), (), "/u", "/w"),
    (r"lowerdir=/a\:b:/c", ("/a:b", "/c"), (), None, None),
    (r"lowerdir=/a\,b:/c\\d", ("/a,b", "/c\\d"), (), None, None),
    (r"lowerdir=/a,upperdir=/u\,v,workdir=/w\:x", ("/a",), (), "/u,v", "/w:x"),
    ("lowerdir=/a::/d", ("/a",), ("/d",), None, None),
    ("lowerdir=/a:/b::/d::/e", ("/a", "/b"), ("/d", "/e"), None, None),
    ("lowerdir=/a,lowerdir=/b", ("/b",), (), None, None),
    ("lowerdir=/a,workdir=/w", ("/a",), (), None, "/w"),
    (",lowerdir=/a,,", ("/a",), (), None, None),
]


@pytest.mark.parametrize(("text", "lowers", "data_only", "upper", "work"), TEXTS)
def test_mount_options(
    text: str,
    lowers: tuple[str, ...],
    data_only: tuple[str, ...],
    upper: str | None,
    work: str | None,
) -> None:
    """An option string is split where no backslash stands before."""
    got = MountOptions.parse(text)

    assert got.policy == MountOptions.parse(str(got)).policy
    assert got.lowers == MountOptions.parse(str(got)).lowers
    assert (lowers, data_only, upper, work) == (
        got.lowers,
        got.data_only,
        got.upper,
        got.work,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lowerdir=",
        "lowerdir=:/a",
        "lowerdir=/a:",
        "lowerdir=/a::",
        "lowerdir=::/a",
        "lowerdir=/a:::/b",
        "lowerdir=/a::/b:/c",
        "lowerdir=/a,upperdir=/u",
        "upperdir=/u,workdir=/w",
        "lowerdir=/a,index=maybe",
        "lowerdir=/a,what",
    ],
)
def test_mount_options_refused(text: str) -> None:
    """Empty items, three colons and missing directories are EINVAL (9.1)."""
    with pytest.raises(UnionFSError) as caught:
        MountOptions.parse(text)

    assert errno.EINVAL == caught.value.errno


def test_policy_of_a_string_passes_layers_over() -> None:
    """A policy can be read from a whole option string."""
    assert Policy.parse("lowerdir=/a,upperdir=/u,workdir=/w,index=on").index


WORDS: list[tuple[dict[str, str | bool], bool, list[str]]] = [
    ({}, True, ["redirect_dir=off", "metacopy=off", "index=off"]),
    ({}, False, ["redirect_dir=on", "metacopy=off"]),
    ({"metacopy": "on"}, True, ["redirect_dir=on", "metacopy=on", "index=off"]),
    (
        {"nfs_export": "on", "xino": "on", "volatile": True, "uuid": "null"},
        True,
        [
            "redirect_dir=off",
            "metacopy=off",
            "index=on",
            "nfs_export=on",
            "xino=on",
            "volatile",
            "uuid=null",
        ],
    ),
    ({"userxattr": True}, True, ["metacopy=off", "index=off", "userxattr"]),
]


@pytest.mark.parametrize(("options", "upper", "expected"), WORDS)
def test_words(
    options: dict[str, str | bool], upper: bool, expected: list[str]
) -> None:
    """A policy can be written out again, whatever the defaults of the module are."""
    policy = Policy.from_options(options, upper=upper)

    assert expected == policy.words(upper=upper)


def test_words_of_a_made_policy_can_be_mounted() -> None:
    """A policy that nobody settled is written as the kernel takes it."""
    assert "redirect_dir=on" in Policy(metacopy=True).words(upper=True)
