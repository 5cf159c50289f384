"""What people do with versions: begin a draft, finalize it, describe it, delete it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import drafts, errors, events, tasks, validators
from artifacts.aliases import aliases, protection
from artifacts.content import digests, uploads
from artifacts.models import Artifact, ArtifactVersion, Blob
from projects.models import Run

_PATHS_TOLD = 100


@dataclass(frozen=True, slots=True)
class DraftResult:
    """A version to fill, or one that has these contents already; `missing` are the sha256 to upload."""

    version: ArtifactVersion
    created: bool
    missing: list[str]


@dataclass(frozen=True, slots=True)
class FinalizeResult:
    """The version that holds the contents now, which may be an older one, and where aliases went."""

    version: ArtifactVersion
    created: bool
    moves: list[aliases.Move]


@transaction.atomic
def begin(
    actor: Actor,
    artifact: Artifact,
    *,
    digest: str | None = None,
    statements: Sequence[drafts.FileSpec] = (),
    run: Run | None = None,
    description: str = "",
    notes: str = "",
    metadata: dict[str, Any] | None = None,
    names_to_give: Sequence[str] = (),
) -> DraftResult:
    """A new draft; or, where the digest is stated, the version or the user's own draft that has it already.

    Aliases that `finalize` would refuse to give are refused before any byte is sent; they are given there.
    """
    check_aliases(actor, artifact, names_to_give)
    if run is not None and run.project_id != artifact.project_id:
        raise errors.Invalid(f"Run {run.name!r} belongs to another project than artifact {artifact.name!r}.")
    artifact = aliases.lock(artifact)
    twin = _newest_with(artifact, digest)
    if twin:
        return DraftResult(twin, False, [])
    words = {"run": run, "description": description, "notes": notes, "metadata": metadata or {}}
    version = _open_draft(actor, artifact, digest)
    created = version is None
    if version is None:
        version = _new_draft(artifact, actor, digest, words)
    else:
        # The version is of the run that completes it, and as that one describes it.
        ArtifactVersion.objects.filter(pk=version.pk).update(**words)
    _, missing = drafts.add(actor, version, statements)
    version.refresh_from_db()
    return DraftResult(version, created, missing)


def finalize(
    actor: Actor,
    version: ArtifactVersion,
    *,
    finished: Iterable[uploads.CompletedUpload] = (),
    names_to_give: Sequence[str] = (),
    digest: str | None = None,
) -> FinalizeResult:
    """Make the draft immutable and move `latest` and the aliases to it, all at once.

    Safe to repeat. If the newest version came to have the stated digest meanwhile, that one is the answer.
    """
    check_aliases(actor, version.artifact, names_to_give)
    if version.state == ArtifactVersion.State.DRAFT:
        uploads.collect_uploaded(version, finished)
    return _close(actor, version, list(dict.fromkeys(names_to_give)), digest)


def check_aliases(actor: Actor, artifact: Artifact, names_to_give: Iterable[str]) -> None:
    """Refuse aliases for a version to come before its bytes are sent. Raises `Denied`, `InvalidName`, `AliasProtected`.

    `latest` is not asked of the rules where it follows by itself.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    asked = [validators.check_alias(alias) for alias in names_to_give]
    protection.require(
        actor, artifact, [alias for alias in asked if alias != validators.LATEST or not artifact.auto_latest]
    )


@transaction.atomic
def describe(actor: Actor, version: ArtifactVersion, **changes: Any) -> ArtifactVersion:
    """Change description, notes or metadata, which stay open for ever."""
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    for column, value in changes.items():
        setattr(version, column, value)
    version.save(update_fields=[*changes, "touched_at"])
    return version


