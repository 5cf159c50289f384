"""What people do with versions: begin a draft, finalize it, describe it, delete it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.models import Role, User
from accounts.origin import Origin
from artifacts import aliases, digests, errors, files, names, rules, tasks, telling, uploads
from artifacts.models import Artifact, ArtifactVersion, Blob
from projects.models import Run

_PATHS_TOLD = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """A version to fill, or one that has these contents already; `missing` are the sha256 to upload."""

    version: ArtifactVersion
    created: bool
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Finalized:
    """The version that holds the contents now, which may be an older one, and where aliases went."""

    version: ArtifactVersion
    created: bool
    moves: list[aliases.Move]


@transaction.atomic
def begin(
    user: User,
    artifact: Artifact,
    *,
    digest: str | None = None,
    statements: Sequence[files.Statement] = (),
    run: Run | None = None,
    description: str = "",
    notes: str = "",
    metadata: dict[str, Any] | None = None,
    names_to_give: Sequence[str] = (),
) -> Begun:
    """A new draft; or, where the digest is stated, the version or the user's own draft that has it already.

    Aliases that `finalize` would refuse to give are refused before any byte is sent; they are given there.
    """
    check_names(user, artifact, names_to_give)
    if run is not None and run.project_id != artifact.project_id:
        raise errors.Invalid(f"Run {run.name!r} belongs to another project than artifact {artifact.name!r}.")
    artifact = aliases.lock(artifact)
    twin = _newest_with(artifact, digest)
    if twin:
        return Begun(twin, False, [])
    words = {"run": run, "description": description, "notes": notes, "metadata": metadata or {}}
    version = _open_draft(user, artifact, digest)
    created = version is None
    if version is None:
        version = _new_draft(artifact, user, digest, words)
    else:
        # The version is of the run that completes it, and as that one describes it.
        ArtifactVersion.objects.filter(pk=version.pk).update(**words)
    _, missing = files.add(user, version, statements)
    version.refresh_from_db()
    return Begun(version, created, missing)


def finalize(
    user: User,
    version: ArtifactVersion,
    origin: Origin,
    *,
    finished: Iterable[uploads.Finished] = (),
    names_to_give: Sequence[str] = (),
    digest: str | None = None,
) -> Finalized:
    """Make the draft immutable and move `latest` and the aliases to it, all at once.

    Safe to repeat. If the newest version came to have the stated digest meanwhile, that one is the answer.
    """
    check_names(user, version.artifact, names_to_give)
    if version.state == ArtifactVersion.State.DRAFT:
        uploads.take_in(version, finished)
    return _close(user, version, origin, list(dict.fromkeys(names_to_give)), digest)


def check_names(user: User, artifact: Artifact, names_to_give: Iterable[str]) -> None:
    """Refuse aliases for a version to come before its bytes are sent. Raises `Denied`, `InvalidName`, `AliasProtected`.

    `latest` is not asked of the rules where it follows by itself.
    """
    permissions.require(user, artifact.project.team, Role.EDITOR)
    asked = [names.check_alias(alias) for alias in names_to_give]
    rules.require(user, artifact, [alias for alias in asked if alias != names.LATEST or not artifact.auto_latest])


@transaction.atomic
def describe(user: User, version: ArtifactVersion, **changes: Any) -> ArtifactVersion:
    """Change description, notes or metadata, which stay open for ever."""
    permissions.require(user, version.artifact.project.team, Role.EDITOR)
    for column, value in changes.items():
        setattr(version, column, value)
    version.save(update_fields=[*changes, "touched_at"])
    return version


@transaction.atomic
def delete(user: User, version: ArtifactVersion, origin: Origin, *, delete_aliases: bool = False) -> None:
    """Give up a draft, or delete a finalized version; its number is never used again.

    Refused while aliases point at it, unless they go too; protected ones never do. `latest` falls back to the version
    before by itself.
    """
    permissions.require(user, version.artifact.project.team, Role.EDITOR)
    artifact = aliases.lock(version.artifact)
    version = _still_there(artifact, version)
    rows = list(artifact.alias_set.filter(version=version).select_related("version"))
    follows = [row for row in rows if artifact.auto_latest and row.alias == names.LATEST]
    stuck = [row.alias for row in rows if row not in follows]
    rules.require_none(artifact, stuck, "Move it to another version first.")
    if stuck and not delete_aliases:
        sentence = f"Version {version.version} has the aliases {', '.join(stuck)}: move them, or delete them with it."
        raise errors.VersionHasAliases(sentence, aliases=stuck)
    was_final = version.is_finalized
    version.state = ArtifactVersion.State.DELETED
    version.save(update_fields=["state", "touched_at"])
    newest = artifact.versions.finalized().order_by("-number").first()
    for row in rows:
        if row in follows and newest:
            aliases.assign(user, artifact, row.alias, newest, origin)
        else:
            aliases.withdraw(user, row, origin)
    version.files.all().release()
    if was_final:
        artifact.version_count -= 1
        artifact.latest_number = newest.number if newest else None
        artifact.save(update_fields=["version_count", "latest_number", "updated_at"])
        telling.version_deleted(user, artifact, version, origin.reason)
    tasks.delete.delay_on_commit()


def _still_there(artifact: Artifact, version: ArtifactVersion) -> ArtifactVersion:
    """The version as it is now, under a row lock; somebody may have finalized or deleted it meanwhile."""
    found = artifact.versions.select_for_update(no_key=True).get(pk=version.pk)
    if found.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound(f"Version {found.version} was deleted.")
    return found


def _newest_with(artifact: Artifact, digest: str | None) -> ArtifactVersion | None:
    """The newest finalized version, if it has this digest and sound bytes."""
    if not digest or not artifact.latest_number:
        return None
    sound = artifact.versions.finalized().exclude(integrity=ArtifactVersion.Integrity.CORRUPT)
    return sound.filter(number=artifact.latest_number, digest=digest).first()


def _open_draft(user: User, artifact: Artifact, digest: str | None) -> ArtifactVersion | None:
    """A draft of the same contents that an interrupted try of the same user left."""
    if not digest:
        return None
    return artifact.versions.drafts().filter(digest=digest, created_by=user).order_by("-number").first()


def _new_draft(artifact: Artifact, user: User, digest: str | None, words: dict[str, Any]) -> ArtifactVersion:
    artifact.last_number += 1
    artifact.save(update_fields=["last_number", "updated_at"])
    version = ArtifactVersion(artifact=artifact, number=artifact.last_number, digest=digest, created_by=user, **words)
    version.storage_path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{version.pk}"
    version.save(force_insert=True)
    return version


@transaction.atomic
def _close(
    user: User, version: ArtifactVersion, origin: Origin, names_to_give: list[str], digest: str | None
) -> Finalized:
    artifact = aliases.lock(version.artifact)
    version = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    version.artifact = artifact
    if version.state == ArtifactVersion.State.DELETED:
        return _answer_twin(user, version, origin, names_to_give)
    if version.is_finalized:
        return Finalized(version, False, _give(user, artifact, version, origin, names_to_give))
    made_of = _contents(version)
    stated = digest or version.digest
    if made_of is not None and stated and stated != made_of:
        raise errors.BytesMismatch(f"The digest of the files is {made_of}, not {stated}.", digest=made_of)
    # Only who stated a digest asked for sameness; a draft filled by hand is a version of its own.
    twin = _newest_with(artifact, version.digest)
    if twin:
        _give_up(version)
        return Finalized(twin, False, _give(user, artifact, twin, origin, names_to_give))
    _seal(version, made_of)
    is_newest = artifact.latest_number is None or version.number > artifact.latest_number
    artifact.version_count += 1
    artifact.latest_number = version.number if is_newest else artifact.latest_number
    artifact.save(update_fields=["version_count", "latest_number", "updated_at"])
    telling.version_finalized(user, version)
    moves = []
    if is_newest and artifact.auto_latest:
        # It follows by itself, whoever may move it by hand.
        moves.append(aliases.assign(user, artifact, names.LATEST, version, origin))
        names_to_give = [alias for alias in names_to_give if alias != names.LATEST]
    moves += _give(user, artifact, version, origin, names_to_give)
    tasks.verify.delay_on_commit(str(version.pk))
    return Finalized(version, True, moves)


def _answer_twin(user: User, version: ArtifactVersion, origin: Origin, names_to_give: list[str]) -> Finalized:
    """A draft that gave way to a version of the same contents answers with that one, also the second time."""
    twin = _newest_with(version.artifact, version.digest)
    if twin is None:
        raise errors.VersionNotFound(f"Version {version.version} was deleted.")
    return Finalized(twin, False, _give(user, version.artifact, twin, origin, names_to_give))


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
    files.check_tree(version.files.values_list("path", flat=True))
    return digests.of_version(version)


def _seal(version: ArtifactVersion, digest: str | None) -> None:
    files.count_files(version)
    version.state = ArtifactVersion.State.FINALIZED
    version.finalized_at = timezone.now()
    version.digest = digest
    if not version.files.exclude(blob__state=Blob.State.VERIFIED).exists():
        version.integrity = ArtifactVersion.Integrity.VERIFIED
    version.save()


def _give(
    user: User, artifact: Artifact, version: ArtifactVersion, origin: Origin, names_to_give: list[str]
) -> list[aliases.Move]:
    rules.require(user, artifact, names_to_give)
    return [aliases.assign(user, artifact, alias, version, origin) for alias in names_to_give]


def _give_up(version: ArtifactVersion) -> None:
    version.files.all().release()
    version.state = ArtifactVersion.State.DELETED
    version.save(update_fields=["state", "touched_at"])
