"""Creates a version from a draft: hash, register files and references, upload what is missing, finalize."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wanllmdb.sdk import draft_files, errors, version_bases, version_files
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.http_client import Client, quote_segment
from wanllmdb.sdk.json_limits import require_fit
from wanllmdb.sdk.json_values import to_canonical, to_jsonable
from wanllmdb.sdk.lineage import sources
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.name_resolution import find_artifact
from wanllmdb.sdk.progress import OnProgress, ProgressCallback, Transfer, ignore_progress
from wanllmdb.sdk.transfer import hashes, upload, upload_plan
from wanllmdb.sdk.transfer.hashes import FileFingerprint, HashedFile
from wanllmdb.sdk.validators import validate_tags
from wanllmdb.sdk.version_bases import Base
from wanllmdb.sdk.version_files import FileBatch

# As in `core.validators` of the server.
MAX_DESCRIPTION_LENGTH = 1 << 16
MAX_TAGS = 100
# Of one log, where others send or finalize the same files at the same time.
MAX_ATTEMPTS = 3


def create_version(
    connection: Connection,
    draft: Draft,
    project: str,
    aliases: Sequence[str],
    run_id: str | None = None,
    tags: Sequence[str] = (),
    *,
    kept: Iterable[Entry] = (),
    create_project: bool = False,
    expected_digest: str | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """Create a version in a project, by `team/project` or id, with all that the draft has, and return its record.

    `kept` are files of an earlier version that it has as well, where the draft has none of these paths.

    If the latest version already has these files, that version is returned: nothing is uploaded, the aliases move to
    it. Tags are added to those of the artifact. Safe to call again after any failure: nothing is uploaded twice. With
    `create_project` a missing project is created, private. `progress` is called as `Run.log_artifact` says.
    Raises `TypeDiffers`, `FileChanged`, also if the files have another digest than expected, `Unreachable`, and the
    errors of the server. What can be refused before any bytes are uploaded, such as metadata, or an alias by
    `AliasProtected`, leaves nothing behind.
    """
    require_valid(draft, tags)
    connection.console.info(f"Logging artifact {draft.name!r} ({draft.type})...")
    with connection.console.transfer(draft.name, progress) as transfer:
        return _create_version(
            *(connection, transfer, draft, project, aliases, run_id, tags, kept, create_project, expected_digest)
        )


def _create_version(
    connection: Connection,
    transfer: Transfer,
    draft: Draft,
    project: str,
    aliases: Sequence[str],
    run_id: str | None,
    tags: Sequence[str],
    kept: Iterable[Entry],
    create_project: bool,
    expected_digest: str | None,
) -> dict[str, Any]:
    client, console = connection.client, connection.console
    artifact = _find_artifact(client, project, draft.name, may_lack_project=create_project)
    _require_same_type(draft, artifact)
    _require_room_for_tags(artifact, tags)
    files = draft_files.read(connection, draft, transfer, max_kept=draft_files.MAX_KEPT)
    files += [_kept_file(entry) for entry in kept if entry.path not in draft.sources and entry.sha256]
    references = list(draft.references.values())
    digest = hashes.version_digest(
        [*((file.path, file.sha256, file.size) for file in files), *(entry.digest_item for entry in references)]
    )
    if expected_digest not in (None, digest):
        raise errors.FileChanged(f"The files of artifact {draft.name!r} are not those that were logged")
    fields = {
        "digest": digest,
        "executable_digest": hashes.executable_digest(file.path for file in files if file.executable),
        "run_id": run_id,
        "description": draft.description,
        "metadata": to_jsonable(draft.metadata),
        "aliases": list(aliases),
        # A server that does not know this numbers the draft at once.
        "numbering": "on_finalize",
    }
    if draft.tags:
        fields["tags"] = validate_tags(draft.tags)
    if draft.ttl:
        fields["ttl_seconds"] = int(draft.ttl.total_seconds())
    if draft.derived_from:
        fields["derived_from"] = sources.to_wire(connection, draft.derived_from, project)
    begun = None
    if artifact is None:
        batches = version_files.batches(files, references)
        first = next(batches, FileBatch())
        with transfer.phase("registering", files=len(first)):
            artifact, version = _create_artifact(client, project, draft, {**fields, **first.fields}, create_project)
        if version is not None:
            begun = {**version, "is_first": True}, batches
    artifact_id = str(artifact["id"])
    version = _get_or_create(connection, transfer, artifact_id, files, references, fields, begun)
    if version["created"]:
        version_bases.remember(connection, version, files, references)
        console.info(f"  Created version: {version['version']}")
    else:
        console.info(f"  No changes: version {version['version']} already contains these files")
        if draft.metadata and to_canonical(fields["metadata"]) != to_canonical(version["metadata"]):
            console.info("  Its metadata was not changed: to change it, edit artifact.metadata and call save()")
        if draft.tags or draft.ttl:
            console.info("  Its tags and TTL were not changed: to change them, edit the artifact and call save()")
    _add_tags(connection, artifact_id, tags, artifact["tags"])
    _print_aliases(connection, aliases)
    return version


def add_aliases(
    connection: Connection, record: dict[str, Any], aliases: Sequence[str], tags: Sequence[str] = ()
) -> dict[str, Any]:
    """Move aliases to a version that already exists, and add tags to its artifact."""
    connection.console.info(f"Logging artifact {record['artifact_name']!r} ({record['artifact_type']})...")
    connection.console.info(f"  No changes: version {record['version']} already contains these files")
    version = _finalize(connection.client, record, record["digest"], aliases, [])
    _add_tags(connection, record["artifact_id"], tags)
    _print_aliases(connection, aliases)
    return version


def _kept_file(entry: Entry) -> HashedFile:
    """A file whose bytes the project has already, and which this machine may not have any more."""
    fingerprint = FileFingerprint(entry.size, 0, 0, 0)
    return HashedFile(entry.path, "", entry.size, str(entry.sha256), fingerprint, executable=entry.executable)


def _require_same_type(draft: Draft, artifact: dict[str, Any] | None) -> None:
    if artifact and artifact["type"] != draft.type:
        raise errors.TypeDiffers(
            f"Artifact {draft.name!r} of {artifact['project_name']} is a {artifact['type']}, not a {draft.type}: "
            "log it with that type, or with another name"
        )


def require_valid(draft: Draft, tags: Sequence[str] = ()) -> None:
    """Raises `Invalid` for what the server would refuse, before the files are hashed and anything is sent."""
    _require_room_for_tags(None, tags)
    validate_tags(draft.tags)
    require_fit(to_jsonable(draft.metadata), "metadata")
    require_fit({"description": draft.description}, f"artifact {draft.name!r}")
    if len(draft.description) > MAX_DESCRIPTION_LENGTH:
        raise errors.Invalid(f"The description is longer than {MAX_DESCRIPTION_LENGTH:,} characters")


def _require_room_for_tags(artifact: dict[str, Any] | None, tags: Sequence[str]) -> None:
    if len({*(artifact["tags"] if artifact else ()), *tags}) > MAX_TAGS:
        raise errors.Invalid(f"An artifact has at most {MAX_TAGS} tags")


def _find_artifact(client: Client, project: str, name: str, *, may_lack_project: bool) -> dict[str, Any] | None:
    try:
        return find_artifact(client, project, name)
    except errors.NotFound:
        if may_lack_project:
            return None
        raise


def _create_artifact(
    client: Client, project: str, draft: Draft, version: dict[str, Any], create_project: bool
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The artifact and its first draft, in one request: if anything is refused, nothing is created.

    The description of a draft is its version's alone: that of the artifact would be the first one's for ever.
    Without the draft if somebody else created the artifact in the meantime.
    """
    body = {
        "project": project,
        "name": draft.name,
        "type": draft.type,
        "create_project": create_project,
        "version": version,
    }
    try:
        artifact = client.post("/artifacts", body, idempotent=True)
        return artifact, artifact["version"]
    except errors.NameTaken as error:
        # Or our first attempt succeeded and its response was lost.
        artifact = client.get(f"/artifacts/{quote_segment(error.problem['artifact_id'])}")
        _require_same_type(draft, artifact)
        return artifact, None


