"""What `save` keeps of a run: which files, when, and by which paths."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterable

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.local_files import absolute_path, expand_user
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.run_files.keepers import RunFiles

POLICIES = ("live", "now", "end")


class SavedFiles:
    """What one run saves.

    In a forked process, and wherever else nobody ends the run, nothing can be left for its end.
    """

    def __init__(self, files: RunFiles, console: Console, *, is_ended: bool) -> None:
        self._files = files
        self._console = console
        self._ending_pid = os.getpid() if is_ended else 0
        self._at_end: dict[tuple[str, str], bool] = {}
        """What is kept for the end, with whether there was something to save before."""
        self._temporary: str | None = None

    def save(self, pattern: StrPath, base_path: StrPath | None, policy: str) -> list[str]:
        """See `Run.save`."""
        if policy not in POLICIES:
            raise errors.Invalid(f"{policy!r} is not a policy: use 'live', 'now' or 'end'")
        located = _locate(pattern, base_path)
        draft = self._collect([located])
        is_kept_for_end = policy != "now" and self._ending_pid == os.getpid()
        was_kept = located in self._at_end
        if is_kept_for_end:
            self._at_end[located] = self._at_end.get(located, False) or bool(draft.sources)
        if draft.sources and not (is_kept_for_end and policy == "end"):
            try:
                self._log(draft)
            except errors.Invalid:
                # The caller has been told: it is no failure of the run's end too.
                if not was_kept:
                    self._at_end.pop(located, None)
                raise
        if not draft.sources and not is_kept_for_end:
            self._warn_of_nothing(os.fspath(pattern))
        return sorted(draft.sources)

    def create_directory(self, parent: str | None, name: str) -> str:
        """A directory whose files are kept at the end of the run: `name` in `parent`, or else one that goes then.

        Raises `Invalid`.
        """
        try:
            if parent is None:
                path = self._temporary = tempfile.mkdtemp(prefix="wanllmdb-")
            else:
                path = os.path.join(parent, name)
                os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise errors.Invalid(f"run.dir: {error.filename or parent} cannot be created: {error.strerror}") from error
        if self._ending_pid == os.getpid():
            self._at_end[os.path.join(glob.escape(path), "**"), path] = True
        return path

    def finish(self) -> None:
        """Keep what is to be kept as it is at the end. Raises the first error, after what is without error is kept."""
        if self._at_end and self._ending_pid == os.getpid():
            for (pattern, _), was_found in self._at_end.items():
                if not was_found and not glob.glob(pattern, recursive=True):
                    self._warn_of_nothing(pattern)
            refused: list[errors.WanLLMDBError] = []
            draft = self._collect(self._at_end, refused)
            self._at_end = {}
            if draft.sources:
                self._log_readable(draft, refused)
            if refused:
                raise refused[0]
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)

    def _log_readable(self, draft: Draft, refused: list[errors.WanLLMDBError]) -> None:
        try:
            self._log(draft)
        except (errors.FileChanged, errors.Invalid):
            unreadable = _leave_out_unreadable(draft)
            if not unreadable:
                raise
            refused += unreadable
            if draft.sources:
                self._log(draft)

    def _warn_of_nothing(self, pattern: str) -> None:
        self._console.warning(f"save: no file matches {pattern!r}")

    def _collect(self, patterns: Iterable[tuple[str, str]], refused: list[errors.WanLLMDBError] | None = None) -> Draft:
        """What the patterns match now. Raises for what cannot be kept, or adds the error to `refused`."""
        draft = Draft("saved", "file", None, None)
        for pattern, base in patterns:
            # A directory itself is meant with all that is in it; where a pattern matches one, its files may not match.
            is_literal = not glob.has_magic(os.path.basename(pattern))
            for match in sorted(glob.glob(pattern, recursive=True)):
                is_dir = os.path.isdir(match)
                if (is_dir and not is_literal) or not (is_dir or os.path.isfile(match)):
                    continue
                try:
                    path = paths.from_local(os.path.relpath(match, base))
                    if is_dir:
                        draft.add_dir(match, name=path)
                    else:
                        draft.add_file(match, name=path)
                except errors.WanLLMDBError as error:
                    if refused is None:
                        raise
                    refused.append(error)
        return draft

    def _log(self, draft: Draft) -> None:
        self._files.send({path: file.source for path, file in draft.sources.items()})


def _leave_out_unreadable(draft: Draft) -> list[errors.WanLLMDBError]:
    """Take the files out that cannot be read. Returns an error for each."""
    refused: list[errors.WanLLMDBError] = []
    for path, file in list(draft.sources.items()):
        try:
            uploads.require_readable(file.source)
        except (errors.FileChanged, errors.Invalid) as error:
            draft.remove(path)
            refused.append(error)
    return refused


def _locate(pattern: StrPath, base_path: StrPath | None) -> tuple[str, str]:
    """The absolute pattern, and the directory from which the paths in the run count."""
    text = expand_user(pattern)
    if not text:
        raise errors.Invalid("save takes a file, a directory or a pattern, such as 'logs/*.txt'")
    full = os.path.abspath(text)
    if base_path is None:
        is_inside = not os.path.isabs(text) and _is_below(full, os.getcwd())
        return full, os.getcwd() if is_inside else _fixed_part(full)
    base = absolute_path(base_path)
    if not _is_below(full, base) and not os.path.isabs(text):
        full = os.path.abspath(os.path.join(base, text))
    if not _is_below(full, base):
        raise errors.Invalid(f"{os.fspath(pattern)!r} is not below the base path {os.fspath(base_path)!r}")
    return full, base


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(directory.rstrip(os.sep) + os.sep)


def _fixed_part(pattern: str) -> str:
    """The directory of the pattern, as far as it has no wildcards."""
    directory = os.path.dirname(pattern)
    while glob.has_magic(directory):
        directory = os.path.dirname(directory)
    return directory
