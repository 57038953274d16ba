"""What is written to directories, the kernel mounts and shows as the union does."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.adapters.mounts import (
    HostVerbs,
    Step,
    host_view,
    mounted,
    on_disk,
    perform,
    programs,
    remove,
    safe_stacks,
    union_view,
)
from unionfs_sim import OPAQUE, WHITEOUT, Layer, Meta, Regular, Stack, UnionFS, hole
from unionfs_sim.adapters.host import (
    MountPlan,
    read_directory,
    read_mount,
    read_upper,
    write_mount,
)
from unionfs_sim.core.policy import Policy
from unionfs_sim.dialects import overlay
from unionfs_sim.testing import strategies

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

# Each example is a mount or two, so there are fewer of them.
many = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=max(settings.default.max_examples // 2, 1),  # type: ignore[union-attr]
)

OPTIONS: dict[str, dict[str, str | bool]] = {
    "default": {},
    "redirect": {"redirect_dir": "on"},
    "metacopy": {"metacopy": "on"},
    "userxattr": {"userxattr": True},
    "index": {"index": "on"},
}
POLICIES = {
    name: attrs.evolve(Policy.from_options(options), ghosts=False)
    for name, options in OPTIONS.items()
}
policies = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


def shown_by_kernel(plan: MountPlan, *, times: bool = True) -> dict[str, object]:
    """Mount what was written, and read everything."""
    with mounted(plan.options, plan.directory + "/mount") as target:
        return dict(host_view(target, times=times))


@pytest.mark.parametrize("userxattr", [False, True], ids=["trusted", "user"])
@pytest.mark.parametrize("xattr_whiteouts", [False, True], ids=["devices", "xattrs"])
def test_random_stacks(mountable: str, userxattr: bool, xattr_whiteouts: bool) -> None:
    """The kernel shows of a random stack what the union shows."""

    @many
    @given(strategies.stacks(hostile=True))
    @example(Stack([Layer.build({"a": WHITEOUT}), Layer.build({"a": "x"})]))
    @example(
        Stack(
            [
                Layer.build({".": OPAQUE, "d": {"x": "1"}}),
                Layer.build({"d": {"y": "2"}, "f": "3"}),
            ]
        )
    )
    def run(stack: Stack) -> None:
        policy = Policy(userxattr=userxattr)
        try:
            plan = write_mount(
                stack,
                f"{mountable}/out",
                policy=policy,
                xattr_whiteouts=xattr_whiteouts,
            )

            expected = union_view(UnionFS(stack, read_only=True))
            assert expected == shown_by_kernel(plan)
        finally:
            remove(f"{mountable}/out")

    run()


@policies
def test_changes_by_the_union(mountable: str, policy: Policy) -> None:
    """An upper that the union made shows the same under the kernel."""

    @many
    @given(safe_stacks(), programs())
    def run(stack: Stack, steps: list[Step]) -> None:
        fs = UnionFS(stack, policy=policy)
        perform(fs, steps)
        try:
            plan = write_mount(fs, f"{mountable}/out")

            expected = union_view(fs)
            if policy.index:
                expected.pop("links")  # the index stays out
            seen = shown_by_kernel(plan)
            assert expected == {key: seen[key] for key in seen if key in expected}
        finally:
            remove(f"{mountable}/out")

    run()


@policies
def test_changes_by_the_kernel(mountable: str, policy: Policy) -> None:
    """What the kernel leaves is what the union leaves, and goes on from there."""

    @many
    @given(safe_stacks(), programs())
    def run(stack: Stack, steps: list[Step]) -> None:
        fs = UnionFS(stack, policy=policy)
        union_view(fs)  # the kernel looks at everything, too
        out = f"{mountable}/out"
        umask = os.umask(0o022)
        try:
            plan = write_mount(fs, out)
            with mounted(plan.options, out + "/mount") as target:
                host_view(target)
                errnos = perform(HostVerbs(target), steps)
            # A device cannot carry user.overlay.origin, and a link to one has a
            # number of its own until the mount forgets where the first came from.
            with mounted(plan.options, out + "/mount") as target:
                seen = host_view(target)

            assert errnos == perform(fs, steps)
            upper = read_upper(out)
            assert on_disk(upper) == on_disk(overlay.upper_on_disk(fs))
            lowers = [read_directory(path) for path in plan.absolute.lowers]
            again = overlay.mount(lowers, upper, policy=policy)
            assert seen == union_view(again)
        finally:
            os.umask(umask)
            remove(out)

    run()


def test_redirects(mountable: str) -> None:
    """A directory that moved without its content is found by the kernel."""
    policy = POLICIES["redirect"]
    fs = UnionFS([Layer.build({"a/b/c": "deep", "a/f": "flat"})], policy=policy)
    fs.rename("/a/b", "/moved")
    fs.rename("/a", "/z")

    plan = write_mount(fs, f"{mountable}/out")

    assert b"/a/b" == os.getxattr(
        f"{mountable}/out/upper/moved", "trusted.overlay.redirect"
    )
    assert union_view(fs) == shown_by_kernel(plan)
    assert union_view(fs) == union_view(read_mount(plan.options))


def test_metadata_only_files(mountable: str) -> None:
    """A file that was only chmodded takes its data from below, also when it moved."""
    policy = POLICIES["metacopy"]
    fs = UnionFS([Layer.build({"a/f": "x" * 9_000, "g": "short"})], policy=policy)
    fs.chmod("/a/f", 0o600)
    fs.chmod("/g", 0o640)
    fs.rename("/g", "/a/g")

    plan = write_mount(fs, f"{mountable}/out")

    assert 0 == os.stat(f"{mountable}/out/upper/a/f").st_blocks
    assert union_view(fs) == shown_by_kernel(plan)
    assert union_view(fs) == union_view(read_mount(plan.options))


def test_metadata_only_files_below(mountable: str) -> None:
    """An upper with redirects and metadata-only files can become a lower layer."""
    policy = POLICIES["metacopy"]
    base = Layer.build({"a/f": "data", "d/x": "1"})
    fs = UnionFS([base], policy=policy)
    fs.chmod("/a/f", 0o600)
    fs.rename("/a/f", "/moved")
    fs.rename("/d", "/e")
    middle = overlay.decode(overlay.upper_on_disk(fs, portable=True))
    two = overlay.mount([overlay.encode(middle), base], Layer.build({}), policy=policy)

    plan = write_mount(two, f"{mountable}/out")

    assert union_view(fs, times=False).keys() == union_view(two).keys()
    assert union_view(two) == shown_by_kernel(plan)


def test_data_only_layers(mountable: str) -> None:
    """Layers that only hold data are named after two colons."""
    policy = POLICIES["metacopy"]
    xattrs = {
        "trusted.overlay.metacopy": b"",
        "trusted.overlay.redirect": b"/blobs/one",
    }
    lower = Layer.build({"f": Regular(hole(4), Meta(mode=0o644, xattrs=xattrs))})
    data = Layer.build({"blobs/one": "data"})
    fs = overlay.mount([lower], Layer.build({}), data_only=[data], policy=policy)

    plan = write_mount(fs, f"{mountable}/out")

    assert "::" in plan.options
    assert b"data" == fs.read_bytes("/f")
    assert union_view(fs) == shown_by_kernel(plan)


def test_handles_stay_out(mountable: str) -> None:
    """Our handles mean nothing to the kernel, and would fail a mount with an index."""
    fs = UnionFS([Layer.build({"d/f": "x"})], policy=POLICIES["index"])
    fs.chmod("/d/f", 0o600)
    assert "trusted.overlay.origin" in overlay.upper_on_disk(fs).root.meta.xattrs or (
        "origin" in fs.space.root.entries["d"].meta.private  # type: ignore[union-attr]
    )

    plan = write_mount(fs, f"{mountable}/out")

    assert union_view(fs) == shown_by_kernel(plan)


def test_xattr_whiteouts_keep_a_directory(mountable: str) -> None:
    """
    The kernel does not remove an empty directory with an xattr whiteout in a layer.

    With devices it does; so the form is for layers that are read more than changed.
    """
    stack = Stack([Layer.build({"d/f": WHITEOUT}), Layer.build({"d/f": "x"})])
    results = []
    for xattr_whiteouts in (False, True):
        out = f"{mountable}/{xattr_whiteouts}"
        plan = write_mount(UnionFS(stack), out, xattr_whiteouts=xattr_whiteouts)
        with mounted(plan.options, f"{out}/mount") as target:
            assert [] == os.listdir(f"{target}/d")
            results += perform(HostVerbs(target), [("rmdir", ("/d",))])

    assert [None, errno.ENOTEMPTY] == results


def test_ghosts(mountable: str) -> None:
    """What only the kernel lists is written if the policy is to show it (S1)."""
    raw = overlay.encode(Layer.build({"d/gone": WHITEOUT}))
    fs = overlay.mount([raw], Layer.build({}))

    plan = write_mount(fs, f"{mountable}/out")
    with mounted(plan.options, f"{mountable}/out/mount") as target:
        names = os.listdir(f"{target}/d")

    assert ["gone"] == names == fs.listdir("/d")


@pytest.mark.parametrize("name", ["a:b", "a,b", "a\\b", "\\,:", "a b\nc", "caf\udce9"])
def test_awkward_folders(mountable: str, name: str) -> None:
    """Whatever a folder is called, the option string leads there."""
    fs = UnionFS([Layer.build({"f": "x"})])
    fs.write_text("/g", "y")

    plan = write_mount(fs, f"{mountable}/{name}")
    with mounted(plan.options, f"{mountable}/mount") as target:
        names = sorted(os.listdir(target))

    assert ["f", "g"] == names
    assert ["f", "g"] == read_mount(plan.options).listdir()


UNPRIVILEGED = """
import os, sys
from tests.adapters.mounts import HostVerbs, host_view, mounted, perform, union_view
from unionfs_sim import OPAQUE, WHITEOUT, Layer, UnionFS, Stack
from unionfs_sim.adapters.host import read_directory, read_upper, write_mount
from unionfs_sim.core.policy import Policy
from unionfs_sim.dialects import overlay

