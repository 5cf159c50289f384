"""The public class `Artifact`: a draft until it is logged, a logged version afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import IO, Any

from wanllmdb.sdk import errors, wandb_names
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.artifact_downloads import ArtifactDownloads
from wanllmdb.sdk.artifact_file import File, require_logged
from wanllmdb.sdk.artifact_lineage import ArtifactLineage, to_source
from wanllmdb.sdk.artifact_links import ArtifactLinks
from wanllmdb.sdk.background import PendingLog
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.json_values import to_metadata, to_text
from wanllmdb.sdk.lineage import sources
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.paths import StrPath as StrPath
from wanllmdb.sdk.references import entries
from wanllmdb.sdk.validators import validate_existing_aliases, validate_tags, validate_ttl


class Artifact(ArtifactLineage, ArtifactLinks, ArtifactDownloads):
    """A named set of files. Files are added while it is a draft; logging it creates a version, which can be read.

    `name`: 1 to 128 letters, digits, `.`, `_`, `-`. `type`: `model`, `dataset`, `file` or `code`. `metadata`: a
    mapping, or an object with attributes, whose values are converted to JSON types; up to 1 MiB. `derived_from`: the
    versions that it was made from without a run, at most 100: names such as `data:production`, `team/project/name:v3`,
    or logged artifacts. Raises `InvalidName`, `Invalid`, and `NotLogged` for a draft in `derived_from`.
    """

    @checked(ignored=wandb_names.ARTIFACT, leaves=("name", "type", "description"))
    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        derived_from: str | Artifact | Iterable[str | Artifact] | None = None,
    ) -> None:
        given: Iterable[Any] = [derived_from] if isinstance(derived_from, str | Artifact) else derived_from or ()
        versions = sources.without_repeats(to_source(item) for item in given)
        self._state: Draft | LoggedVersion = Draft(name, type, description, metadata, versions)

    _pending: PendingLog | None = None
    """While it is being logged in the background, and after that has failed."""

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: what is being logged is a draft there, which is logged by nobody."""
        return {"_state": self._state}

    def __getattr__(self, name: str) -> Any:
        raise wandb_names.missing("Artifact", name)

    def __copy__(self) -> Artifact:
        """A draft of its own with the same files, or the same version with edits of its own."""
        copied = self.__class__.__new__(self.__class__)
        copied._state = copy.deepcopy(self._state)
        return copied

    @classmethod
    def _from_record(cls, connection: Connection, record: dict[str, Any]) -> Artifact:
        return cls._from_version(LoggedVersion(connection, record))

    def _set_logged(self, connection: Connection, record: dict[str, Any]) -> None:
        self._set_version(LoggedVersion(connection, record))

    @classmethod
    def _from_version(cls, version: LoggedVersion) -> Artifact:
        artifact = cls.__new__(cls)
        artifact._set_version(version)
        return artifact

    def _set_version(self, version: LoggedVersion) -> None:
        self._state = version
        self._pending = None

    def _draft(self, operation: str) -> Draft:
        if isinstance(self._state, LoggedVersion):
            raise errors.AlreadyLogged(
                f"{operation}: {self._state.label} is already logged, and its contents cannot change; "
                "create a new Artifact with this name to log a new version"
            )
        if self._pending is not None and self._pending.is_active:
            raise errors.AlreadyLogged(
                f"{operation}: artifact {self._state.name!r} is being logged, and its contents cannot change; "
                "create a new Artifact with this name to log a new version"
            )
        return self._state

    def _logged(self, operation: str) -> LoggedVersion:
        if self._pending is not None and self._pending.is_active and isinstance(self._state, Draft):
            raise errors.NotLogged(
                f"{operation}: artifact {self._state.name!r} is still being logged; call wait() first"
            )
        return require_logged(self._state, operation)

    def __repr__(self) -> str:
        if isinstance(self._state, Draft):
            return f"<Artifact {self.name!r} ({self.type}), draft with {self._state.file_count} files>"
        return f"<Artifact {self._state.label} ({self.type})>"

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

    @property
    def tags(self) -> list[str]:
        """The version's own, beside those of the artifact; on a logged artifact `save()` sends changes."""
        return self._state.tags

    @tags.setter
    def tags(self, tags: str | Iterable[str] | None) -> None:
        self._state.tags = validate_tags(tags)

    @property
    def ttl(self) -> timedelta | None:
        """How long the version lives from when it is made, before the server deletes it; None for ever.

        One that a protected alias points at is kept. On a logged artifact `save()` sends a change.
        """
        return self._state.ttl

    @ttl.setter
    def ttl(self, ttl: timedelta | None) -> None:
        self._state.ttl = validate_ttl(ttl)

    @property
    def size(self) -> int:
        """Of all files, in bytes; of a draft, of what was added so far."""
        return self._state.size

    @property
    def file_count(self) -> int:
        return self._state.file_count

    @property
    def manifest(self) -> Manifest:
        """The files by path. Those of a logged artifact are fetched once."""
        return self._state.manifest

    @checked(ignored=wandb_names.FILES)
    def files(self, names: str | Iterable[str] | None = None) -> list[File]:
        """All files, sorted by path, or those of these paths."""
        chosen = None if names is None else {names} if isinstance(names, str) else set(names)
        return [File(self._state, entry) for entry in self.manifest if chosen is None or entry.path in chosen]

    def references(self) -> list[File]:
        """The references, sorted by path. Nothing is fetched from where they point to."""
        return [File(self._state, entry) for entry in self.manifest if entry.is_reference]

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return isinstance(self._state, Draft)

    def finalize(self) -> None:
        """Does nothing: an artifact is complete once it is logged."""

    @checked()
    def get_entry(self, name: StrPath) -> File:
        """The file at this path. Raises `NotFound`."""
        return File(self._state, self._state.entry(name))

    @checked()
    def get_path(self, name: StrPath) -> File:
        """The same as `get_entry`."""
        return self.get_entry(name)

    @checked()
    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until the artifact is logged, if that happens in the background, and return it.

        Raises the errors of `log_artifact`, and `WaitTimeout` after `timeout` seconds; the log goes on then.
        """
        if self._pending is not None:
            self._pending.wait(timeout)
        return self

    # --- Drafts only --------------------------------------------------------------------------------------------------

    @checked(ignored=wandb_names.ADD_FILE)
    def add_file(self, local_path: StrPath, name: StrPath | None = None, *, overwrite: bool = False) -> str:
        """Add a file with its own name or as `name`, and return its path in the artifact.

        With `overwrite` it takes the place of another file of this path.

        It is read when the artifact is logged, which raises `FileChanged` if it was written, replaced or removed in
        between; adding it again takes it as it is then. Raises `Invalid` for anything but a regular file,
        `InvalidPath`, `PathTaken` if another file has this path, `AlreadyLogged`.
        """
        return self._draft("add_file").add_file(local_path, name, overwrite=overwrite)

    @checked(ignored=wandb_names.ADD_DIR)
    def add_dir(
        self, local_path: StrPath, name: StrPath | None = None, exclude: StrPath | Iterable[StrPath] | None = None
    ) -> None:
        """Add all files of a directory, at the root of the artifact or below `name`.

        `exclude` takes patterns as in `.gitignore`, relative to the directory, such as `*.pyc` and `.venv/**`; so do
        files named `.wanllmdbignore` in it, which are left out themselves. Symbolic links to files and directories are
        followed; broken and circular links raise `Invalid`, and so do sockets, pipes and devices. Empty directories are
        left out. Raises the errors of `add_file`, and then adds nothing.
        """
        self._draft("add_dir").add_dir(local_path, name, exclude)

    @checked(ignored={"policy": wandb_names.ADD_FILE["policy"]})
    def new_file(self, name: StrPath, mode: str = "w", encoding: str | None = None) -> AbstractContextManager[IO[Any]]:
        """A context manager that opens a new file of the artifact for writing. Text is UTF-8 by default.

        The file is added when the block ends without an exception. Raises `InvalidPath`, `PathTaken`, `AlreadyLogged`.
        """
        return self._draft("new_file").new_file(name, mode, encoding)

    @checked()
    def add_reference(
        self,
        uri: str | File | Entry,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int = entries.MAX_OBJECTS,
        size: int | None = None,
        md5_hash: str | None = None,
        sha256_hash: str | None = None,
    ) -> list[Entry]:
        """Add an object that stays where it is, or all objects of a folder, and return the entries added.

        `uri` is `s3://bucket/key`, `gs://bucket/key`, `az://container/key` or the same as
        `https://<account>.blob.core.windows.net/container/key`, a web address, or `file:///path`. A folder of a bucket,
        or a directory, becomes an entry for each object in it, below `name` or at the root of the artifact. An object
        has its own name or `name`. `s3://…?versionId=…` pins a version; otherwise the current one is recorded where the
        bucket keeps versions.

        An entry has what identifies the object: the ETag in stores, the ETag or the time of the last change on the web,
        the sha256 of files. With `checksum=False` the URI is recorded alone and not opened, nor is it with `md5_hash`
        or `sha256_hash`, which are then the identity; `size` is that of the object, in bytes. Any other scheme takes
        `checksum=False` and a `name`.

        The credentials are those of this machine, as the tools of each store read them from the environment. Stores
        need `pip install wanllmdb[references]`. Raises `Invalid`, also for more than `max_objects`; `NotFound`;
        `ReferenceUnreachable` if the store does not answer, or not to these credentials; `InvalidPath`, `PathTaken`,
        `AlreadyLogged`. Then nothing is added.
        """
        draft = self._draft("add_reference")
        if not isinstance(uri, str):
            if uri.reference_uri is None:
                raise errors.Invalid(f"{uri.path!r} is stored, and no reference: pass a URI")
            uri = uri.reference_uri
        found = entries.of_uri(
            uri,
            name,
            checksum=checksum,
            max_objects=max_objects,
            size=size,
            md5_hash=md5_hash,
            sha256_hash=sha256_hash,
        )
        if len(found) == 1:
            draft.add_reference(found[0])
        else:
            draft.add_references(found)
        return found

    @checked()
    def remove(self, item: StrPath | File | Entry) -> None:
        """Remove a file, or all files of a folder, by its path in the draft. Raises `NotFound`, `AlreadyLogged`."""
        self._draft("remove").remove(item.path if isinstance(item, File | Entry) else item)

    # --- Logged artifacts only ----------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Of this version."""
        return str(self._logged("id").record["id"])

    @property
    def commit_hash(self) -> str:
        """The same as `digest`."""
        return self.digest

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
        return str(self._logged("entity").record["project_name"]).rpartition("/")[0]

    @property
    def project(self) -> str:
        return str(self._logged("project").record["project_name"]).rpartition("/")[2]

    @property
    def aliases(self) -> list[str]:
        """The aliases of this version when it was fetched. Can be edited in place; `save()` sends the changes."""
        return self._logged("aliases").aliases

    @aliases.setter
    def aliases(self, aliases: str | Iterable[str] | None) -> None:
        self._logged("aliases").aliases = validate_existing_aliases(aliases)

    @property
    def digest(self) -> str:
        """sha256 over the paths, hashes and sizes of the files: versions with the same files have the same digest."""
        return str(self._logged("digest").record["digest"])

    @property
    def created_at(self) -> str:
        """ISO 8601, UTC."""
        return str(self._logged("created_at").record["created_at"])

    @property
    def url(self) -> str:
        """The page of this version."""
        return str(self._logged("url").record["url"])

    @checked()
    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version and, if nothing else needs them, its bytes. Its number is never used again.

        With `delete_aliases` its aliases go too. `latest` falls back to the version before by itself, so it needs no
        permission. Raises `VersionHasAliases` without `delete_aliases`, `AliasProtected` in any case if a rule protects
        one of them, `Denied`, `VersionNotFound`.
        """
        self._logged("delete").delete(delete_aliases)

    def save(self) -> None:
        """Send the changes of `description`, `metadata`, `aliases`, `tags` and `ttl`.

        All aliases move in one step, or none does. An alias that was removed from the list but has been moved to
        another version in the meantime stays there. Raises `InvalidName`, `Denied`, `AliasProtected`.
        """
        self._logged("save").save()
