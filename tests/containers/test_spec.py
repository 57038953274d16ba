"""What is written behind ``-v``, ``--mount``, ``--tmpfs`` and ``--volumes-from``."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from unionfs_sim.containers import spec
from unionfs_sim.containers.errors import InvalidParameter
from unionfs_sim.containers.mountflag import FlagError

CHARACTERS = (
    "includes invalid characters for a local volume name, only"
    ' "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host'
    " directory, use absolute path"
)


@pytest.mark.parametrize(
    ("text", "kind", "source", "target"),
    [
        ("/x", "volume", None, "/x"),
        ("/x/../y", "volume", None, "/y"),
        ("/", "volume", None, "/"),
        ("x", "volume", None, "x"),
        ("", "volume", None, "."),
        (":/x", "volume", None, ":/x"),
        ("a:/x", "volume", None, "a:/x"),
        ("hb_n:/x", "volume", "hb_n", "/x"),
        ("hb_n:/x:", "volume", "hb_n", "/x"),
        ("relative:/x", "volume", "relative", "/x"),
        ("a/b:/x", "volume", "a/b", "/x"),
        ("/a:/x", "bind", "/a", "/x"),
        ("/:/x", "bind", "/", "/x"),
        ("/..:/x", "bind", "/", "/x"),
        ("/data/q/../r/:/x//y/", "bind", "/data/r", "/x/y"),
    ],
)
def test_volume_flag(text: str, kind: str, source: str | None, target: str) -> None:
    """``-v`` makes a volume or a bind; both paths are cleaned (4.1)."""
    got = spec.parse_volume(text)

    assert (kind, source, target) == (got.type, got.source, got.target)
    assert got.create_source
    assert got.anonymous is (source is None)


@pytest.mark.parametrize(
    ("text", "shown", "writable", "propagation"),
    [
        ("/q:/x", "", True, ""),
        ("/q:/x:ro", "ro", False, ""),
        ("/q:/x:rw", "rw", True, ""),
        ("/q:/x:z", "z", True, ""),
        ("/q:/x:ro,Z", "ro,Z", False, ""),
        ("/q:/x:rslave", "rslave", True, "rslave"),
        ("/q:/x:shared,ro", "shared,ro", False, "shared"),
        ("/q:/x:cached", "cached", True, ""),
        ("hb_n:/x", "z", True, ""),
        ("hb_n:/x:", "z", True, ""),
        ("hb_n:/x:ro", "ro", False, ""),
        ("hb_n:/x:rw,nocopy", "rw,nocopy", True, ""),
        ("hb_n:/x:Z", "Z", True, ""),
        ("/x", "", True, ""),
    ],
)
def test_mode_as_inspect_shows_it(
    text: str, shown: str, writable: bool, propagation: str
) -> None:
    """Modes are shown as they were written; a named volume without one is ``z``."""
    got = spec.parse_volume(text)

    assert (shown, writable) == (got.shown_mode, not got.read_only)
    assert propagation == got.propagation
    assert got.no_copy is ("nocopy" in text)
    assert got.seeds is (got.type == "volume" and not got.no_copy)


@pytest.mark.parametrize("mode", ["consistent", "cached", "delegated"])
@pytest.mark.parametrize("source", ["/a", "vol"])
def test_consistency_is_taken_for_both(source: str, mode: str) -> None:
    """The consistency words change nothing, on binds and volumes."""
    assert mode == spec.parse_volume(f"{source}:/x:{mode}").consistency


@pytest.mark.parametrize("word", sorted(spec.PROPAGATIONS))
def test_propagation_words(word: str) -> None:
    """All six propagation words are taken for binds."""
    assert word == spec.parse_volume(f"/a:/x:{word}").propagation


BIND = 'invalid mount config for type "bind"'
VOLUME = 'invalid mount config for type "volume"'
ROOT = "invalid specification: destination can't be '/'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a:/", f"invalid volume specification: '/a:/': {BIND}: {ROOT}"),
        ("/a:/..", f"invalid volume specification: '/a:/..': {BIND}: {ROOT}"),
        ("hb_n:/", f"invalid volume specification: 'hb_n:/': {VOLUME}: {ROOT}"),
        (
            "/a:x",
            f"invalid volume specification: '/a:x': {BIND}:"
            " invalid mount path: 'x' mount path must be absolute",
        ),
        ("/a:", "invalid volume specification: '/a:'"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        ("/a::/b", "invalid mode: /b"),
        ("/a:/b:/c:/d", "invalid volume specification: '/a:/b:/c:/d'"),
        ("/a:/b:ro:rw", "invalid volume specification: '/a:/b:ro:rw'"),
        ("/a:/b:bogus", "invalid mode: bogus"),
        ("/a:/b:RO", "invalid mode: RO"),
        ("/a:/b:copy", "invalid mode: copy"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:/b:cached,delegated", "invalid mode: cached,delegated"),
        ("/a:/b:slave,shared", "invalid mode: slave,shared"),
        ("/a:/b:z,Z", "invalid mode: z,Z"),
        ("hb_n:/b:nocopy,nocopy", "invalid mode: nocopy,nocopy"),
        ("/a:/b:,ro", "invalid mode: ,ro"),
        (
            "/a:/b:nocopy",
            f"invalid volume specification: '/a:/b:nocopy': {BIND}:"
            " field VolumeOptions must not be specified",
        ),
        (
            "hb_n:/b:shared",
            f"invalid volume specification: 'hb_n:/b:shared': {VOLUME}:"
            " field BindOptions must not be specified",
        ),
        (
            "/a::",
            f"invalid volume specification: '/a::': {BIND}:"
            " field Target must not be empty",
        ),
    ],
)
def test_volume_flag_is_refused(text: str, message: str) -> None:
    """What the engine refuses, it refuses in these words (4.1)."""
    with pytest.raises(InvalidParameter) as caught:
        spec.parse_volume(text)

    assert message == str(caught.value)
    assert 400 == caught.value.status


@pytest.mark.parametrize("text", [":/x", "x:y:z:w", ""])
def test_engine_reads_binds_without_the_client(text: str) -> None:
    """What the client would keep from the engine is refused if it comes all the same."""
    with pytest.raises(InvalidParameter, match="invalid volume specification"):
        spec.parse_bind(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "type=volume,src=hb_n,dst=/x",
            {"Type": "volume", "Source": "hb_n", "Target": "/x"},
        ),
        (
            "source=hb_n,target=/x,readonly",
            {"Type": "volume", "Source": "hb_n", "Target": "/x", "ReadOnly": True},
        ),
        ("dst=/x", {"Type": "volume", "Target": "/x"}),
        ("TYPE=Volume,DST=/x", {"Type": "volume", "Target": "/x"}),
        ("destination=/x,ro=0", {"Type": "volume", "Target": "/x"}),
        (
            "src=hb_n,dst=/x,volume-nocopy",
            {
                "Type": "volume",
                "Source": "hb_n",
                "Target": "/x",
                "VolumeOptions": {"NoCopy": True, "DriverConfig": {}},
            },
        ),
        (
            "src=hb_t,dst=/x,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"
            "volume-opt=o=size=64k",
            {
                "Type": "volume",
                "Source": "hb_t",
                "Target": "/x",
                "VolumeOptions": {
                    "DriverConfig": {
                        "Options": {"device": "tmpfs", "o": "size=64k", "type": "tmpfs"}
                    }
                },
            },
        ),
        (
            "type=volume,dst=/x,volume-label=a=b",
            {
                "Type": "volume",
                "Target": "/x",
                "VolumeOptions": {"Labels": {"a": "b"}, "DriverConfig": {}},
            },
        ),
        (
            "type=bind,src=/data/q,dst=/x,bind-propagation=rslave",
            {
                "Type": "bind",
                "Source": "/data/q",
                "Target": "/x",
                "BindOptions": {"Propagation": "rslave"},
            },
        ),
        (
            "type=bind,src=/data/q,dst=/x,bind-nonrecursive,consistency=cached",
            {
                "Type": "bind",
                "Source": "/data/q",
                "Target": "/x",
                "Consistency": "cached",
                "BindOptions": {"NonRecursive": True},
            },
        ),
        (
            "type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=0700",
            {
                "Type": "tmpfs",
                "Target": "/x",
                "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 448},
            },
        ),
        (
            'type=bind,"src=/a,b",dst=/x/',
            {"Type": "bind", "Source": "/a,b", "Target": "/x/"},
        ),
    ],
)
def test_mount_flag(text: str, expected: dict[str, Any]) -> None:
    """``--mount`` becomes an entry of ``HostConfig.Mounts``, which reads back (4.3)."""
    got = spec.parse_mount(text)

    assert expected == got.to_json()
    assert got == spec.parse_mount_json(got.to_json())
    assert not got.create_source


@pytest.mark.parametrize(
    ("text", "mode"),
    [("dst=/x", "z"), ("src=v,dst=/x,ro", "z"), ("type=bind,src=/a,dst=/x", "")],
)
def test_mount_flag_has_no_mode(text: str, mode: str) -> None:
    """A volume by ``--mount`` is shown with ``z``, with a name or without."""
    assert mode == spec.parse_mount(text).shown_mode


def test_source_may_hold_a_colon() -> None:
    """The source of ``--mount`` is not split at colons."""
    assert "/a:b" == spec.parse_mount("type=bind,src=/a:b,dst=/x").source


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "EOF"),
        ("type=volume,src=hb_n", "target is required"),
        ("type=,dst=/x", "type is required"),
        ("dst=/x,foo=bar", "unexpected key 'foo' in 'foo=bar'"),
        ("dst=/x,foo", "invalid field 'foo' must be a key=value pair"),
        ("dst=/x,readonly=maybe", "invalid value for readonly: maybe"),
        ("dst=/x,ro=2", "invalid value for ro: 2"),
        ("type=tmpfs,dst=/x,tmpfs-mode=abc", "invalid value for tmpfs-mode: abc"),
        ("type=tmpfs,dst=/x,tmpfs-size=big", "invalid value for tmpfs-size: big"),
        (
            "type=bind,src=/d,dst=/x,volume-nocopy",
            "cannot mix 'volume-*' options with mount type 'bind'",
        ),
        (
            "dst=/x,bind-propagation=rslave",
            "cannot mix 'bind-*' options with mount type 'volume'",
        ),
        (
            "dst=/x,tmpfs-size=1m",
            "cannot mix 'tmpfs-*' options with mount type 'volume'",
        ),
    ],
)
def test_mount_flag_is_refused_by_the_client(text: str, reason: str) -> None:
    """The client quotes the argument and tells the reason (4.3)."""
    with pytest.raises(FlagError) as caught:
        spec.parse_mount(text)

    assert f'invalid argument "{text}" for "--mount" flag: {reason}' == str(
        caught.value
    )
    assert ("--mount", text, reason) == (
        caught.value.flag,
        caught.value.text,
        caught.value.reason,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dst=x", f"{VOLUME}: invalid mount path: 'x' mount path must be absolute"),
        ("dst=/", f"{VOLUME}: {ROOT}"),
        (
            "type=bogus,dst=/x",
            'invalid mount config for type "bogus": mount type unknown',
        ),
        ("type=bind,dst=/x", f"{BIND}: field Source must not be empty"),
        (
            "type=bind,src=rel,dst=/x",
            f"{BIND}: invalid mount path: 'rel' mount path must be absolute",
        ),
        (
            "type=tmpfs,src=a,dst=/x",
            'invalid mount config for type "tmpfs": field Source must not be specified',
        ),
        (
            "type=bind,src=/d,dst=/x,bind-propagation=bogus",
            f"{BIND}: invalid propagation mode: bogus",
        ),
        (
            "dst=/x,ro",
            f"{VOLUME}: must not set ReadOnly mode when using anonymous volumes",
        ),
    ],
)
def test_mount_flag_is_refused_by_the_engine(text: str, message: str) -> None:
    """What the client lets pass, the engine refuses with the type of the mount (4.3)."""
    with pytest.raises(InvalidParameter) as caught:
        spec.parse_mount(text)

    assert message == str(caught.value)
    assert not isinstance(caught.value, FlagError)


@pytest.mark.parametrize("kind", ["bind", "volume", "tmpfs"])
def test_engine_refuses_options_of_another_type(kind: str) -> None:
    """An engine that is not asked by the client refuses mixed options as well."""
    wrong = "VolumeOptions" if kind == "bind" else "BindOptions"
    source = {"Source": "/a"} if kind == "bind" else {}

    with pytest.raises(InvalidParameter, match=f"field {wrong} must not be specified"):
        spec.parse_mount_json({"Type": kind, "Target": "/x", wrong: {}, **source})


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        ("/x", "/x", ""),
        ("/x/:size=64k,mode=0750", "/x", "size=64k,mode=0750"),
        ("/x:bogus", "/x", "bogus"),
    ],
)
def test_tmpfs_flag(text: str, target: str, words: str) -> None:
    """``--tmpfs`` has a path and options, which nobody looks at before the start."""
    got = spec.parse_tmpfs(text)

    assert got.tmpfs_options is not None
    assert ("tmpfs", target, words) == (got.type, got.target, got.tmpfs_options.words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "invalid mount path: 'x' mount path must be absolute"),
        ("/", ROOT),
        ("/:size=1m", ROOT),
    ],
)
def test_tmpfs_flag_is_refused(text: str, message: str) -> None:
    """A tmpfs needs an absolute path that is not the root (4.5)."""
    with pytest.raises(InvalidParameter) as caught:
        spec.parse_tmpfs(text)

    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("text", "container", "mode", "writable"),
    [
        ("hb_a", "hb_a", "rw", (True, False)),
        ("hb_a:rw", "hb_a", "rw", (True, False)),
        ("hb_a:ro", "hb_a", "ro", (False, False)),
        ("hb_a:z", "hb_a", "z", (True, False)),
        ("hb_a:", "hb_a", "", (True, False)),
        ("hb_a:ro,z", "hb_a", "ro,z", (False, False)),
    ],
)
def test_volumes_from(
    text: str, container: str, mode: str, writable: tuple[bool, bool]
) -> None:
    """Copies under ``ro`` are read-only, and what was read-only stays so (5)."""
    got = spec.parse_volumes_from(text)

    assert (container, mode) == (got.container, got.mode)
    assert writable == (got.writable(was=True), got.writable(was=False))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "volumes-from specification cannot be an empty string"),
        (":ro", 'invalid name or ID supplied: ""'),
        ("hb_a:bogus", "invalid mode: bogus"),
        ("hb_a:nocopy", "invalid mode: nocopy"),
        ("hb_a:rslave", "invalid mode: rslave"),
        ("hb_a:ro,rw", "invalid mode: ro,rw"),
    ],
)
def test_volumes_from_is_refused(text: str, message: str) -> None:
    """Modes of volumes and binds alone do not go with ``--volumes-from`` (5)."""
    with pytest.raises(InvalidParameter) as caught:
        spec.parse_volumes_from(text)

    assert message == str(caught.value)


READERS = {
    "-v": spec.parse_volume,
    "--mount": spec.parse_mount,
    "--tmpfs": spec.parse_tmpfs,
    "--volumes-from": spec.parse_volumes_from,
}


def outcome(command: list[str]) -> str:
    """Read the mount flags of a recorded command, and give the first refusal."""
    for flag, text in itertools.pairwise(command):
        if flag in READERS:
            try:
                READERS[flag](text)
            except InvalidParameter as error:
                return str(error)
    return ""


def test_recorded_sessions(shared: Path) -> None:
    """All that a real engine said of mount flags is said here, and nothing more."""
    path = shared / "semantics" / "docker-scenarios.json"
    scenarios = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    read = refused = 0
    for scenario in scenarios:
        for step in scenario["steps"]:
            command = step.get("cmd", [])
            if not READERS.keys() & set(command):
                continue
            read += 1
            message = outcome(command)
            stderr = step["expect"].get("stderr", "")
            if message:
                refused += 1
                assert message in stderr, scenario["id"]
            else:
                assert (
                    not any(
                        word in stderr
                        for word in ("invalid mode", "specification:", "for type")
                    )
                    or "bind source path does not exist" in stderr
                ), scenario["id"]

    assert read > 200
    assert refused > 30


def test_options_of_a_tmpfs_as_the_kernel_takes_them() -> None:
    """Sizes and modes of ``--mount`` become words, like those of ``--tmpfs``."""
    got = spec.parse_mount("type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=0700")

    assert got.tmpfs_options is not None
    assert "size=1048576,mode=0700" == got.tmpfs_options.words


def test_specification_shows_what_was_asked_for() -> None:
    """What was not asked for does not show."""
    assert "MountSpec(type='volume', target='/x')" == repr(spec.parse_volume("/x"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"Type": "bind", "Source": "/a", "Target": ""},
            f"{BIND}: field Target must not be empty",
        ),
        ({"Target": "/"}, f"{VOLUME}: {ROOT}"),
    ],
)
def test_engine_needs_a_target(value: dict[str, Any], message: str) -> None:
    """An entry without a place, or at the root, is refused."""
    with pytest.raises(InvalidParameter) as caught:
        spec.parse_mount_json(value)

    assert message == str(caught.value)
