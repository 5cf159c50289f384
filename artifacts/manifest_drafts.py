"""Drafts whose files a manifest states once their bytes have been sent, as the `wandb` client logs them.

They begin with a digest alone; `md5_uploads` and `manifest_uploads` bring what they hold, and `commit` makes them
versions by the same steps as any other draft.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import (
    draft_bases,
    draft_files,
    drafts,
    errors,
    mime_types,
    natural_order,
    validators,
    version_tags,
    versions,
)
from artifacts.aliases import lock
from artifacts.content import garbage_collection, manifest_uploads, md5_uploads, verification
from artifacts.draft_counts import add_to_counts, count_files
from artifacts.models import (
    Artifact,
    ArtifactFile,
    ArtifactVersion,
    Blob,
    ClientId,
    ManifestUpload,
    ReferenceState,
    RunOutput,
)
from artifacts.models.client_id import MAX_CLIENT_ID_LENGTH
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from core import bulk_rows
from core.keyed_locks import KeyedLocks
from core.value_lists import Among
from projects.models import Run

# How often a draft is filled that others fill with something else meanwhile.
_ATTEMPTS = 3
_MAX_PATHS_IN_ERROR = 100
# Named in the sentence of a refusal, which is all that people see.
_MAX_PATHS_IN_SENTENCE = 3
MAX_DISTRIBUTED_ID_LENGTH = 128
# Bytes of manifests that are read into memory together, where there are several. There they take three times as many.
MAX_MERGED_SIZE = 256 * 2**20
_filling = KeyedLocks(wait_seconds=20.0)
# While a client waits to begin.
_MAX_FILES_TO_READ = 50_000


class FileEntry(NamedTuple):
    """A file whose bytes the project has: md5 in lower-case hex; size in bytes, None where it is not stated."""

    path: str
    md5: str
    size: int | None = None


class ReferenceEntry(NamedTuple):
    """A reference, with its digest and what else the client keeps of it, which it gets back as they are."""

    spec: ReferenceSpec
    digest: str
    extra: dict[str, Any]

    @property
    def path(self) -> str:
        return self.spec.path


Entry = FileEntry | ReferenceEntry
Parse = Callable[[Iterable[bytes]], Iterator[Entry]]


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a version when it begins; of one that has the contents already, it stays what it was."""

    run: Run | None = None
    description: str = ""
    metadata: dict[str, Any] | None = None
    ttl: timedelta | None = None
    history_step: int | None = None


class Begun(NamedTuple):
    """A draft to fill, or a version that has these contents already."""

    version: ArtifactVersion
    created: bool


class _Stale(Exception):
    """The draft has files of another manifest."""


def begin(
    actor: Actor,
    artifact: Artifact,
    digest: str,
    described: Description,
    *,
    aliases: Sequence[str] = (),
    tags: Sequence[str] = (),
    client_id: str = "",
    artifact_client_id: str = "",
    distributed_id: str = "",
    deduplicate: bool = True,
) -> Begun:
    """A draft of the contents that have this digest of the `wandb` client; or the newest version, if it has them.

    The aliases are kept until the draft is committed; a version that is there gets them now, and the tags. The same
    `client_id` again returns what it returned before; with another digest it raises `Conflict`. All who state the same
    `distributed_id` write into one draft.
    """
    drafts.require_no_collection(artifact)
    drafts.check_aliases(actor, artifact, aliases)
    tags = validators.check_tags(tags)
    _check(artifact, digest, described, (client_id, artifact_client_id), distributed_id)
    if known := _find_by_client_id(artifact, client_id, digest):
        return Begun(known, False)
    twin = None
    if deduplicate and not distributed_id:
        _find_wire_digest(artifact)
        twin = drafts.newest_with_wire_digest(artifact, digest)
    if twin:
        versions.finalize(actor, twin, aliases=aliases)
        if tags:
            versions.describe(actor, twin, add_tags=tags)
        if described.run and described.run.pk != twin.run_id:
            RunOutput.objects.get_or_create(run=described.run, version=twin)
        _remember(artifact, twin, client_id, artifact_client_id)
        return Begun(twin, False)
    stated_digest = digest if deduplicate and not distributed_id else None
    draft, created = _open(actor, artifact, stated_digest, described, aliases, tags, distributed_id)
    _remember(artifact, draft, client_id, artifact_client_id)
    return Begun(draft, created)


