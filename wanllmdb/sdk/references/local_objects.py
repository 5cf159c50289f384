"""The files of this machine that a `file://` URI names, which are read for their sha256."""

from __future__ import annotations

import stat
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.exclusions import Exclusions
from wanllmdb.sdk.local_files import get_stat, iter_files, require_regular_file
from wanllmdb.sdk.reference_uris import Location
from wanllmdb.sdk.references import identity
from wanllmdb.sdk.references.store_objects import FoundObject
from wanllmdb.sdk.transfer import hashes


def find(location: Location, max_objects: int) -> list[FoundObject]:
    """The file, or all files of the directory.

    Raises `NotFound`, `Invalid` for what cannot be read and for more than `max_objects`, `FileChanged` for a file that
    changes while it is read.
    """
    top = location.path
    if not Path(top).exists():
        raise errors.NotFound(f"{top} does not exist")
    mode = get_stat(top).st_mode
    if stat.S_ISDIR(mode):
        try:
            files_by_path = {path: file.source for path, file in iter_files(top, Exclusions())}
            sources = {files_by_path[path]: path for path in sorted(files_by_path)}
        except OSError as error:
            raise errors.Invalid(f"{error.filename or top} cannot be read: {error.strerror or error}") from error
    else:
        require_regular_file(top, mode)
        sources = {top: ""}
    if not sources:
        raise errors.NotFound(f"There is no file in {top}")
    if len(sources) > max_objects:
        raise errors.Invalid(
            f"There are {len(sources):,} files in {top}, more than max_objects={max_objects:,}; none was added"
        )
    files = hashes.hash_files((path, source) for source, path in sources.items())
    return [
        FoundObject(Path(file.source).as_uri(), file.path, file.size, identity.of_sha256(file.sha256)) for file in files
    ]