def _add_tags(connection: Connection, artifact_id: str, tags: Sequence[str], known: Sequence[str] = ()) -> None:
    """Add them to those that the artifact has, whoever else adds some at the same time; `known` are no news."""
    if tags:
        connection.client.patch(f"/artifacts/{artifact_id}", {"add_tags": list(tags)})
    new = [tag for tag in tags if tag not in known]
    if new:
        connection.console.info(f"  Adding {len(new)} tag(s): {', '.join(new)}")


def _print_aliases(connection: Connection, aliases: Sequence[str]) -> None:
    if aliases:
        connection.console.info(f"  Adding {len(aliases)} alias(es)...")
    for alias in aliases:
        connection.console.info(f"    ✓ {alias!r}")


# --- Draft, upload, finalize ------------------------------------------------------------------------------------------


def _get_or_create(
    connection: Connection,
    transfer: Transfer,
    artifact_id: str,
    files: list[HashedFile],
    references: list[Entry],
    fields: dict[str, Any],
    begun: tuple[dict[str, Any], Iterator[FileBatch]] | None = None,
) -> dict[str, Any]:
    """The version with these files: the latest one if it has them, else a new one.

    That may have been begun: with what it is still to be given.
    """
    client, digest, aliases = connection.client, fields["digest"], fields["aliases"]
    base = version_bases.find(connection, artifact_id, files, references) if begun is None else None
    attempts = 0
    while True:
        try:
            with transfer.phase("registering", files=len(files) + len(references)) as on_progress:
                if begun is None:
                    version, batches = _begin(client, artifact_id, fields, files, references, base)
                else:
                    version, batches = begun
                if version["state"] == "draft":
                    missing = _register_files(client, version["id"], batches, on_progress)
                    version["missing"] = [*version["missing"], *missing]
                # Those of the first request, and of a base.
                on_progress(0, len(files) + len(references) - on_progress.snapshot().files_done)
            if version["state"] == "draft":
                return _complete(connection, transfer, version, files, digest, aliases)
            with transfer.phase("finalizing"):
                return _finalize(client, version, digest, aliases, [])
        except (errors.VersionFinalized, errors.NotFound):
            # Another process of this user logs the same files: it shares our draft, and has finalized or deleted it.
            attempts += 1
            begun = None
            if attempts == MAX_ATTEMPTS:
                raise
        except (errors.BytesMismatch, errors.PathTaken):
            if base is None:
                raise
            base = None  # it was not what this machine knows of it


