"""The public class `Artifact`: a draft until it is logged, a logged version afterwards."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import IO, Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.json_values import to_metadata, to_text
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.models import RunRecord

StrPath = str | os.PathLike[str]


class File:
    """One file of a logged artifact."""

    def __init__(self, version: LoggedVersion, entry: Entry) -> None:
        self._version = version
        self.path = entry.path
        """Inside the artifact."""
        self.size = entry.size
        """In bytes."""
        self.sha256 = entry.sha256
        self.mime_type = entry.mime_type
        self.integrity = entry.integrity
        """`pending`, `verified` or `corrupt`: the result of the server's check of the stored bytes."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def digest(self) -> str | None:
        return self.sha256

    def download(self, root: StrPath | None = None) -> str:
        """Download and verify this file, and return its local path. `root` is as in `Artifact.download`."""
        return self._version.download_entry(self.path, root)

    def __repr__(self) -> str:
        return f"<File {self.path!r} of {self._version.qualified_name}>"


class Artifact:
    """A named set of files. Files are added while it is a draft; logging it creates a version, which can be read.

    `name`: 1 to 128 letters, digits, `.`, `_`, `-`. `type`: `model`, `dataset`, `file` or `code`. `metadata`: a
    mapping, or an object with attributes, whose values are converted to JSON types; up to 1 MiB. Raises `InvalidName`.
    """

    def __init__(
        self, name: str, type: str, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self._state: Draft | LoggedVersion = Draft(name, type, description, metadata)

    def __copy__(self) -> Artifact:
        """A draft of its own with the same files, or the same version with edits of its own."""
        copied = self.__class__.__new__(self.__class__)
        copied._state = copy.deepcopy(self._state)
        return copied

    @classmethod
    def _from_record(cls, connection: Connection, record: dict[str, Any]) -> Artifact:
        artifact = cls.__new__(cls)
        artifact._set_logged(connection, record)
        return artifact

    def _set_logged(self, connection: Connection, record: dict[str, Any]) -> None:
        self._state = LoggedVersion(connection, record)

    def _draft(self, operation: str) -> Draft:
        if isinstance(self._state, LoggedVersion):
            raise errors.AlreadyLogged(
                f"{operation}: {self._state.qualified_name} is already logged, and its contents cannot change; "
                "create a new Artifact with this name to log a new version"
            )
        return self._state

    def _logged(self, operation: str) -> LoggedVersion:
        if isinstance(self._state, Draft):
            raise errors.NotLogged(
                f"{operation}: artifact {self._state.name!r} is not logged yet; log it with log_artifact"
            )
        return self._state

    def __repr__(self) -> str:
        if isinstance(self._state, Draft):
            return f"<Artifact {self.name!r} ({self.type}), draft with {len(self._state.sources)} files>"
        return f"<Artifact {self._state.qualified_name} ({self.type})>"

    # --- Drafts and logged artifacts ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Without version: `training-dataset`."""
        return self._state.name

    @property
    def type(self) -> str:
        return self._state.type if isinstance(self._state, Draft) else str(self._state.record["artifact_type"])

    @property
    def description(self) -> str:
        return self._state.description

    @description.setter
    def description(self, description: str | None) -> None:
        self._state.description = to_text(description)

    @property
    def metadata(self) -> dict[str, Any]:
        """Converted to JSON types. Can be edited in place, however deep; on a logged artifact `save()` sends it."""
        return self._state.metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any] | None) -> None:
        self._state.metadata = to_metadata(metadata)

    def wait(self) -> Artifact:
        """Returns the artifact. `log_artifact` is synchronous, so there is nothing to wait for."""
        return self

    # --- Drafts only --------------------------------------------------------------------------------------------------

    def add_file(self, local_path: StrPath, name: str | None = None) -> str:
        """Add a file with its own name or as `name`, and return its path in the artifact.

        It is read when the artifact is logged. Raises `Invalid` for anything but a regular file, `InvalidPath`,
        `PathTaken` if another file has this path, `AlreadyLogged`.
        """
        return self._draft("add_file").add_file(local_path, name)

    def add_dir(self, local_path: StrPath, name: str | None = None) -> None:
        """Add all files of a directory, at the root of the artifact or below `name`.

        Symbolic links to files and directories are followed; broken and circular links raise `Invalid`, and so do
        sockets, pipes and devices. Empty directories are left out. Raises the errors of `add_file`, and then adds
        nothing.
        """
        self._draft("add_dir").add_dir(local_path, name)

    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> AbstractContextManager[IO[Any]]:
        """A context manager that opens a new file of the artifact for writing. Text is UTF-8 by default.

        The file is added when the block ends without an exception. Raises `InvalidPath`, `PathTaken`, `AlreadyLogged`.
        """
        return self._draft("new_file").new_file(name, mode, encoding)

    def remove(self, item: str | File | Entry) -> None:
        """Remove a file from the draft, by its path. Raises `NotFound`, `AlreadyLogged`."""
        self._draft("remove").remove(item if isinstance(item, str) else item.path)

    # --- Logged artifacts only ----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Of this version."""
        return str(self._logged("id").record["id"])

    @property
    def version(self) -> str:
        """`v3`."""
        return str(self._logged("version").record["version"])

    @property
    def qualified_name(self) -> str:
        """`team/project/name:v3`, the permanent name of this version."""
        return self._logged("qualified_name").qualified_name

    @property
    def entity(self) -> str:
        """The team."""
        return str(self._logged("entity").record["project_name"]).split("/")[0]

    @property
    def project(self) -> str:
        return str(self._logged("project").record["project_name"]).split("/")[1]

    @property
    def aliases(self) -> list[str]:
        """The aliases of this version when it was fetched. Can be edited in place; `save()` sends the changes."""
        return self._logged("aliases").aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._logged("aliases").aliases = list(aliases)

    @property
    def digest(self) -> str:
        """sha256 over the paths, hashes and sizes of the files: versions with the same files have the same digest."""
        return str(self._logged("digest").record["digest"])

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return int(self._logged("size").record["total_size"])

    @property
    def file_count(self) -> int:
        return int(self._logged("file_count").record["file_count"])

    @property
    def created_at(self) -> str:
        """ISO 8601, UTC."""
        return str(self._logged("created_at").record["created_at"])

    @property
    def url(self) -> str:
        """The page of this version."""
        return str(self._logged("url").record["url"])

    @property
    def manifest(self) -> Manifest:
        """The files by path. Fetched once."""
        return self._logged("manifest").manifest

    def files(self) -> list[File]:
        """All files, sorted by path."""
        version = self._logged("files")
        return [File(version, entry) for entry in version.manifest]

    def get_entry(self, name: str) -> File:
        """The file at this path. Raises `NotFound`."""
        version = self._logged("get_entry")
        return File(version, version.entry(name))

    def get_path(self, name: str) -> File:
        """The same as `get_entry`."""
        return self.get_entry(name)

    def download(self, root: StrPath | None = None, path_prefix: str | None = None) -> str:
        """Download the files to `root`, by default `./artifacts/<name>:<version>`, and return that directory.

        Each file appears complete and verified by its sha256, or not at all. Files that are already there are kept,
        unrelated files are left alone. With `path_prefix` only files whose path starts with it are downloaded.
        Raises `CorruptDownload`, `InvalidPath` for a path outside of `root`, `Unreachable`, `NotLogged`.
        """
        return self._logged("download").download(root, path_prefix)

    def file(self, root: StrPath | None = None) -> str:
        """Download an artifact with exactly one file, and return its local path. Raises `Invalid` for any other."""
        return self._logged("file").file(root)

    def verify(self, root: StrPath | None = None) -> None:
        """Check a downloaded directory. Raises `CorruptDownload`, whose `.problem["paths"]` are the files that are
        missing, changed, or not part of the artifact."""
        self._logged("verify").verify(root)

    def logged_by(self) -> RunRecord | None:
        """The run that created this version; None if there was no run, or it was deleted."""
        return self._logged("logged_by").logged_by()

    def used_by(self) -> list[RunRecord]:
        """The runs that used this version, newest first, as far as you have access to them."""
        return list(self._logged("used_by").used_by())

    def save(self) -> None:
        """Send the changes of `description`, `metadata` and `aliases`.

        All aliases move in one step, or none does. An alias that was removed from the list but has been moved to
        another version in the meantime stays there. Raises `InvalidName`, `Denied`, `AliasProtected`.
        """
        self._logged("save").save()
