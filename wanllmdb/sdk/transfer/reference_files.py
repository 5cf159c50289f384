"""The references of a download: fetched beside the other files, and all of them or none."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile

MAX_REASONS = 10
"""So many reasons a message has; `.paths` and `.uris` of the error have all."""


class Source(Protocol):
    """Where the objects of references are."""

    def fetch(self, file: RemoteFile, new_writer: Callable[[], Callable[[bytes], object]]) -> str:
        """Pass the bytes to a new writer, and return their sha256. Raises `BrokenReference`."""

    def known_sha256(self, entry: Entry) -> str | None:
        """Of the object, if it is what identifies it, or if it was fetched on this machine before."""

    def remember(self, found: Iterable[tuple[Entry, str]]) -> None:
        """Keep the sha256s of what was fetched."""


class _GivenUp(Exception):
    """Another reference is missing, so that the bytes of this one are not needed."""


class ReferenceFiles:
    """What becomes of each reference. Once one is missing that must not be, the others are only opened, to know about
    all of them."""

    def __init__(self, source: Source, *, is_expected: bool, allows_missing: bool = False) -> None:
        self.is_expected = is_expected
        """Whether the download may have references, so that no file appears before all are there."""
        self._source = source
        self._allows_missing = allows_missing
        self._failures: list[tuple[Entry, errors.BrokenReference]] = []
        self.missing: list[tuple[Entry, str]] = []
        """Those that could not be fetched, each with the reason; known at the end."""
        self.sha256s: dict[str, str] = {}
        """By path, of what is in the directory at the end."""
        self._fetched: list[tuple[Entry, str]] = []

    @property
    def is_lost(self) -> bool:
        """Whether the download fails."""
        return any(
            not self._allows_missing or isinstance(error, errors.ReferenceChanged) for _, error in self._failures
        )

    def known_sha256(self, entry: Entry) -> str | None:
        return self._source.known_sha256(entry)

    def keep(self, entry: Entry, sha256: str) -> None:
        """It is there already."""
        self.sha256s[entry.path] = sha256

    def fetch(self, file: RemoteFile, temporary: str, publication: Publication, on_progress: OnProgress) -> None:
        """Fetch one reference to a temporary path. What is wrong with it is raised by `finish`."""
        try:
            with io.FileIO(temporary, "xb") as target:
                sha256 = self._source.fetch(file, _writer_maker(self, target, on_progress))
        except (errors.BrokenReference, _GivenUp) as error:
            with suppress(OSError):
                os.unlink(temporary)
            if isinstance(error, errors.BrokenReference):
                self._failures.append((file.entry, error))
            return
        self._fetched.append((file.entry, sha256))
        self.sha256s[file.entry.path] = sha256
        publication.add(temporary, file.entry.path)
        on_progress(0, 1)

    def finish(self) -> set[str]:
        """The paths of the references that may be missing and are.

        Raises `ReferenceChanged` if there is one that is not what was logged, `ReferenceUnreachable` if one is missing
        that must not be. Each names all.
        """
        failures = sorted(self._failures, key=lambda failure: failure[0].path)
        if self.is_lost:
            raise _error_of(failures)
        self._source.remember(self._fetched)
        self.missing = [(entry, str(error)) for entry, error in failures]
        return {entry.path for entry, _ in failures}


def _writer_maker(
    references: ReferenceFiles, target: io.FileIO, on_progress: OnProgress
) -> Callable[[], Callable[[bytes], object]]:
    received = 0

    def restart() -> Callable[[bytes], object]:
        nonlocal received
        on_progress(-received)
        received = 0
        target.seek(0)
        target.truncate()
        return write

    def write(block: bytes) -> None:
        nonlocal received
        if references.is_lost:
            raise _GivenUp
        view = memoryview(block)
        while view:
            view = view[target.write(view) :]
        received += len(block)
        on_progress(len(block))

    return restart


def _error_of(failures: list[tuple[Entry, errors.BrokenReference]]) -> errors.BrokenReference:
    """One error for all: a change weighs more than what cannot be read."""
    has_changed = any(isinstance(error, errors.ReferenceChanged) for _, error in failures)
    kind = errors.ReferenceChanged if has_changed else errors.ReferenceUnreachable
    problem = {
        "paths": [entry.path for entry, _ in failures],
        "uris": [uri for _, error in failures for uri in error.uris],
    }
    if len(failures) == 1:
        [(entry, error)] = failures
        return kind(f"{entry.path!r} was not downloaded, nor was anything else: {error}", problem=problem)
    what = "are not the objects that were logged, or cannot be read" if has_changed else "cannot be read"
    reasons = "; ".join(f"{entry.path!r}: {error}" for entry, error in failures[:MAX_REASONS])
    more = f"; and {len(failures) - MAX_REASONS:,} more" if len(failures) > MAX_REASONS else ""
    return kind(f"{len(failures):,} references {what}; nothing was downloaded. {reasons}{more}", problem=problem)


def describe_missing(missing: list[tuple[Entry, str]]) -> str:
    """A warning that names them."""
    listed = paths.first_three([entry.path for entry, _ in missing])
    return f"{len(missing):,} references could not be fetched and are missing ({listed}): {missing[0][1]}"
