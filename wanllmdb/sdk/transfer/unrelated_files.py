"""What lies in a download directory besides the files of the artifact: found by `verify`, deleted by `exact`."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.host_environment import directories
from wanllmdb.sdk.paths import TEMP_PREFIX


def fold(path: str) -> str:
    """The same for two paths that a disk may take for one: it may ignore case, or decompose Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


class ExpectedPaths:
    """The files of an artifact and their folders, as they are found in a directory."""

    def __init__(self, root: str, files: Iterable[str]) -> None:
        self.root = root
        self.files = set(files)
        self.folders = {folder for path in self.files for folder in paths.folders_of(path)}
        self._by_fold = {fold(path): path for path in (*self.files, *self.folders)}

    def canonical(self, path: str) -> str:
        """The path in the artifact of what is at `path` on the disk, which may write it in another way."""
        if path in self.files or path in self.folders:
            return path
        expected = self._by_fold.get(fold(path))
        with suppress(OSError):
            if expected and os.path.samefile(os.path.join(self.root, path), os.path.join(self.root, expected)):
                return expected
        return path


def find(root: str, files: Iterable[str]) -> list[str]:
    """The paths below `root` of all files that are not among these."""
    expected = ExpectedPaths(root, files)
    found = []
    for directory, subdirectories, names in os.walk(root):
        if directory == root:
            subdirectories[:] = [name for name in subdirectories if not name.startswith(TEMP_PREFIX)]
        for name in names:
            path = os.path.relpath(os.path.join(directory, name), root).replace(os.sep, "/")
            if expected.canonical(path) not in expected.files:
                found.append(path)
    return found


def remove(root: str, files: Iterable[str], prefix: str = "") -> None:
    """Delete everything below `root` that is none of these files and begins with the prefix. Links are not followed.

    Raises `Invalid` for the home directory and those above it, and where something cannot be deleted.
    """
    home = os.path.realpath(directories.home() or os.sep)
    if f"{home}{os.sep}".startswith(f"{root.rstrip(os.sep)}{os.sep}"):
        raise errors.Invalid(f"exact deletes everything else in {root}, which holds home directories: use another root")
    expected = ExpectedPaths(root, files)
    for path in list(_iter_unrelated(expected, "", prefix)):
        full = os.path.join(root, path)
        try:
            if os.path.isdir(full) and not os.path.islink(full):
                shutil.rmtree(full)
            else:
                os.unlink(full)
        except FileNotFoundError:
            continue
        except OSError as error:
            message = f"{full} is not part of the artifact and cannot be deleted: {error.strerror or error}"
            raise errors.Invalid(message) from error


def _iter_unrelated(expected: ExpectedPaths, folder: str, prefix: str) -> Iterator[str]:
    directory = os.path.join(expected.root, folder)
    try:
        items = os.scandir(directory)
    except OSError as error:
        raise errors.Invalid(f"{directory} cannot be read: {error.strerror or error}") from error
    with items:
        for item in items:
            if not folder and item.name.startswith(TEMP_PREFIX):
                continue  # of a download in progress
            is_folder = item.is_dir(follow_symlinks=False)
            path = expected.canonical(folder + item.name)
            slash = "/" * is_folder
            if not f"{path}{slash}".startswith(prefix):
                if is_folder and prefix.startswith(f"{path}/"):
                    yield from _iter_unrelated(expected, f"{path}/", prefix)
            elif is_folder and path in expected.folders:
                yield from _iter_unrelated(expected, f"{path}/", prefix)
            elif is_folder or path not in expected.files:
                yield path
