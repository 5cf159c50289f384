"""The verbs of versions: begin a draft, finalize it, describe it, delete it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import (
    artifacts,
    drafts,
    errors,
    events,
    folder_summaries,
    search_index,
    tasks,
    validators,
    version_contents,
    version_holds,
    version_tags,
)
from artifacts.aliases import aliases as alias_verbs
from artifacts.aliases import lock, protection
from artifacts.content import arrivals, garbage_collection
from artifacts.drafts import DraftResult, check_aliases
from artifacts.lineage import sources
from artifacts.models import Artifact, ArtifactVersion
from artifacts.references import checks, references
from artifacts.version_contents import Contents, DraftChanged
from projects import projects
from projects.models import Project

# How often a draft is read that others change meanwhile.
_MAX_READS = 3
# What an artifact says of its finalized versions.
_COUNTED = ("version_count", "latest_version_number", "latest_size")


@dataclass(frozen=True, slots=True)
class FinalizeResult:
    """The version that has the contents now, which may be an older one, and the aliases that moved."""

    version: ArtifactVersion
    created: bool
    moves: list[alias_verbs.Move]


def begin(actor: Actor, artifact: Artifact, **arguments: Any) -> DraftResult:
    """A new draft with its files; or the version or the user's own draft that has them.

    Arguments of `drafts.open`, with `derived_from` as `sources.resolve` takes it.

    Very many files come into a draft with a digest in several transactions: who repeats the call after a failure
    completes it.
    """
    return drafts.fill(actor, _open(actor, artifact, _with_checked_specs(arguments)))


def begin_with_artifact(
    actor: Actor, project: str, artifact: dict[str, Any], draft: dict[str, Any] | None, *, create_project: bool = False
) -> tuple[Artifact, DraftResult | None]:
    """A new artifact and its first draft, on request in a new project: all of them or nothing.

    `project` is an id or `team/name`; `artifact` and `draft` are the arguments of `artifacts.create` and `begin`, of
    which each may raise what it raises. Without a draft only the artifact.
    """
    draft = draft and _with_checked_specs(draft)
    with transaction.atomic():
        visible = Project.objects.visible_to(actor.user)
        found = projects.get_or_create(actor, project) if create_project else visible.find(project)
        created = artifacts.create(actor, found, **artifact)
        opened = None if draft is None else _open(actor, created, draft)
    return created, None if opened is None else drafts.fill(actor, opened)


def _with_checked_specs(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same with the specs as they are recorded: thousands are checked while nobody waits for a lock of ours."""
    return {**arguments, "specs": references.check_specs(arguments.get("specs", ()))}


def _open(actor: Actor, artifact: Artifact, arguments: dict[str, Any]) -> drafts.OpenedDraft:
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    derived_from = sources.resolve(actor.user, arguments.get("derived_from", ()), artifact.project)
    return drafts.open(actor, artifact, **{**arguments, "derived_from": derived_from})


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
    Raises `Busy` where others change its files all the time, `Conflict` for a draft that the `wandb` client still logs.
    """
    check_aliases(actor, version.artifact, aliases, version.number)
    if version.state == ArtifactVersion.State.DRAFT:
        _require_stated(actor, version)
        arrivals.collect(version, completed)
    names = list(dict.fromkeys(aliases))
    for _ in range(_MAX_READS):
        with suppress(DraftChanged):
            # Its files are read, which may take seconds, while nobody waits for a lock of ours.
            contents = version_contents.read(version)
            return _finalize(actor, version, names, digest, description, contents)
    raise errors.Busy("The files of this draft are being changed: finalize it again when they are complete.")


def _require_stated(actor: Actor, version: ArtifactVersion) -> None:
    """What a draft of the `wandb` client holds is known once that client commits it."""
    if version.digest is None and not actor.is_wandb and version.manifest_uploads.exists():
        raise errors.Conflict("The wandb client is still logging this draft: it becomes a version once all is sent.")


@transaction.atomic
def describe(
    actor: Actor,
    version: ArtifactVersion,
    *,
    tags: Iterable[str] | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    aliases: Iterable[str] | None = None,
    **changes: Any,
) -> ArtifactVersion:
    """Change description, notes, metadata, `ttl` or tags, also of a finalized version: all of it, or nothing.

    `ttl` is how long it lives from when it was made, None for ever. `tags` replaces them all; `add_tags` and
    `remove_tags` keep what others do to the rest meanwhile. `aliases` are all that a finalized version shall have.
    Raises `Invalid`, `VersionNotFound`, and what moving and removing aliases raise.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    if version.is_finalized and changes.keys() & set(ArtifactVersion.LONG_VALUES):
        # The search compares its text with those of other versions. Before its row, as all who lock both.
        lock.acquire(version.artifact)
    if aliases is not None:
        _replace_aliases(actor, version, list(aliases))
    if "ttl" in changes:
        ttl = changes.pop("ttl")
        changes["expires_at"] = None if ttl is None else _expires_at(version, ttl)
        _require_existing(version)
    for column, value in changes.items():
        setattr(version, column, value)
    version.save(update_fields=[*changes, "touched_at"])
    if tags is not None:
        version_tags.put(version, tags)
    if add_tags or remove_tags:
        version_tags.change(version, add_tags, remove_tags)
    for name in ("tags", "tag_lines"):
        vars(version).pop(name, None)
    if version.is_finalized:
        search_index.put_version(version, version.artifact.project_id)
    return version


