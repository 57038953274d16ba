"""
The reference resolver: it probes layer by layer, and remembers what it saw.

This is the definition of what a union shows.  The fast path (`fold`, `space`) must
agree with it, which a property test holds; `explain` tells its story.  The rules are
those of the kernel (overlayfs.md, section 1), and for directories without attributes
of their own those of image layers (layer-formats.md, section 5).
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Protocol, final

import attrs

from unionfs_sim.core.fold import PLAIN, Rules, redirect_parts
from unionfs_sim.core.meta import Meta
from unionfs_sim.core.nodes import (
    WHITEOUT,
    Directory,
    Kind,
    Mark,
    Regular,
    Symlink,
    WhiteoutType,
)
from unionfs_sim.core.paths import (
    SYMLINKS_MAX,
    Name,
    Parts,
    check,
    join,
    name_fits,
    to_text,
)
from unionfs_sim.core.story import (
    KIND_WORDS,
    Answer,
    AnyDirectory,
    AnyLeaf,
    Component,
    Probe,
    Trace,
    Verdict,
)
from unionfs_sim.core.upper import UpperDirectory, UpperFile
from unionfs_sim.errors import UnionFSError


class RootView(Protocol):
    """A layer as the resolver sees it: a label, and the directory at its top."""

    @property
    def label(self) -> str:
        """How people call the layer."""
        ...  # pragma: no cover

    @property
    def root(self) -> AnyDirectory:
        """The directory at its top."""
        ...  # pragma: no cover


_ANY_DIRECTORY = (Directory, UpperDirectory)


@final
@attrs.frozen(eq=False)
class Found:
    """
    What a name resolves to: the directories that merge, or one node.

    Attributes:
        layers: The positions of the layers in *hits*.
        hits: One node that is no directory, or directories, top first.
        meta: The attributes that show.
    """

    layers: tuple[int, ...]
    hits: tuple[AnyDirectory | AnyLeaf, ...]
    meta: Meta


class Resolver:
    """
    Looks names up in merged directories, layer by layer (overlayfs.md, 1.1).

    Args:
        roots: The roots of the layers, top first.
        labels: Their labels.
        rules: What the mount options mean for redirects and metadata-only files.
    """

    def __init__(
        self, roots: Sequence[AnyDirectory], labels: Sequence[str], rules: Rules
    ) -> None:
        self._roots = roots
        self._labels = labels
        self._rules = rules

    def root(self, first: int) -> Found:
        """Merge the roots from a layer on; only an opaque mark keeps those below out."""
        directories: list[tuple[int, AnyDirectory]] = []
        for layer, root in list(enumerate(self._roots))[first:]:
            directories.append((layer, root))
            if root.opaque and not root.implied:
                break
        # A root is there in any case, so that it is never bare.
        layer, root = directories[-1]
        base = Found((layer,), (root,), root.meta)
        found = _merge(directories[:-1], base)
        assert found is not None
        return found

    def name(
        self, directory: Found, name: Name, *, under: bool = False
    ) -> tuple[Found | None, tuple[Probe, ...], int]:
        """
        Look one name up in one merged directory.

        Only the layers that take part in the directory are asked, top first, until one
        settles it; a redirect changes what those further down are asked for.  Takes
        O(layers of the directory).

        Args:
            directory: The directory.
            name: The name.
            under: Whether a redirect led there, from a directory above.

        Returns:
            What was found, the layers asked, and what the lookup fails with if what is
            there cannot be used (else 0).
        """
        search = _Search(self, directory, name, under=under)
        search.run()
        if search.error:
            return None, tuple(search.probes), search.error
        return search.result(), tuple(search.probes), 0

    def below(
        self, layer: int, parts: Sequence[Name]
    ) -> tuple[Found | None, list[Probe]]:
        """Look a path up from the root of the layers under one (overlayfs.md, 7)."""
        probes: list[Probe] = []
        if layer + 1 >= len(self._roots):
            return None, probes
        found: Found | None = self.root(layer + 1)
        for part in parts:
            if found is None or not isinstance(found.hits[0], _ANY_DIRECTORY):
                return None, probes
            found, more, error = self.name(found, part, under=True)
            probes.extend(more)
            if error:
                return None, probes
        return found, probes

    @property
    def labels(self) -> Sequence[str]:
        """The labels of the layers, top first."""
        return self._labels

    @property
    def rules(self) -> Rules:
        """The rules of the mount."""
        return self._rules

    def is_lowest(self, layer: int) -> bool:
        """Tell whether no layer is under one."""
        return layer + 1 == len(self._roots)


class _Search:
    """The lookup of one name in one directory, under way."""

    def __init__(
        self, resolver: Resolver, directory: Found, name: Name, *, under: bool
    ) -> None:
        self._resolver = resolver
        self._under = under
        self._members = list(zip(directory.layers, directory.hits, strict=True))
        self._wanted = name
        self._directories: list[tuple[int, AnyDirectory]] = []
        self._metadata: Found | None = None
        self._leaf: Found | None = None
        self.probes: list[Probe] = []
        self.error = 0

    def result(self) -> Found | None:
        """Put together what was found."""
        return _merge(self._directories, self._leaf)

    def run(self) -> None:
        """Ask layer by layer."""
        for position, (layer, parent) in enumerate(self._members):
            assert isinstance(parent, _ANY_DIRECTORY)
            last = position + 1 == len(self._members)
            entry = parent.entries.get(self._wanted)
            if entry is None:
                self._add(layer, Answer.ABSENT, None)
            elif entry is WHITEOUT or _is_xattr_whiteout(entry):
                self._add(layer, Answer.WHITEOUT, None)
                break
            elif isinstance(entry, _ANY_DIRECTORY):
                if self._directory(layer, entry, last=last):
                    break
            elif self._file(layer, entry):
                break
        if self._metadata is not None and self._leaf is None and not self.error:
            self.error = errno.EIO

    def _add(
        self, layer: int, answer: Answer, kind: Kind | None, redirect: str | None = None
    ) -> None:
        label = self._resolver.labels[layer]
        self.probes.append(Probe(layer, label, answer, kind, redirect))

    def _directory(self, layer: int, entry: AnyDirectory, *, last: bool) -> bool:
        """Take a directory in; tell whether no further layer is asked."""
        redirect = entry.meta.private.get("redirect")
        if entry.opaque:
            redirect = None
        answer = Answer.OPAQUE if entry.opaque else Answer.DIRECTORY
        text = None if redirect is None else to_text(redirect)
        self._add(layer, answer, entry.kind, text)
        self._directories.append((layer, entry))
        if redirect is None:
            return entry.opaque and not entry.implied
        return self._redirected(layer, redirect, last=last)

    def _redirected(self, layer: int, redirect: bytes, *, last: bool) -> bool:
        """Go on by a redirect; tell whether no further layer of the parent is asked."""
        follows = self._resolver.rules.follows
        if follows or self._resolver.rules.data_only:
            last = self._resolver.is_lowest(layer)
        if last and not self._reads_last():
            return False
        target = redirect_parts(redirect)
        if target is None or not follows:
            self.error = errno.EINVAL if target is None else errno.EPERM
            return True
        absolute, parts = target
        if not absolute:
            self._wanted = parts[0]
            return False
        self._leaf, probes = self._resolver.below(layer, parts)
        self.probes.extend(probes)
        return True

    def _reads_last(self) -> bool:
        """
        Tell whether the marks of the last layer are read as in the others.

        Above data-only layers they are, if no layer above has the directory.
        """
        first = len(self._directories) == 1 and not self._under
        return first and bool(self._resolver.rules.data_only)

    def _file(self, layer: int, entry: AnyLeaf) -> bool:
        """Take a file in; tell whether no further layer is asked."""
        found = Found((layer,), (entry,), entry.meta)
        if "metacopy" in entry.meta.private and not self._directories:
            return self._metadata_only(layer, entry, found)
        # Below a directory a file ends the merge and is ignored itself (S26).
        solid = any(not item.bare for _, item in self._directories)
        self._add(layer, Answer.CUT_OFF if solid else Answer.FOUND, entry.kind)
        self._leaf = self._metadata or found
        return True

    def _metadata_only(self, layer: int, entry: AnyLeaf, found: Found) -> bool:
        """Go on to where a file's data is (overlayfs.md, 8)."""
        rules = self._resolver.rules
        redirect = entry.meta.private.get("redirect", b"")
        text = to_text(redirect) if redirect else None
        self._add(layer, Answer.METADATA, entry.kind, text)
        self._metadata = self._metadata or found
        target = redirect_parts(redirect) if redirect else None
        absolute = target is not None and target[0]
        upper = isinstance(entry, UpperFile)
        deferred = bool(absolute and rules.data_only and not upper)
        if redirect and target is None:
            self.error = errno.EINVAL
        elif not rules.metacopy:
            if deferred and self._resolver.is_lowest(layer):
                self._leaf = self._metadata
            else:
                self.error = errno.EPERM
        elif target is not None and target[0]:
            data, probes = self._resolver.below(layer, target[1])
            self.probes.extend(probes)
            there = data is not None or deferred
            self._leaf = self._metadata if there else None
        else:
            self._wanted = target[1][0] if target is not None else self._wanted
            return False
        return True


