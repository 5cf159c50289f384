"""`Artifact` as users know it: one class, behind which stand a draft that is filled and a version that is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import IO, Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.logged_version import Logged
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.models import RunRecord

StrPath = str | os.PathLike[str]


class File:
    """One file of a logged artifact, which can be downloaded alone."""

    def __init__(self, logged: Logged, entry: Entry) -> None:
        self._logged = logged
        self.path = entry.path
        """Inside the artifact."""
        self.size = entry.size
        """In bytes."""
        self.sha256 = entry.sha256
        self.mime_type = entry.mime_type
        self.integrity = entry.integrity
        """`pending`, `verified` or `corrupt`, as the server's workers found it."""

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def digest(self) -> str | None:
        return self.sha256

    def download(self, root: StrPath | None = None) -> str:
        """Bring this file below `root`, verified, and return where it lies. The root is that of `Artifact.download`."""
        return self._logged.download_entry(self.path, root)

    def __repr__(self) -> str:
        return f"<File {self.path!r} of {self._logged.qualified_name}>"


class Artifact:
    """A named set of files. It is filled as a draft, becomes a version when it is logged, and is read from then on.

    `name`: 1 to 128 of letters, digits, `.`, `_`, `-`. `type`: `model`, `dataset`, `file` or `code`. `metadata`: what
    JSON can hold, up to 1 MiB. Raises `InvalidName`.
    """

    def __init__(
        self, name: str, type: str, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self._state: Draft | Logged = Draft(name, type, description, metadata)

    @classmethod
    def _of(cls, connection: Connection, record: dict[str, Any]) -> Artifact:
        artifact = cls.__new__(cls)
        artifact._become(connection, record)
        return artifact

    def _become(self, connection: Connection, record: dict[str, Any]) -> None:
        self._state = Logged(connection, record)

    def _draft(self, act: str) -> Draft:
        if isinstance(self._state, Logged):
            raise errors.AlreadyLogged(
                f"{act}: {self._state.qualified_name} is logged, and its contents never change; "
                "make a new Artifact of that name to log a new version"
            )
        return self._state

    def _logged(self, act: str) -> Logged:
        if isinstance(self._state, Draft):
            raise errors.NotLogged(f"{act}: artifact {self._state.name!r} is not logged yet; log it with log_artifact")
        return self._state

    def __repr__(self) -> str:
        if isinstance(self._state, Draft):
            return f"<Artifact {self.name!r} ({self.type}), a draft of {len(self._state.sources)} files>"
        return f"<Artifact {self._state.qualified_name} ({self.type})>"

    # --- Always -------------------------------------------------------------------------------------------------------

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
        self._state.description = description or ""

    @property
    def metadata(self) -> dict[str, Any]:
        """May be changed in place; on a logged artifact the change reaches the server with `save()`."""
        return self._state.metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any] | None) -> None:
        self._state.metadata = dict(metadata or {})

    def wait(self) -> Artifact:
        """The artifact itself. `log_artifact` returns when everything is done: there is nothing left to wait for."""
        return self

    # --- While it is a draft ------------------------------------------------------------------------------------------

    def add_file(self, local_path: StrPath, name: str | None = None) -> str:
        """Add a file, under its own name or under `name`, and return its path in the artifact.

        It is read when the artifact is logged. Raises `Invalid` for what is not a regular file, `InvalidPath`,
        `PathTaken` for a path that another file has, `AlreadyLogged`.
        """
        return self._draft("add_file").add_file(local_path, name)

    def add_dir(self, local_path: StrPath, name: str | None = None) -> None:
        """Add all files below a directory, at the root of the artifact or below `name`.

        Symbolic links are followed, to files and to directories; one that leads in a circle or to nothing is refused,
        as are sockets, pipes and devices. Empty directories are not kept. Raises what `add_file` raises, and then adds
        nothing.
        """
        self._draft("add_dir").add_dir(local_path, name)

    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> AbstractContextManager[IO[Any]]:
        """A context manager for writing a file of the artifact that is on no disk yet; text is UTF-8 unless said.

        The file is added when the block ends without an exception. Raises `InvalidPath`, `PathTaken`, `AlreadyLogged`.
        """
        return self._draft("new_file").new_file(name, mode, encoding)

    def remove(self, item: str | File | Entry) -> None:
        """Take a file out of the draft, by its path. Raises `NotFound`, `AlreadyLogged`."""
        self._draft("remove").remove(item if isinstance(item, str) else item.path)

    # --- Once it is logged --------------------------------------------------------------------------------------------

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
        """`team/project/name:v3`, which means this version for ever."""
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
        """Those of this version when it was asked for. May be changed in place; `save()` moves and removes them."""
        return self._logged("aliases").aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._logged("aliases").aliases = list(aliases)

    @property
    def digest(self) -> str:
        """sha256 over the paths, hashes and sizes of the files: the same for versions that hold the same."""
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
        """The files by their paths, asked of the server once."""
        return self._logged("manifest").manifest

    def files(self) -> list[File]:
        """All files, in the order of their paths."""
        logged = self._logged("files")
        return [File(logged, entry) for entry in logged.manifest]

    def get_entry(self, name: str) -> File:
        """The file of that path. Raises `NotFound`."""
        logged = self._logged("get_entry")
        return File(logged, logged.entry(name))

    def get_path(self, name: str) -> File:
        """The same as `get_entry`."""
        return self.get_entry(name)

    def download(self, root: StrPath | None = None, path_prefix: str | None = None) -> str:
        """Bring the files below `root`, by default `./artifacts/<name>:<version>`, and return that directory.

        Each file appears whole and verified by its sha256, or not at all. Files that are there and right are kept,
        other files of the directory are let be. With `path_prefix` only files whose path starts with it are brought.
        Raises `CorruptDownload`, `InvalidPath` for what would land outside of `root`, `Unreachable`, `NotLogged`.
        """
        return self._logged("download").download(root, path_prefix)

    def file(self, root: StrPath | None = None) -> str:
        """Download an artifact of exactly one file and return where it lies. Raises `Invalid` for another number."""
        return self._logged("file").file(root)

    def verify(self, root: StrPath | None = None) -> None:
        """Check a directory that was downloaded to. Raises `CorruptDownload` with `.problem["paths"]`: what is missing,
        changed, or not of the artifact."""
        self._logged("verify").verify(root)

    def logged_by(self) -> RunRecord | None:
        """The run that made this version; None where no run did, or it is gone."""
        return self._logged("logged_by").logged_by()

    def used_by(self) -> list[RunRecord]:
        """The runs that used this version, newest first, as far as you may see them."""
        return list(self._logged("used_by").used_by())

    def save(self) -> None:
        """Send what was changed in `description`, `metadata` and `aliases`.

        All aliases move in one step, or none does. One that was taken out of the list and is at another version by now
        stays there. Raises `InvalidName`, `Denied`, `AliasProtected`.
        """
        self._logged("save").save()
