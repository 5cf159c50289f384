"""The files of an offline run: copies in its directory, and events that say where they belong."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.offline.recorder import Recorder
from wanllmdb.sdk.progress import ignore_progress
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.run_files.keepers import RunFiles
from wanllmdb.sdk.transfer import hashes


class OfflineRunFiles(RunFiles):
    """Each file is copied at once, and sent by `wanllmdb sync`."""

    def __init__(self, connection: Connection, run_id: str, recorder: Recorder) -> None:
        super().__init__(connection, run_id)
        self._recorder = recorder

    def send(self, files: Mapping[str, str]) -> None:
        """Raises `Invalid`, `FileChanged`, `CacheError`."""
        for source in files.values():
            uploads.require_readable(source)
        hashed = [hashes.hash_file(path, source) for path, source in files.items()]
        self._recorder.directory.files.add(hashed, ignore_progress)
        kept = [
            {"path": file.path, "sha256": file.sha256, "size": file.size, "executable": file.executable}
            for file in hashed
        ]
        self._recorder.append("save_files", files=kept)

    def add(self, path: str, content: bytes | Path) -> None:
        if not isinstance(content, bytes):
            self.send({path: str(content)})
            return
        with tempfile.TemporaryDirectory(prefix="wanllmdb-media-") as directory:
            copy = Path(directory, "file")
            copy.write_bytes(content)
            self.send({path: str(copy)})

    def finish(self) -> None:
        pass