def _is_xattr_whiteout(entry: AnyDirectory | AnyLeaf) -> bool:
    node = entry.node if isinstance(entry, UpperFile) else entry
    private = entry.meta.private
    return isinstance(node, Regular) and "whiteout" in private and not node.content.size


def _merge(
    directories: Sequence[tuple[int, AnyDirectory]], result: Found | None
) -> Found | None:
    """Put the directories that were found over each other, from the base up."""
    for layer, entry in reversed(directories):
        if result is not None and isinstance(result.hits[0], _ANY_DIRECTORY):
            # A directory without attributes of its own shows those from below, even
            # if it is opaque (layer-formats, rules 5.2 and 5.8).
            meta = result.meta if entry.implied else entry.meta
            if entry.opaque:
                result = Found((layer,), (entry,), meta)
            else:
                result = Found((layer, *result.layers), (entry, *result.hits), meta)
        elif not entry.bare:
            result = Found((layer,), (entry,), entry.meta)
    return result


def trace(
    roots_top_first: Sequence[RootView],
    path: str,
    *,
    follow: bool = True,
    rules: Rules = PLAIN,
) -> Trace:
    """
    Look a path up, and tell how.

    Args:
        roots_top_first: The layers, the upper first if there is one.
        path: The path; relative ones start at the root.
        follow: Whether a symbolic link at the end is followed.
        rules: What the mount options mean for redirects and metadata-only files.

    Returns:
        The story.  What is not there is a verdict, never an exception.

    >>> from unionfs_sim import WHITEOUT, Layer
    >>> base = Layer.build({"etc/motd": "hello"}, label="base")
    >>> web = Layer.build({"etc/motd": WHITEOUT}, label="web")
    >>> story = trace([web, base], "/etc/motd")
    >>> story.verdict, story.probes
    (<Verdict.HIDDEN: 'hidden'>, 3)
    """
    return _Walk(roots_top_first, path, rules, follow=follow).run()


