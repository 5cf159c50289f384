"""The verbs of versions: begin a draft, finalize it, describe it, delete it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import (
    artifacts,
    draft_bases,
    draft_files,
    errors,
    events,
    folder_summaries,
    search_index,
    tasks,
    validators,
    version_contents,
    version_holds,
)
from artifacts.aliases import aliases as alias_verbs
from artifacts.aliases import lock, protection
from artifacts.content import arrivals, garbage_collection
from artifacts.lineage import sources
from artifacts.models import Artifact, ArtifactVersion
from artifacts.references import checks, references
from artifacts.references.references import ReferenceSpec
from artifacts.version_contents import Contents, DraftChanged
from projects import projects
from projects.models import Project, Run

# How often a draft is read that others change meanwhile.
_MAX_READS = 3
# What an artifact says of its finalized versions.
_COUNTED = ("version_count", "latest_version_number", "latest_size")


class Numbering(StrEnum):
    """When a version gets its number: one that is given up before leaves a gap, or none."""

    ON_CREATE = "on_create"
    ON_FINALIZE = "on_finalize"


@dataclass(frozen=True, slots=True)
class DraftResult:
    """A draft to fill, or a version that has these contents already; `missing` are the sha256 to upload."""

    version: ArtifactVersion
    created: bool
    missing: list[str]


@dataclass(frozen=True, slots=True)
class FinalizeResult:
    """The version that has the contents now, which may be an older one, and the aliases that moved."""

    version: ArtifactVersion
    created: bool
    moves: list[alias_verbs.Move]


def begin(
    actor: Actor,
    artifact: Artifact,
    *,
    digest: str | None = None,
    executable_digest: str | None = None,
    specs: Sequence[draft_files.FileSpec | ReferenceSpec] = (),
    run: Run | None = None,
    description: str = "",
    notes: str = "",
    metadata: dict[str, Any] | None = None,
    aliases: Sequence[str] = (),
    numbering: str = Numbering.ON_CREATE,
    derived_from: Sequence[str] = (),
    base: ArtifactVersion | None = None,
    removed: Sequence[str] = (),
) -> DraftResult:
    """A new draft; or, where the digest is given, the version or the user's own draft that has it already.

    With `executable_digest` as well, one with these executable files; without, whichever are executable.
    `derived_from` are its sources, as `sources.resolve` takes them; a version that has the contents keeps its own.
    With a `base` it has the files of that version too, but for those at the paths of the specs and the `removed` ones.
    Aliases that `finalize` would refuse to assign are refused before any byte is sent; they are assigned there.
    """
    check_aliases(actor, artifact, aliases)
    if run is not None and run.project_id != artifact.project_id:
        raise errors.Invalid(f"Run {run.name!r} belongs to another project than artifact {artifact.name!r}.")
    found = sources.resolve(actor.user, derived_from, artifact.project)
    specs = references.check_specs(specs)
    kept = draft_bases.check(actor, artifact, base, removed, (spec.path for spec in specs)) if base else None
    fields = {"run": run, "description": description, "notes": notes, "metadata": metadata or {}}
    fields["executable_digest"] = executable_digest or ""
    with transaction.atomic():
        artifact = lock.acquire(artifact)
        twin = _newest_with(artifact, digest, executable_digest)
        if twin:
            return DraftResult(twin, False, [])
        version, created = _open_draft(actor, artifact, digest, fields, numbering)
        if found or not created:
            sources.replace(version, found)
        if kept:
            draft_bases.copy(version, kept)
        _, missing = references.add_to_locked(actor, version, specs)
    return DraftResult(version, created, missing)


@transaction.atomic
def begin_with_artifact(
    actor: Actor, project: str, artifact: dict[str, Any], draft: dict[str, Any] | None, *, create_project: bool = False
) -> tuple[Artifact, DraftResult | None]:
    """A new artifact and its first draft, on request in a new project: all of them or nothing.

    `project` is an id or `team/name`; `artifact` and `draft` are the arguments of `artifacts.create` and `begin`, of
    which each may raise what it raises. Without a draft only the artifact.
    """
    visible = Project.objects.visible_to(actor.user)
    found = projects.get_or_create(actor, project) if create_project else visible.find(project)
    created = artifacts.create(actor, found, **artifact)
    return created, None if draft is None else begin(actor, created, **draft)


def finalize(
    actor: Actor,
    version: ArtifactVersion,
    *,
    completed: Iterable[arrivals.CompletedUpload] = (),
    aliases: Sequence[str] = (),
    digest: str | None = None,
    description: str | None = None,
) -> FinalizeResult:
    """Make the draft immutable, describe it and move `latest` and the aliases to it, all at once or not at all.

    Safe to repeat. If the newest version came to have the same digest meanwhile, that one is the result, as it is.
    Raises `Busy` where others change its files all the time.
    """
    check_aliases(actor, version.artifact, aliases, version.number)
    if version.state == ArtifactVersion.State.DRAFT:
        arrivals.collect(version, completed)
    names = list(dict.fromkeys(aliases))
    for _ in range(_MAX_READS):
        with suppress(DraftChanged):
            # Its files are read, which may take seconds, while nobody waits for a lock of ours.
            contents = version_contents.read(version)
            return _finalize(actor, version, names, digest, description, contents)
    raise errors.Busy("The files of this draft are being changed: finalize it again when they are complete.")


def check_aliases(actor: Actor, artifact: Artifact, names: Iterable[str], number: int | None = None) -> None:
    """Refuse aliases of the version of that number, or else of the next one, before its bytes are sent.

    Raises `Denied`, `InvalidName`, `AliasProtected`, `TooManyAliases`. No rule is applied to `latest` where it follows
    by itself.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    names = [validators.check_alias(alias) for alias in names]
    for alias in names:
        if validators.version_number(alias):
            alias_verbs.check_new_alias(artifact, alias, number or _next_number(artifact))
    if names:
        existing = artifact.alias_set.filter(alias__in=names).values_list("alias", flat=True)
        alias_verbs.check_room(artifact, set(names).difference(existing))
    protection.require(
        actor, artifact, [alias for alias in names if alias != validators.LATEST or not artifact.auto_latest]
    )