def _replace_aliases(actor: Actor, version: ArtifactVersion, names: list[str]) -> None:
    artifact = lock.acquire(version.artifact)
    has = set(artifact.alias_set.filter(version=version).values_list("alias", flat=True))
    targets = {alias: version for alias in names if alias not in has} | dict.fromkeys(has.difference(names))
    if targets:
        alias_verbs.update_many(actor, artifact, targets)


def _expires_at(version: ArtifactVersion, ttl: timedelta) -> datetime:
    """Raises `Invalid` for one that is over already: whoever sets it does not mean to delete the version at once."""
    expires_at = version.created_at + validators.check_ttl(ttl)
    if expires_at <= timezone.now():
        made_at = f"{version.created_at:%Y-%m-%d %H:%M} UTC"
        raise errors.Invalid(
            f"{version.title} was made on {made_at}, and a TTL counts from then: it would have expired already. "
            "Set a longer one, or delete the version."
        )
    return expires_at


def _require_existing(version: ArtifactVersion) -> None:
    """Raise `VersionNotFound` where it was deleted, as a worker does with what expired. Locks its row."""
    locked = ArtifactVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first()
    if locked is None or locked.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound.deleted(version.title, version.artifact.name)


@transaction.atomic
def delete(
    actor: Actor,
    version: ArtifactVersion,
    *,
    delete_aliases: bool = False,
    with_artifact: bool = False,
    keep_latest: bool = False,
) -> None:
    """Delete a draft or a finalized version; the number that it has is never used again.

    With `with_artifact` the artifact goes with a draft that was all it had. With `keep_latest` a `latest` that follows
    by itself blocks it as other aliases do.

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
    refused = [row.alias for row in rows] if keep_latest else blocking
    if refused and not delete_aliases:
        message = f"Version {version.version} has the aliases {', '.join(refused)}: move them, or delete them with it."
        raise errors.VersionHasAliases(message, aliases=refused)
    version_holds.require_none(actor, artifact, version)
    was_finalized = version.is_finalized
    version.state = ArtifactVersion.State.DELETED
    version.linked_version = None
    version.save(update_fields=["state", "linked_version", "touched_at"])
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
        garbage_collection.delete_manifests(version)
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
        twin = _successor(version) or drafts.newest_with(artifact, version.digest, version.executable_digest)
        if twin is None:
            raise errors.VersionNotFound.deleted(version.title, artifact.name)
        return FinalizeResult(twin, False, assign_aliases(actor, artifact, twin, names))
    if description is not None:
        version.description = description
        version.save(update_fields=["description", "touched_at"])
    if version.is_finalized:
        if description is not None:
            search_index.put_version(version, artifact.project_id)
        return FinalizeResult(version, False, assign_aliases(actor, artifact, version, names))
    if version.reference_count:
        checks.end_identification(version)
    if contents is None:
        raise DraftChanged
    expected = digest or version.digest
    if contents.digest is not None and expected and expected != contents.digest:
        message = f"The digest of the files is {contents.digest}, not {expected}."
        raise errors.BytesMismatch(message, digest=contents.digest)
    if contents.wire_digest is not None and version.wire_digest not in (None, contents.wire_digest):
        message = f"The digest of the files is {contents.wire_digest}, not {version.wire_digest}."
        raise errors.BytesMismatch(message, digest=contents.wire_digest)
    garbage_collection.delete_manifests(version)
    # Only a draft that was begun with a digest may give way; one that was filled by hand is a version of its own.
    version.executable_digest = contents.executable_digest
    twin = drafts.newest_with(artifact, version.digest, version.executable_digest)
    twin = twin or drafts.newest_with_wire_digest(artifact, version.wire_digest)
    if twin:
        garbage_collection.delete_files(version)
        version.sources.all().delete()
        version.state = ArtifactVersion.State.DELETED
        version.superseded_by = twin
        version.save(update_fields=["state", "superseded_by", "executable_digest", "touched_at"])
        tasks.delete.delay_on_commit()
        return FinalizeResult(twin, False, assign_aliases(actor, artifact, twin, names))
    if version.number is None:
        artifact.last_assigned_number = version.number = drafts.next_number(artifact)
        for alias in names:
            alias_verbs.check_new_alias(artifact, alias, version.number)
    _freeze(version, contents)
    search_index.put_files(version, artifact.project_id, contents.lines)
    moves = publish(actor, artifact, version, names)
    tasks.verify.delay_on_commit(str(version.pk))
    return FinalizeResult(version, True, moves)


def publish(actor: Actor, artifact: Artifact, version: ArtifactVersion, names: list[str]) -> list[alias_verbs.Move]:
    """Count a version that is final from now on, let it be found, tell of it, and give it `latest` and these aliases.

    For callers that hold the lock of the artifact, whose `last_assigned_number` they have set.
    """
    is_newest = artifact.latest_version_number is None or version.number > artifact.latest_version_number
    artifact.version_count += 1
    if is_newest:
        artifact.latest_version_number, artifact.latest_size = version.number, version.total_size
    artifact.save(update_fields=[*_COUNTED, "last_assigned_number", "updated_at"])
    search_index.put_version(version, artifact.project_id)
    events.version_finalized(actor.user, version)
    moves = []
    if is_newest and artifact.auto_latest:
        # It follows by itself, whoever may move it by hand.
        moves.append(alias_verbs.put_alias(actor, artifact, validators.LATEST, version))
        names = [alias for alias in names if alias != validators.LATEST]
    return moves + assign_aliases(actor, artifact, version, names)


def _freeze(version: ArtifactVersion, contents: Contents) -> None:
    for name in ("file_count", "total_size", "reference_count", "referenced_size", "digest", "wire_digest"):
        setattr(version, name, getattr(contents, name))
    version.requested_aliases = []
    version.state = ArtifactVersion.State.FINALIZED
    version.finalized_at = timezone.now()
    if contents.is_verified:
        version.integrity = ArtifactVersion.Integrity.VERIFIED
    version.save()
    if not contents.has_stored_folders:
        # What is left of a try before, when the draft had other files.
        version.folders.all().delete()
    folder_summaries.insert(version, contents.folders)


def assign_aliases(
    actor: Actor, artifact: Artifact, version: ArtifactVersion, names: list[str]
) -> list[alias_verbs.Move]:
    """Put these aliases on the version, for callers that hold the artifact's lock. Raises `AliasProtected`."""
    if validators.LATEST in names and _follows(artifact, version):
        names = [alias for alias in names if alias != validators.LATEST]
    protection.require(actor, artifact, names)
    return [alias_verbs.put_alias(actor, artifact, alias, version) for alias in names]


def _follows(artifact: Artifact, version: ArtifactVersion) -> bool:
    """Whether `latest` is at the version, where it came by itself."""
    is_newest = artifact.auto_latest and version.number == artifact.latest_version_number
    return is_newest and artifact.alias_set.filter(alias=validators.LATEST, version=version).exists()


def _successor(version: ArtifactVersion) -> ArtifactVersion | None:
    """The version that a draft gave way to, if it is still there."""
    return ArtifactVersion.objects.finalized().filter(pk=version.superseded_by_id).first()