_ERRORS: Mapping[Verdict, int] = {
    Verdict.ABSENT: errno.ENOENT,
    Verdict.HIDDEN: errno.ENOENT,
    Verdict.NOT_A_DIRECTORY: errno.ENOTDIR,
    Verdict.LOOP: errno.ELOOP,
    Verdict.NAME_TOO_LONG: errno.ENAMETOOLONG,
}


class _Walk:
    """The state of one walk."""

    def __init__(
        self,
        roots_top_first: Sequence[RootView],
        path: str,
        rules: Rules,
        *,
        follow: bool,
    ) -> None:
        self._path = path
        self._follow = follow
        self._labels = [root.label for root in roots_top_first]
        self._roots = [root.root for root in roots_top_first]
        self._names = Resolver(self._roots, self._labels, rules)
        self._components: list[Component] = []
        self._error = 0

    def run(self) -> Trace:
        try:
            check(self._path, op="lookup")
        except UnionFSError as error:
            wrong = (
                Verdict.ABSENT if error.errno == errno.ENOENT else Verdict.NAME_TOO_LONG
            )
            return self._end(wrong, (), None)
        trail: list[tuple[Name, Found]] = [("", self._names.root(0))]
        pending = list(reversed(self._path.split("/")))
        links = 0
        while pending:
            name = pending.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            parts = tuple(item for item, _ in trail[1:])
            if not name_fits(name):
                return self._end(Verdict.NAME_TOO_LONG, (*parts, name), None)
            found, probes, self._error = self._names.name(trail[-1][1], name)
            link = self._link(found) if pending or self._follow else None
            self._note(parts, name, found, probes, link)
            if found is None:
                return self._end(self._components[-1].verdict, (*parts, name), None)
            if link is not None:
                links += 1
                if links > SYMLINKS_MAX:
                    return self._end(Verdict.LOOP, (*parts, name), None)
                if link.startswith("/"):
                    del trail[1:]
                pending.extend(reversed(link.split("/")))
            elif isinstance(found.hits[0], _ANY_DIRECTORY):
                trail.append((name, found))
            elif pending:
                return self._end(Verdict.NOT_A_DIRECTORY, (*parts, name), None)
            else:
                return self._end(Verdict.FOUND, (*parts, name), found)
        found = trail[-1][1]
        verdict = Verdict.MERGED if len(found.hits) > 1 else Verdict.FOUND
        return self._end(verdict, tuple(name for name, _ in trail[1:]), found)

    @staticmethod
    def _link(found: Found | None) -> str | None:
        if found is None:
            return None
        hit = found.hits[0]
        node = hit.node if isinstance(hit, UpperFile) else hit
        return node.target if isinstance(node, Symlink) else None

    def _note(
        self,
        parts: Parts,
        name: Name,
        found: Found | None,
        probes: tuple[Probe, ...],
        target: str | None,
    ) -> None:
        """Keep what happened, and what the layers have that does not show."""
        shown = set(found.layers) if found else set()
        asked = {probe.layer for probe in probes if not probe.kind}
        hidden = []
        for layer, root in enumerate(self._roots):
            entry = _raw(root, (*parts, name))
            if entry is None or layer in shown | asked:
                continue
            hidden.append(_answer(layer, self._labels[layer], entry))
        covered = [probe for probe in hidden if probe.kind]
        if self._error:
            verdict = Verdict.BROKEN
        elif found is None:
            verdict = Verdict.HIDDEN if covered else Verdict.ABSENT
        elif len(found.hits) > 1:
            verdict = Verdict.MERGED
        else:
            verdict = Verdict.FOUND
        self._components.append(
            Component(
                join(parts),
                name,
                probes,
                verdict,
                tuple(hidden),
                self._hidden_by(parts, probes, covered) if covered else None,
                target,
            )
        )

    def _hidden_by(
        self, parts: Parts, probes: Sequence[Probe], hidden: Sequence[Probe]
    ) -> str:
        """Say what keeps the hidden entries out: here, or in a directory above."""
        first = hidden[0].layer
        for probe in probes:
            if probe.answer.stops and probe.layer <= first:
                return _reason(probe)
        for component in reversed(self._components):
            if component.hidden_by and component.path == join(parts):
                return component.hidden_by
        return "a directory above it"

    def _end(self, verdict: Verdict, parts: Parts, found: Found | None) -> Trace:
        return Trace(
            self._path,
            tuple(self._components),
            verdict,
            join(parts),
            _ERRORS.get(verdict) or self._error or None,
            found.hits if found else (),
            found.meta if found else None,
            tuple(self._labels[layer] for layer in found.layers) if found else (),
        )