def commit(actor: Actor, version: ArtifactVersion, parse: Parse) -> ArtifactVersion:
    """Make the draft the version that its manifests state; `parse` reads the entries of one. Safe to repeat.

    The result is an older version where that came to have the same contents meanwhile. Raises `VersionIncomplete` for
    entries whose bytes the user may not share or nobody has sent, `Busy` where another request of this process takes
    long to commit it, and what `versions.finalize` raises.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    if version.state == ArtifactVersion.State.DRAFT:
        # Clients that wait for long ask again, while the first request goes on: each would have a thread.
        with _filling.hold(version.pk, "This draft is being committed: ask again in a moment."):
            md5_uploads.collect(version)
            _fill(actor, version, parse)
            # Nobody fills it anew meanwhile.
            return versions.finalize(actor, version, aliases=version.requested_aliases).version
    return versions.finalize(actor, version, aliases=version.requested_aliases).version


def _check(
    artifact: Artifact, digest: str, described: Description, client_ids: Iterable[str], distributed_id: str
) -> None:
    if not validators.is_md5(digest):
        raise errors.Invalid(f"{digest[:80]!r} is no digest of a version: 32 characters of an md5 in hex.")
    if any(len(value) > MAX_CLIENT_ID_LENGTH for value in client_ids):
        raise errors.Invalid(f"An id of a client has at most {MAX_CLIENT_ID_LENGTH} characters.")
    if len(distributed_id) > MAX_DISTRIBUTED_ID_LENGTH:
        raise errors.Invalid(f"A distributed_id has at most {MAX_DISTRIBUTED_ID_LENGTH} characters.")
    if described.run is not None and described.run.project_id != artifact.project_id:
        message = f"Run {described.run.name!r} belongs to another project than artifact {artifact.name!r}."
        raise errors.Invalid(message)


def _find_wire_digest(artifact: Artifact) -> None:
    """Compute the one of the newest version, where that was made before there were any."""
    unknown = artifact.versions.finalized().filter(number=artifact.latest_version_number, wire_digest=None)
    if version := unknown.filter(file_count__lte=_MAX_FILES_TO_READ).first():
        verification.update_integrity(version)


def _find_by_client_id(artifact: Artifact, client_id: str, digest: str) -> ArtifactVersion | None:
    known = ClientId.objects.filter(value=client_id).select_related("version__superseded_by").first()
    if not client_id or known is None:
        return None
    version = known.version
    if version is not None and version.state == ArtifactVersion.State.DELETED:
        version = version.superseded_by
    is_same = version is not None and version.artifact_id == artifact.pk and version.wire_digest in (None, digest)
    if version is None or not is_same or version.state == ArtifactVersion.State.DELETED:
        raise errors.Conflict("This clientID belongs to other contents: log a new Artifact object.")
    version.artifact = artifact
    return version


def _remember(artifact: Artifact, version: ArtifactVersion, client_id: str, artifact_client_id: str) -> None:
    rows = [ClientId(value=client_id, version=version)] if client_id else []
    rows += [ClientId(value=artifact_client_id, artifact=artifact)] if artifact_client_id else []
    # What somebody calls by an id already keeps it.
    ClientId.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def _open(
    actor: Actor,
    artifact: Artifact,
    digest: str | None,
    described: Description,
    aliases: Sequence[str],
    tags: Sequence[str],
    distributed_id: str,
) -> tuple[ArtifactVersion, bool]:
    artifact = lock.acquire(artifact)
    if distributed_id:
        shared = artifact.versions.drafts().select_for_update(no_key=True).filter(distributed_id=distributed_id)
        if version := shared.order_by("id").first():
            version.requested_aliases = list(dict.fromkeys([*version.requested_aliases, *aliases]))
            version.save(update_fields=["requested_aliases", "touched_at"])
            version_tags.change(version, tags, ())
            return version, False
    version = ArtifactVersion(
        artifact=artifact,
        wire_digest=digest,
        run=described.run,
        description=described.description,
        metadata=described.metadata or {},
        history_step=described.history_step,
        distributed_id=distributed_id,
        requested_aliases=list(dict.fromkeys(aliases)),
        created_by=actor.user,
    )
    version.storage_path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{version.pk}"
    version.save(force_insert=True)
    version_tags.put(version, tags)
    if described.ttl:
        version.expires_at = version.created_at + described.ttl
        version.save(update_fields=["expires_at"])
    return version, True


def _fill(actor: Actor, version: ArtifactVersion, parse: Parse) -> None:
    """Give the draft the files that its manifests state, and no others. Raises `Busy`."""
    for _ in range(_ATTEMPTS):
        manifests = manifest_uploads.stated(version)
        if not manifests:
            # Committed meanwhile by somebody else, whose result `finalize` finds; or never stated.
            if ArtifactVersion.objects.drafts().filter(pk=version.pk).exists():
                raise errors.VersionIncomplete("The manifest of this draft has not been uploaded yet.")
            return
        try:
            _fill_from(actor, version, manifests, parse)
        except _Stale:
            _empty(version)
        except errors.VersionFinalized:
            return
        else:
            return
    raise errors.Busy("The files of this draft are being changed: commit it again when they are complete.")


def _fill_from(actor: Actor, version: ArtifactVersion, manifests: Sequence[ManifestUpload], parse: Parse) -> None:
    if len(manifests) == 1 and manifests[0].kind != ManifestUpload.Kind.INCREMENTAL:
        count = _add_all(actor, version, parse(manifest_uploads.read(manifests[0])))
    else:
        merged = _merge(manifests, parse)
        count = _copy_base(actor, version, manifests, merged) + _add_all(actor, version, merged.values())
    if version.files.count() != count:
        raise _Stale


def _merge(manifests: Sequence[ManifestUpload], parse: Parse) -> dict[str, Entry]:
    """The entries of all, in memory: those of a later one stand, at the place of the first. Raises `TooLarge`."""
    size = 0

    def count(chunks: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_MERGED_SIZE:
                message = f"The manifests of this draft have more than {MAX_MERGED_SIZE // 2**20} MiB together."
                raise errors.TooLarge(message)
            yield chunk

    return {entry.path: entry for manifest in manifests for entry in parse(count(manifest_uploads.read(manifest)))}


def _copy_base(
    actor: Actor, version: ArtifactVersion, manifests: Sequence[ManifestUpload], stated: Iterable[str]
) -> int:
    """The files of the base that no manifest states anew; returns how many."""
    base = next((one.base for one in reversed(manifests) if one.base is not None), None)
    if base is None:
        return 0
    kept = draft_bases.check(actor, version.artifact, base, (), stated)
    for files in draft_bases.slices(kept):
        with transaction.atomic():
            draft_bases.copy(draft_files.lock_draft(actor, version), kept, files)
    return kept.files().count()


def _add_all(actor: Actor, version: ArtifactVersion, entries: Iterable[Entry]) -> int:
    count = 0
    waiting = iter(entries)
    while batch := list(islice(waiting, draft_files.MAX_FILES_A_TRANSACTION)):
        count += _add(actor, version, batch)
    return count


def _add(actor: Actor, version: ArtifactVersion, entries: Sequence[Entry]) -> int:
    """Add these entries to the draft, but for those that an interrupted commit has added; returns how many they are."""
    draft_files.check_specs(entries)
    files = [entry for entry in entries if isinstance(entry, FileEntry)]
    stated = [
        entry._replace(spec=references.check(entry.spec)) for entry in entries if isinstance(entry, ReferenceEntry)
    ]
    with transaction.atomic():
        locked = draft_files.lock_draft(actor, version)
        known = _known(locked, entries)
        files = [file for file in files if file.path not in known]
        stated = [reference for reference in stated if reference.path not in known]
        blobs = _claim(actor, locked, files)
        files = [file._replace(size=blobs[file.path].size) for file in files]
        draft_files.check_total_size(locked, [*files, *(reference.spec for reference in stated)])
        bulk_rows.insert(ArtifactFile, _COLUMNS, (_file_row(file, blobs) for file in files), version=locked.pk)
        bulk_rows.insert(
            ArtifactFile,
            _REFERENCE_COLUMNS,
            map(_reference_row, stated),
            version=locked.pk,
            reference_state=ReferenceState.UNCHECKED,
        )
        size, referenced = sum(file.size for file in files), sum(reference.spec.size for reference in stated)
        add_to_counts(locked, len(files) + len(stated), size + referenced, len(stated), referenced)
    return len(entries)


class _Bytes(NamedTuple):
    """A blob, and how many bytes it has."""

    pk: UUID
    size: int


def _known(version: ArtifactVersion, entries: Sequence[Entry]) -> set[str]:
    """The paths of those that the draft has. Raises `_Stale` where it has something else there."""
    if not version.file_count:
        return set()
    columns = ("path", "blob__md5", "reference_digest")
    rows = version.files.filter(Among("path", [entry.path for entry in entries])).values_list(*columns)
    found = {path: (md5, digest) for path, md5, digest in rows}
    for entry in entries:
        expected = (entry.md5, None) if isinstance(entry, FileEntry) else (None, entry.digest)
        if entry.path in found and found[entry.path] != expected:
            raise _Stale
    return set(found)


def _claim(actor: Actor, version: ArtifactVersion, files: Sequence[FileEntry]) -> dict[str, _Bytes]:
    """By path, a blob of the bytes of each file and their size. Raises `VersionIncomplete`, `BytesMismatch`.

    The lock and the touch make a sweep that is about to remove these bytes let go.
    """
    usable = md5_uploads.usable(actor, version, {file.md5 for file in files})
    rows = list(usable.values_list("md5", "size", "pk", "state"))
    # A verified one stands, where there are two.
    rows.sort(key=lambda row: row[3] == Blob.State.VERIFIED)
    found: dict[tuple[str, int | None], _Bytes] = {}
    for md5, size, pk, _ in rows:
        found[md5, size] = found[md5, None] = _Bytes(pk, size)
    missing = [file.path for file in files if (file.md5, None) not in found]
    if missing:
        raise _incomplete(missing)
    others = [file.path for file in files if (file.md5, file.size) not in found]
    if others:
        message = f"The bytes of {_sentence(others)} have another size than the manifest says: log the version again."
        raise errors.BytesMismatch(message, paths=others[:_MAX_PATHS_IN_ERROR])
    blobs = {file.path: found[file.md5, file.size] for file in files}
    pks = {pk for pk, _ in blobs.values()}
    locked = Blob.objects.filter(Among("pk", pks)).select_for_update(no_key=True).order_by("pk")
    gone = pks.difference(locked.values_list("pk", flat=True))
    if gone:
        raise _incomplete([path for path, (pk, _) in blobs.items() if pk in gone])
    Blob.objects.filter(Among("pk", pks)).update(claimed_at=timezone.now())
    return blobs


def _incomplete(paths: Sequence[str]) -> errors.VersionIncomplete:
    message = f"The bytes of {_sentence(paths)} have not been uploaded: log the version again."
    return errors.VersionIncomplete(message, paths=list(paths[:_MAX_PATHS_IN_ERROR]))


def _sentence(paths: Sequence[str]) -> str:
    named = ", ".join(map(repr, paths[:_MAX_PATHS_IN_SENTENCE]))
    rest = len(paths) - _MAX_PATHS_IN_SENTENCE
    return f"{named} and {rest:,} other files" if rest > 0 else named


_COLUMNS = ("path", "sort_key", "name", "size", "mime_type", "blob")
_REFERENCE_COLUMNS = (
    "path", "sort_key", "name", "size", "mime_type", "reference_uri", "reference_identity",
    "reference_version_id", "reference_digest", "reference_extra",
)  # fmt: skip


def _named(path: str, size: int | None) -> tuple[Any, ...]:
    return path, natural_order.sort_key(path), path.rpartition("/")[2], size, mime_types.guess(path)


def _file_row(file: FileEntry, blobs: dict[str, _Bytes]) -> tuple[Any, ...]:
    return *_named(file.path, file.size), blobs[file.path].pk


def _reference_row(entry: ReferenceEntry) -> tuple[Any, ...]:
    spec = entry.spec
    recorded = (spec.uri, spec.identity, spec.version_id, entry.digest, entry.extra or None)
    return *_named(spec.path, spec.size), *recorded


def _empty(version: ArtifactVersion) -> None:
    """Take all files out of the draft: it has those of another manifest."""
    while _delete_some(version):
        pass


@transaction.atomic
def _delete_some(version: ArtifactVersion) -> bool:
    locked = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    if locked.state != ArtifactVersion.State.DRAFT or not garbage_collection.delete_files(locked):
        return False
    count_files(locked)
    return True