@transaction.atomic
def describe(actor: Actor, version: ArtifactVersion, **changes: Any) -> ArtifactVersion:
    """Change description, notes or metadata, also of a finalized version."""
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    for column, value in changes.items():
        setattr(version, column, value)
    version.save(update_fields=[*changes, "touched_at"])
    if version.is_finalized:
        search_index.put_version(version, version.artifact.project_id)
    return version


@transaction.atomic
def delete(
    actor: Actor, version: ArtifactVersion, *, delete_aliases: bool = False, with_artifact: bool = False
) -> None:
    """Delete a draft or a finalized version; the number that it has is never used again.

    With `with_artifact` the artifact goes with a draft that was all it had.

    Refused while aliases point at it, unless they are deleted too; protected ones always block it, and so do records
    that refer to it: `VersionHeld`. `latest` falls back to the version before by itself.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    artifact = lock.acquire(version.artifact)
    version = _lock_existing(artifact, version)
    rows = list(artifact.alias_set.filter(version=version).for_display().order_by("alias"))
    # `latest` moves by itself, so it blocks nothing.
    blocking = [row.alias for row in rows if row.alias != validators.LATEST or not artifact.auto_latest]
    protection.require_unprotected(artifact, blocking, protection.MOVE_FIRST)
    if blocking and not delete_aliases:
        message = f"Version {version.version} has the aliases {', '.join(blocking)}: move them, or delete them with it."
        raise errors.VersionHasAliases(message, aliases=blocking)
    version_holds.require_none(artifact, version)
    was_finalized = version.is_finalized
    version.state = ArtifactVersion.State.DELETED
    version.save(update_fields=["state", "touched_at"])
    newest = artifact.versions.finalized().order_by("-number").first()
    for row in rows:
        if newest and row.alias not in blocking:
            alias_verbs.put_alias(actor, artifact, row.alias, newest)
        else:
            alias_verbs.drop_alias(actor, artifact, row.alias)
    garbage_collection.delete_files(version)
    search_index.remove_version(version)
    if not was_finalized:
        version.sources.all().delete()
    if was_finalized:
        artifact.version_count -= 1
        artifact.latest_version_number = newest.number if newest else None
        artifact.latest_size = newest.total_size if newest else 0
        artifact.save(update_fields=[*_COUNTED, "updated_at"])
        events.version_deleted(actor.user, artifact, version, actor.reason)
    elif with_artifact and not artifact.versions.exclude(state=ArtifactVersion.State.DELETED).exists():
        artifacts.delete(actor, artifact)
    tasks.delete.delay_on_commit()


def _lock_existing(artifact: Artifact, version: ArtifactVersion) -> ArtifactVersion:
    """The version as it is now, under a row lock; somebody may have finalized or deleted it meanwhile."""
    locked = artifact.versions.select_for_update(no_key=True).get(pk=version.pk)
    if locked.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound.deleted(locked.title, artifact.name)
    return locked


def _newest_with(artifact: Artifact, digest: str | None, executable_digest: str | None) -> ArtifactVersion | None:
    """The newest finalized version, if it has these digests and its bytes are not corrupt."""
    if not digest or not artifact.latest_version_number:
        return None
    intact = artifact.versions.finalized().exclude(integrity=ArtifactVersion.Integrity.CORRUPT)
    if executable_digest is not None:
        intact = intact.filter(executable_digest=executable_digest)
    return intact.filter(number=artifact.latest_version_number, digest=digest).first()


def _lock_own_draft(
    actor: Actor, artifact: Artifact, digest: str | None, executable_digest: str
) -> ArtifactVersion | None:
    """A draft of the same contents that an interrupted try of the same user left, under a row lock."""
    if not digest:
        return None
    drafts_of_user = artifact.versions.drafts().filter(digest=digest, created_by=actor.user)
    drafts_of_user = drafts_of_user.filter(executable_digest=executable_digest).order_by("-id")
    return drafts_of_user.select_for_update(no_key=True).first()


def _next_number(artifact: Artifact) -> int:
    """The one after the last, without those by which an alias is called already: `name:v4` goes on to mean it."""
    number = artifact.last_assigned_number + 1
    while artifact.alias_set.filter(alias=f"v{number}").exists():
        number += 1
    return number


def _take_number(artifact: Artifact) -> int:
    """A number that no version has and none had, for callers that hold the artifact's lock."""
    artifact.last_assigned_number = _next_number(artifact)
    artifact.save(update_fields=["last_assigned_number", "updated_at"])
    return artifact.last_assigned_number


