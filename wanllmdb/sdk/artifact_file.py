"""The public class `File`: one file of an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.paths import StrPath

if TYPE_CHECKING:
    from wanllmdb.sdk.logged_version import LoggedVersion


class File:
    """One file of an artifact, or a reference to an object that is kept elsewhere."""

    def __init__(self, state: Draft | LoggedVersion, entry: Entry) -> None:
        self._state = state
        self.path = entry.path
        """Inside the artifact."""
        self.size = entry.size
        """In bytes; 0 of a reference whose size is not known."""
        self.sha256 = entry.sha256
        """Hex; None in a draft and of a reference."""
        self.executable = entry.executable
        """Whether its owner may execute it. A download gives that back."""
        self.mime_type = entry.mime_type
        self.integrity = entry.integrity
        """`pending`, `verified` or `corrupt`: the server's check of the stored bytes; of a reference `external`."""
        self.digest = entry.digest
        """The sha256; of a reference its identity, such as `etag:…`, or None if none was recorded."""
        self.is_reference = entry.is_reference
        self.reference_uri = self.ref = entry.reference_uri
        """Where the object of a reference is; None of a file that is stored."""
        self.etag = entry.etag
        """Of a reference, if that identifies the object."""
        self.version_id = entry.version_id
        """Of a reference, if its store keeps versions: the object's version there."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @checked()
    def download(self, root: StrPath | None = None, *, skip_cache: bool = False) -> str:
        """Download and verify this file, and return its local path. The arguments are as in `Artifact.download`."""
        return require_logged(self._state, "download").download_entry(self.path, root, skip_cache)

    def __repr__(self) -> str:
        state = self._state
        return f"<File {self.path!r} of {state.name if isinstance(state, Draft) else state.label}>"


def require_logged(state: Draft | LoggedVersion, operation: str) -> LoggedVersion:
    if isinstance(state, Draft):
        raise errors.NotLogged(f"{operation}: artifact {state.name!r} is not logged yet; log it with log_artifact")
    return state