def _reason(probe: Probe) -> str:
    """Say what an answer that stops the lookup hides the rest by."""
    if probe.answer is Answer.WHITEOUT:
        return f"a whiteout in {probe.label}"
    assert probe.kind is not None
    what = f"the {KIND_WORDS[probe.kind]} in {probe.label}"
    if probe.answer is Answer.OPAQUE:
        return f"the opaque directory in {probe.label}"
    if probe.answer is Answer.CUT_OFF:
        return f"{what}, which ends the merge"
    return what


def _answer(layer: int, label: str, entry: AnyDirectory | AnyLeaf | Mark) -> Probe:
    """Say what a layer has, although it was not asked."""
    if isinstance(entry, Mark):
        return Probe(layer, label, Answer.WHITEOUT)
    answer = Answer.FOUND
    if isinstance(entry, _ANY_DIRECTORY):
        answer = Answer.OPAQUE if entry.opaque else Answer.DIRECTORY
    return Probe(layer, label, answer, entry.kind)


def _raw(
    root: AnyDirectory, parts: Parts
) -> AnyDirectory | AnyLeaf | WhiteoutType | None:
    """Give what one layer has at a path, whatever other layers hide of it."""
    entry: AnyDirectory | AnyLeaf | WhiteoutType | None = root
    for name in parts:
        if not isinstance(entry, _ANY_DIRECTORY):
            return None
        entry = entry.entries.get(name)
    return entry