@transaction.atomic
def delete(actor: Actor, version: ArtifactVersion, *, delete_aliases: bool = False) -> None:
    """Give up a draft, or delete a finalized version; its number is never used again.

    Refused while aliases point at it, unless they go too; protected ones never do. `latest` falls back to the version
    before by itself.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    artifact = aliases.lock(version.artifact)
    version = _still_there(artifact, version)
    rows = list(artifact.alias_set.filter(version=version).select_related("version"))
    follows = [row for row in rows if artifact.auto_latest and row.alias == validators.LATEST]
    stuck = [row.alias for row in rows if row not in follows]
    protection.require_unprotected(artifact, stuck, "Move it to another version first.")
    if stuck and not delete_aliases:
        sentence = f"Version {version.version} has the aliases {', '.join(stuck)}: move them, or delete them with it."
        raise errors.VersionHasAliases(sentence, aliases=stuck)
    was_final = version.is_finalized
    version.state = ArtifactVersion.State.DELETED
    version.save(update_fields=["state", "touched_at"])
    newest = artifact.versions.finalized().order_by("-number").first()
    for row in rows:
        if row in follows and newest:
            aliases.put_alias(actor, artifact, row.alias, newest)
        else:
            aliases.drop_alias(actor, artifact, row.alias)
    version.files.all().release()
    if was_final:
        artifact.version_count -= 1
        artifact.latest_version_number = newest.number if newest else None
        artifact.save(update_fields=["version_count", "latest_version_number", "updated_at"])
        events.version_deleted(actor.user, artifact, version, actor.reason)
    tasks.delete.delay_on_commit()


def _still_there(artifact: Artifact, version: ArtifactVersion) -> ArtifactVersion:
    """The version as it is now, under a row lock; somebody may have finalized or deleted it meanwhile."""
    found = artifact.versions.select_for_update(no_key=True).get(pk=version.pk)
    if found.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound(f"Version {found.version} was deleted.")
    return found


def _newest_with(artifact: Artifact, digest: str | None) -> ArtifactVersion | None:
    """The newest finalized version, if it has this digest and sound bytes."""
    if not digest or not artifact.latest_version_number:
        return None
    sound = artifact.versions.finalized().exclude(integrity=ArtifactVersion.Integrity.CORRUPT)
    return sound.filter(number=artifact.latest_version_number, digest=digest).first()


def _open_draft(actor: Actor, artifact: Artifact, digest: str | None) -> ArtifactVersion | None:
    """A draft of the same contents that an interrupted try of the same user left."""
    if not digest:
        return None
    return artifact.versions.drafts().filter(digest=digest, created_by=actor.user).order_by("-number").first()


def _new_draft(artifact: Artifact, actor: Actor, digest: str | None, words: dict[str, Any]) -> ArtifactVersion:
    artifact.last_assigned_number += 1
    artifact.save(update_fields=["last_assigned_number", "updated_at"])
    version = ArtifactVersion(
        artifact=artifact, number=artifact.last_assigned_number, digest=digest, created_by=actor.user, **words
    )
    version.storage_path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{version.pk}"
    version.save(force_insert=True)
    return version


@transaction.atomic
def _close(actor: Actor, version: ArtifactVersion, names_to_give: list[str], digest: str | None) -> FinalizeResult:
    artifact = aliases.lock(version.artifact)
    version = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    version.artifact = artifact
    if version.state == ArtifactVersion.State.DELETED:
        return _answer_twin(actor, version, names_to_give)
    if version.is_finalized:
        return FinalizeResult(version, False, _give(actor, artifact, version, names_to_give))
    made_of = _contents(version)
    stated = digest or version.digest
    if made_of is not None and stated and stated != made_of:
        raise errors.BytesMismatch(f"The digest of the files is {made_of}, not {stated}.", digest=made_of)
    # Only who stated a digest asked for sameness; a draft filled by hand is a version of its own.
    twin = _newest_with(artifact, version.digest)
    if twin:
        _give_up(version)
        return FinalizeResult(twin, False, _give(actor, artifact, twin, names_to_give))
    _seal(version, made_of)
    is_newest = artifact.latest_version_number is None or version.number > artifact.latest_version_number
    artifact.version_count += 1
    artifact.latest_version_number = version.number if is_newest else artifact.latest_version_number
    artifact.save(update_fields=["version_count", "latest_version_number", "updated_at"])
    events.version_finalized(actor.user, version)
    moves = []
    if is_newest and artifact.auto_latest:
        # It follows by itself, whoever may move it by hand.
        moves.append(aliases.put_alias(actor, artifact, validators.LATEST, version))
        names_to_give = [alias for alias in names_to_give if alias != validators.LATEST]
    moves += _give(actor, artifact, version, names_to_give)
    tasks.verify.delay_on_commit(str(version.pk))
    return FinalizeResult(version, True, moves)


def _answer_twin(actor: Actor, version: ArtifactVersion, names_to_give: list[str]) -> FinalizeResult:
    """A draft that gave way to a version of the same contents answers with that one, also the second time."""
    twin = _newest_with(version.artifact, version.digest)
    if twin is None:
        raise errors.VersionNotFound(f"Version {version.version} was deleted.")
    return FinalizeResult(twin, False, _give(actor, version.artifact, twin, names_to_give))


def _contents(version: ArtifactVersion) -> str | None:
    """The digest of the draft's files, None while a hash is unknown; refuses what is missing or corrupt."""
    for state, refusal, sentence in (
        (Blob.State.EXPECTED, errors.VersionIncomplete, "Some files of this draft have not been uploaded yet."),
        (Blob.State.CORRUPT, errors.BytesMismatch, "Some uploaded bytes do not match their declared hashes."),
    ):
        wrong = version.files.filter(blob__state=state)
        paths = list(wrong.values_list("path", flat=True)[:_PATHS_TOLD])
        if paths:
            missing = list(wrong.values_list("blob__sha256", flat=True)[:_PATHS_TOLD])
            raise refusal(sentence, paths=paths, missing=missing)
    drafts.check_tree(version.files.values_list("path", flat=True))
    return digests.of_version(version)


def _seal(version: ArtifactVersion, digest: str | None) -> None:
    drafts.count_files(version)
    version.state = ArtifactVersion.State.FINALIZED
    version.finalized_at = timezone.now()
    version.digest = digest
    if not version.files.exclude(blob__state=Blob.State.VERIFIED).exists():
        version.integrity = ArtifactVersion.Integrity.VERIFIED
    version.save()


def _give(actor: Actor, artifact: Artifact, version: ArtifactVersion, names_to_give: list[str]) -> list[aliases.Move]:
    protection.require(actor, artifact, names_to_give)
    return [aliases.put_alias(actor, artifact, alias, version) for alias in names_to_give]


def _give_up(version: ArtifactVersion) -> None:
    version.files.all().release()
    version.state = ArtifactVersion.State.DELETED
    version.save(update_fields=["state", "touched_at"])
