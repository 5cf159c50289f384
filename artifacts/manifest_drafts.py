"""Drafts whose files a manifest states once their bytes have been sent, as the `wandb` client logs them.

They begin with a digest alone; `md5_uploads` and `manifest_uploads` bring what they hold, and `commit` makes them
versions by the same steps as any other draft.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_bases, draft_files, drafts, errors, manifest_entries, validators, version_tags, versions
from artifacts.aliases import lock
from artifacts.content import garbage_collection, manifest_uploads, md5_uploads, verification
from artifacts.draft_counts import count_files
from artifacts.manifest_entries import Entry, Parse
from artifacts.models import Artifact, ArtifactVersion, ClientId, ManifestUpload, RunOutput
from artifacts.models.client_id import MAX_CLIENT_ID_LENGTH
from core.keyed_locks import KeyedLocks
from projects.models import Run

# How often a draft is filled that others fill with something else meanwhile.
_ATTEMPTS = 3
MAX_DISTRIBUTED_ID_LENGTH = 128
# Bytes of manifests that are read into memory together, where there are several. There they take three times as many.
MAX_MERGED_SIZE = 256 * 2**20
_filling = KeyedLocks(wait_seconds=20.0)
# While a client waits to begin.
_MAX_FILES_TO_READ = 50_000


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
        if version.artifact_id == artifact.pk and version.finalized_at is None and version.superseded_by is None:
            # A draft that was never committed, and expired: whoever comes back begins it again.
            known.delete()
            return None
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
        except manifest_entries.Stale:
            _empty(version)
        except errors.VersionFinalized:
            return
        else:
            return
    raise errors.Busy("The files of this draft are being changed: commit it again when they are complete.")


def _fill_from(actor: Actor, version: ArtifactVersion, manifests: Sequence[ManifestUpload], parse: Parse) -> None:
    if len(manifests) == 1 and manifests[0].kind != ManifestUpload.Kind.INCREMENTAL:
        count = manifest_entries.add(actor, version, parse(manifest_uploads.read(manifests[0])))
    else:
        merged = _merge(manifests, parse)
        count = _copy_base(actor, version, manifests, merged) + manifest_entries.add(actor, version, merged.values())
    if version.files.count() != count:
        raise manifest_entries.Stale


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