def _begin(
    client: Client,
    artifact_id: str,
    fields: dict[str, Any],
    files: list[HashedFile],
    references: list[Entry],
    base: Base | None,
) -> tuple[dict[str, Any], Iterator[FileBatch]]:
    """The latest version, if it has these files, or a draft, and the files that it is still to be given."""
    path = f"/artifacts/{artifact_id}/versions"
    if base is not None and base.differs:
        changed = next(version_files.batches(base.changed), FileBatch())
        try:
            return client.post(path, {**fields, **base.fields, **changed.fields}, idempotent=True), iter(())
        except (errors.Conflict, errors.Invalid, errors.NotFound):
            pass  # The base was deleted, or its bytes are damaged. Or all this is refused, and so it is again.
    batches = version_files.batches(files, references)
    # Where these files were logged before, most likely the latest version has them: the digest is enough to ask.
    is_known = (base is not None and not base.differs) or (files and all(file.is_recalled for file in files))
    first = FileBatch() if is_known else next(batches, FileBatch())
    return client.post(path, {**fields, **first.fields}, idempotent=True), batches


def _register_files(
    client: Client,
    version_id: str,
    batches: Iterable[FileBatch],
    on_progress: OnProgress = ignore_progress,
) -> Iterator[str]:
    """Declare the files of the draft. Returns the sha256s that are missing in the object store."""
    for batch in batches:
        response = client.post(f"/artifacts/versions/{version_id}/files/batch", batch.fields, idempotent=True)
        on_progress(0, len(batch))
        yield from response["missing"]


def _complete(
    connection: Connection,
    transfer: Transfer,
    draft: dict[str, Any],
    files: list[HashedFile],
    digest: str,
    aliases: Sequence[str],
) -> dict[str, Any]:
    """Upload what the draft is missing, and finalize it."""
    client, missing = connection.client, draft["missing"]
    try:
        for attempts_left in reversed(range(MAX_ATTEMPTS)):
            try:
                uploads = _upload_missing(connection, transfer, draft["id"], files, missing)
                with transfer.phase("finalizing"):
                    return _finalize(client, draft, digest, aliases, uploads)
            except (errors.VersionIncomplete, errors.BytesMismatch, errors.PackDiffers):
                # Stored bytes were lost or damaged, or another process uploads for the same draft. Declare the files
                # again to learn what to upload.
                if not attempts_left:
                    raise
                missing = list(_register_files(client, draft["id"], version_files.batches(files)))
        raise AssertionError("the last attempt returns or raises")
    except (errors.FileChanged, errors.BytesMismatch, errors.PathTaken):
        draft_files.file_hashes(connection).forget(files)
        _delete_draft(client, draft["id"], with_artifact=draft.get("is_first", False))
        raise


def _upload_missing(
    connection: Connection, transfer: Transfer, version_id: str, files: list[HashedFile], missing: Iterable[str]
) -> list[dict[str, Any]]:
    missing = set(missing)
    needed = [file for file in files if file.sha256 in missing or not missing.isdisjoint(file.piece_hashes)]
    plan = upload_plan.make_plan(needed, missing)
    with transfer.phase("uploading", files=plan.file_count, size=plan.size) as on_progress:
        return upload.upload(connection.client, version_id, plan, on_progress)


def _finalize(
    client: Client, version: dict[str, Any], digest: str | None, aliases: Sequence[str], uploads: list[dict[str, Any]]
) -> dict[str, Any]:
    body = {"digest": digest, "uploads": uploads, "aliases": list(aliases)}
    return dict(client.post(f"/artifacts/versions/{version['id']}/finalize", body, idempotent=True))


def _delete_draft(client: Client, version_id: str, *, with_artifact: bool) -> None:
    """Delete a draft that can never be completed, and the artifact that was created with it if it has nothing else.

    If that fails, the server deletes the draft when it expires.
    """
    try:
        client.delete(f"/artifacts/versions/{version_id}", with_artifact="true" if with_artifact else None)
    except errors.WanLLMDBError:
        return