def _open_draft(
    actor: Actor, artifact: Artifact, digest: str | None, fields: dict[str, Any], numbering: str
) -> tuple[ArtifactVersion, bool]:
    """The user's own draft of these contents with these fields, or a new one, and whether it is new."""
    version = _lock_own_draft(actor, artifact, digest, fields["executable_digest"])
    if version is None:
        number = _take_number(artifact) if numbering == Numbering.ON_CREATE else None
        version = ArtifactVersion(artifact=artifact, number=number, digest=digest, created_by=actor.user, **fields)
        version.storage_path = f"projects/{artifact.project_id}/artifacts/{artifact.pk}/versions/{version.pk}"
        version.save(force_insert=True)
        return version, True
    # The version belongs to the run that completes it, with that run's description.
    for column, value in fields.items():
        setattr(version, column, value)
    if numbering == Numbering.ON_CREATE and version.number is None:
        version.number = _take_number(artifact)
    version.save(update_fields=[*fields, "number", "touched_at"])
    return version, False


@transaction.atomic
def _finalize(
    actor: Actor,
    version: ArtifactVersion,
    names: list[str],
    digest: str | None,
    description: str | None,
    contents: Contents | None,
) -> FinalizeResult:
    """Raises `DraftChanged` where the contents, None for no draft, are not those that it has under the lock."""
    artifact = lock.acquire(version.artifact)
    version = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    version.artifact = artifact
    if contents is not None and version.state == ArtifactVersion.State.DRAFT:
        contents.require_same(version)
    if version.state == ArtifactVersion.State.DELETED:
        # A draft that gave way to a version of the same contents: the result is that one, also the second time.
        twin = _newest_with(artifact, version.digest, version.executable_digest)
        if twin is None:
            raise errors.VersionNotFound.deleted(version.title, artifact.name)
        return FinalizeResult(twin, False, _assign_aliases(actor, artifact, twin, names))
    if description is not None:
        version.description = description
        version.save(update_fields=["description", "touched_at"])
    if version.is_finalized:
        if description is not None:
            search_index.put_version(version, artifact.project_id)
        return FinalizeResult(version, False, _assign_aliases(actor, artifact, version, names))
    if version.reference_count:
        checks.end_identification(version)
    if contents is None:
        raise DraftChanged
    expected = digest or version.digest
    if contents.digest is not None and expected and expected != contents.digest:
        message = f"The digest of the files is {contents.digest}, not {expected}."
        raise errors.BytesMismatch(message, digest=contents.digest)
    # Only a draft that was begun with a digest may give way; one that was filled by hand is a version of its own.
    version.executable_digest = contents.executable_digest
    twin = _newest_with(artifact, version.digest, version.executable_digest)
    if twin:
        garbage_collection.delete_files(version)
        version.sources.all().delete()
        version.state = ArtifactVersion.State.DELETED
        version.save(update_fields=["state", "executable_digest", "touched_at"])
        tasks.delete.delay_on_commit()
        return FinalizeResult(twin, False, _assign_aliases(actor, artifact, twin, names))
    if version.number is None:
        artifact.last_assigned_number = version.number = _next_number(artifact)
        for alias in names:
            alias_verbs.check_new_alias(artifact, alias, version.number)
    _freeze(version, contents)
    is_newest = artifact.latest_version_number is None or version.number > artifact.latest_version_number
    artifact.version_count += 1
    if is_newest:
        artifact.latest_version_number, artifact.latest_size = version.number, version.total_size
    artifact.save(update_fields=[*_COUNTED, "last_assigned_number", "updated_at"])
    search_index.put_version(version, artifact.project_id)
    search_index.put_files(version, artifact.project_id, contents.lines)
    events.version_finalized(actor.user, version)
    moves = []
    if is_newest and artifact.auto_latest:
        # It follows by itself, whoever may move it by hand.
        moves.append(alias_verbs.put_alias(actor, artifact, validators.LATEST, version))
        names = [alias for alias in names if alias != validators.LATEST]
    moves += _assign_aliases(actor, artifact, version, names)
    tasks.verify.delay_on_commit(str(version.pk))
    return FinalizeResult(version, True, moves)


def _freeze(version: ArtifactVersion, contents: Contents) -> None:
    for name in ("file_count", "total_size", "reference_count", "referenced_size", "digest"):
        setattr(version, name, getattr(contents, name))
    version.state = ArtifactVersion.State.FINALIZED
    version.finalized_at = timezone.now()
    if contents.is_verified:
        version.integrity = ArtifactVersion.Integrity.VERIFIED
    version.save()
    if not contents.has_stored_folders:
        # What is left of a try before, when the draft had other files.
        version.folders.all().delete()
    folder_summaries.insert(version, contents.folders)


def _assign_aliases(
    actor: Actor, artifact: Artifact, version: ArtifactVersion, names: list[str]
) -> list[alias_verbs.Move]:
    protection.require(actor, artifact, names)
    return [alias_verbs.put_alias(actor, artifact, alias, version) for alias in names]
