"""The files of a draft with their hashes: recalled where they look as they did when they were logged before."""

from __future__ import annotations

import time

from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.local_cache.file_hashes import FileHashes
from wanllmdb.sdk.progress import Transfer
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import MIB, FileFingerprint, HashedFile

MAX_KEPT = 24 * MIB
"""How many bytes of small files stay in memory from when they are hashed until they are uploaded."""
_FILES_PER_RECALL = 5_000
# Of small files, so that very many need little memory. Their bytes are compared with the hash when they are sent.
_NO_FINGERPRINT = FileFingerprint(-1, 0, 0, 0)


def read(connection: Connection, draft: Draft, transfer: Transfer, *, max_kept: int = 0) -> list[HashedFile]:
    """The files in the order of their paths, with the hashes that they had when they were added.

    The contents of small files that had to be read are kept, of up to `max_kept` bytes in all.
    Raises `FileChanged`, `Invalid`.
    """
    started_at = time.time_ns()
    cache = file_hashes(connection)
    added_files = sorted(draft.sources.items())
    files: dict[str, HashedFile] = {}
    for start in range(0, len(added_files), _FILES_PER_RECALL):
        batch = added_files[start : start + _FILES_PER_RECALL]
        files |= cache.recall(
            [(path, file.source, FileFingerprint.from_stat(file.require_unchanged())) for path, file in batch]
        )
    unread = [(path, file.source) for path, file in added_files if path not in files]
    with transfer.phase("hashing", files=len(added_files), size=draft.size) as on_progress:
        on_progress(sum(file.size for file in files.values()), len(files), is_reused=True)
        read_files = hashes.hash_files(unread, max_kept=max_kept, in_pieces=True, on_progress=on_progress)
    cache.remember(read_files, started_at)
    files |= {file.path: file for file in read_files}
    for path, file in files.items():
        added, now = draft.sources[path], file.fingerprint
        if not added.is_same(file.size, now.modified_ns, now.inode, file.sha256):
            cache.forget([file])
            raise added.changed_error()
        file.executable = added.executable
        if file.size < hashes.PACK_BELOW:
            file.fingerprint = _NO_FINGERPRINT
    return [files[path] for path, _ in added_files]


def file_hashes(connection: Connection) -> FileHashes:
    """What this machine remembers of the files that were logged from it; nothing where that is turned off."""
    settings = connection.settings
    return FileHashes(settings.cache_dir if settings.hash_cache and settings.mode != "disabled" else None)
