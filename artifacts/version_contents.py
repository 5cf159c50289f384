"""What the files of a draft are together: its digest, its numbers, its folders, what it is found by.

They are read before the transaction that finalizes the draft, and hold while its `touched_at` is the same: whoever
changes its files has its lock, and touches it. So nobody waits for the lock while 300,000 files are read.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from artifacts import errors, folder_summaries
from artifacts.content import digests
from artifacts.folder_summaries import Summary
from artifacts.models import ArtifactVersion, Blob
from artifacts.search_index import FileLines

_READ_SIZE = 10_000
# More folders than these are stored in transactions of their own, before the draft is finalized.
_MAX_FOLDERS = 2_000
_MAX_PATHS_IN_ERROR = 100
_COLUMNS = (
    "path", "size", "blob__sha256", "blob__md5", "blob__state", "is_executable",
    "reference_uri", "reference_version_id", "reference_identity", "reference_digest",
)  # fmt: skip


class DraftChanged(Exception):
    """The files of the draft are others than those that were read, or it is no draft any more."""


class Contents:
    """All files of a draft, as they were at `touched_at`; `folders` are the last ones that it needs rows for."""

    def __init__(self, version: ArtifactVersion, touched_at: datetime) -> None:
        self.version, self.touched_at = version, touched_at
        self.file_count = self.total_size = self.reference_count = self.referenced_size = 0
        self.lines = FileLines()
        self.states: set[str] = set()
        self.folders: list[tuple[Summary, str | None]] = []
        self.has_stored_folders = False
        self._digest = digests.VersionDigest()
        self._wire = digests.WireDigest()
        self._executables = digests.ExecutableDigest()
        # By state, the first files whose bytes are missing or wrong.
        self._faults: dict[str, list[tuple[str, str]]] = {Blob.State.EXPECTED: [], Blob.State.CORRUPT: []}

    @property
    def digest(self) -> str | None:
        """None while a hash is unknown."""
        return self._digest.value

    @property
    def wire_digest(self) -> str | None:
        """The same of the digest that the `wandb` client computes."""
        return self._wire.value

    @property
    def executable_digest(self) -> str:
        return self._executables.value

    @property
    def is_verified(self) -> bool:
        """Of references nothing is to be read back."""
        return self.states <= {Blob.State.VERIFIED}

    def require_complete(self) -> None:
        """Raise `VersionIncomplete`, or `BytesMismatch`, where bytes are missing or corrupt."""
        for state, refusal, message in (
            (Blob.State.EXPECTED, errors.VersionIncomplete, "Some files of this draft have not been uploaded yet."),
            (Blob.State.CORRUPT, errors.BytesMismatch, "Some uploaded bytes do not match their declared hashes."),
        ):
            if found := self._faults[state]:
                raise refusal(message, paths=[path for path, _ in found], missing=[sha256 for _, sha256 in found])

    def read(self) -> None:
        """Read all files. Raises `PathTaken` where no disk can hold them, `DraftChanged`."""
        folders = folder_summaries.to_store(folder_summaries.summarise(self._files()))
        while len(batch := list(islice(folders, _MAX_FOLDERS))) == _MAX_FOLDERS:
            if not any(self._faults.values()):
                self._store_folders(batch)
        self.folders = batch

    def _files(self) -> Iterator[tuple[str, int, object]]:
        """Each with its state, in the order of their paths. Nothing is left open between two reads."""
        prefixes: list[str] = []
        for path, size, sha256, md5, state, is_executable, uri, version_id, identity, stated in self._rows():
            # A file that is a folder of this path comes before it, but not always next to it.
            while prefixes and not path.startswith(prefixes[-1]):
                prefixes.pop()
            for prefix in prefixes:
                if path[len(prefix)] == "/":
                    message = f"{prefix!r} cannot be a file and the folder of {path!r}."
                    raise errors.PathTaken(message, paths=[prefix, path])
            prefixes.append(path)
            self.file_count += 1
            self.total_size += size
            if uri is None:
                self.states.add(state)
                if state in self._faults and len(self._faults[state]) < _MAX_PATHS_IN_ERROR:
                    self._faults[state].append((path, sha256))
                self._digest.add(path, sha256, size)
                self._wire.add(path, digests.md5_on_wire(md5))
            else:
                self.reference_count += 1
                self.referenced_size += size
                self._digest.add(path, digests.of_reference(uri, version_id, identity), size)
                self._wire.add(path, digests.reference_on_wire(uri, identity, stated))
            if is_executable:
                self._executables.add(path)
            self.lines.add(path)
            yield path, size, state

    def _rows(self) -> Iterator[tuple]:
        rows = self.version.files.order_by("path").values_list(*_COLUMNS)
        batch = list(rows[:_READ_SIZE])
        while batch:
            yield from batch
            is_last = len(batch) < _READ_SIZE
            batch = [] if is_last else list(rows.filter(path__gt=batch[-1][0])[:_READ_SIZE])

    def _store_folders(self, batch: list[tuple[Summary, str | None]]) -> None:
        """Readers do not see them before the version is finalized; what a try before has left is deleted."""
        if not self.has_stored_folders:
            with transaction.atomic():
                # From now on it is ours: somebody else who finalizes the draft at this moment begins anew.
                locked = self.lock()
                locked.save(update_fields=["touched_at"])
                self.touched_at = locked.touched_at
            while self._delete_folders():
                pass
            self.has_stored_folders = True
        with transaction.atomic():
            self.lock()
            folder_summaries.insert(self.version, batch)

    @transaction.atomic
    def _delete_folders(self) -> bool:
        self.lock()
        return folder_summaries.delete_some(self.version)

    def lock(self) -> ArtifactVersion:
        """The draft under a row lock. Raises `DraftChanged`."""
        locked = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=self.version.pk)
        self.require_same(locked)
        return locked

    def require_same(self, locked: ArtifactVersion) -> None:
        """Raise `DraftChanged` unless the version, which is locked, is the draft that was read."""
        if locked.state != ArtifactVersion.State.DRAFT or locked.touched_at != self.touched_at:
            raise DraftChanged


def read(version: ArtifactVersion) -> Contents | None:
    """The contents of a draft; None where it is none any more. Raises what `require_complete` and `read` raise."""
    drafts = ArtifactVersion.objects.drafts().filter(pk=version.pk)
    touched_at = drafts.values_list("touched_at", flat=True).first()
    if touched_at is None:
        return None
    contents = Contents(version, touched_at)
    contents.read()
    contents.require_complete()
    return contents
