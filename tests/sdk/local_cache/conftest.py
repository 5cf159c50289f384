import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from wanllmdb.sdk.local_cache.contents import Contents
from wanllmdb.sdk.progress import Phase
from wanllmdb.sdk.settings import Settings


class Machine:
    """The cache of a user, and the files that downloads put somewhere else on the same disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = Settings(cache_dir=root / "cache")
        self.path = root / "cache/contents"
        self._count = 0

    def open(self, **settings) -> Contents:
        """As another process opens it."""
        return Contents(replace(self.settings, **settings))

    def new_path(self) -> Path:
        self._count += 1
        return self.root / f"file-{self._count}"

    def add(self, content: bytes, **settings) -> Path:
        """A download that fetches one file, and where it put it."""
        path = self.new_path()
        path.write_bytes(content)
        contents = self.open(**settings)
        contents.add(sha256(content), str(path), len(content))
        contents.close()
        return path

    def add_small(self, *several: bytes) -> None:
        contents = self.open()
        for content in several:
            contents.add(sha256(content), "", len(content), content)
        contents.close()

    def fetch(self, content: bytes, **settings) -> Path | None:
        """Where a download gets a file from the cache; None if it has to fetch it."""
        path = self.new_path()
        phase = Phase("downloading")
        is_copied = self.open(**settings).copy(sha256(content), len(content), str(path), phase)
        assert phase.snapshot().bytes_done == (len(content) if is_copied else 0)
        assert path.exists() == is_copied
        assert not is_copied or path.read_bytes() == content
        return path if is_copied else None

    def files(self) -> list[Path]:
        """Those of contents, without notes of their use."""
        return sorted(path for path in self.path.glob("*/**/*") if path.is_file() and path.suffix != ".used")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)