os.umask(0o022)
out = sys.argv[1]
base = Layer.build({"etc/motd": "hi", "etc/passwd": "root", "opt/x": "1", "top": "2",
                    "srv": {}})
patch = Layer.build({"etc/motd": WHITEOUT, "opt": OPAQUE, "opt/y": "3"})
fs = UnionFS([patch, base], policy=Policy.from_options({"userxattr": True}))
steps = [("unlink", ("/top",)), ("unlink", ("/etc/passwd",)), ("rmdir", ("/srv",)),
         ("mkdir", ("/srv", 0o700)), ("chmod", ("/opt/y", 0o600))]
plan = write_mount(fs, out, xattr_whiteouts=True, owners=False, devices=False)
assert not plan.notes, plan.notes
with mounted(plan.options, out + "/mount") as target:
    before = host_view(target)
    assert before == union_view(fs), before
    errnos = perform(HostVerbs(target), steps)
    seen = host_view(target, times=False)
assert errnos == perform(fs, steps) == [None] * 5, errnos
assert seen == union_view(fs, times=False)
lowers = [read_directory(path) for path in plan.absolute.lowers]
again = overlay.mount(lowers, read_upper(out), policy=fs.space.policy)
assert seen == union_view(again, times=False)
fs.write_text("/opt/z", "4")
plan = write_mount(fs, out + "2", xattr_whiteouts=True, owners=False, devices=False)
with mounted(plan.options, out + "2/mount") as target:
    assert host_view(target) == union_view(fs)
print("same")
"""


def test_unprivileged(folder: str, root: Path) -> None:
    """Another user than root writes and mounts in a namespace of its own."""
    user: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, **user)
        os.chown(folder, 65534, 65534)
    except (OSError, subprocess.CalledProcessError):
        user = {}  # in a namespace of its own, even root has no privilege
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    probe = "mkdir l u w m && mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w overlay m"
    try:
        subprocess.run(
            [*unshare, "sh", "-c", probe],
            cwd=folder,
            check=True,
            capture_output=True,
            **user,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no mounts in a user namespace: {error}")
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    done = subprocess.run(
        [*unshare, sys.executable, "-c", UNPRIVILEGED, f"{folder}/out"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **user,
    )

    assert (0, "same\n") == (done.returncode, done.stdout), done.stderr
