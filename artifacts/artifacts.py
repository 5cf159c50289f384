"""The verbs of artifacts: create, change, delete."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.dispatch import Signal

import accounts.former_names
from accounts import permissions
from accounts.actor import Actor
from accounts.former_names import Deleted
from accounts.models import Role
from artifacts import errors, former_names, search_index, tasks, validators, version_holds
from artifacts.aliases import aliases, lock, protection
from artifacts.models import (
    AliasProposal,
    AliasRule,
    Artifact,
    ArtifactAlias,
    ArtifactDownload,
    ArtifactFile,
    ArtifactTag,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    ClientId,
    Extent,
    FolderSummary,
    ManifestUpload,
    RunOutput,
    StoredObject,
    VersionSource,
    VersionTag,
)
from core.validators import MAX_TAGS
from projects.models import Project

# Sent with `artifact`, after its aliases and before its row are deleted, in the same transaction: the apps above delete
# what belongs to it.
artifact_deleting = Signal()


@transaction.atomic
def create(
    actor: Actor,
    project: Project,
    name: str,
    type: str,
    *,
    description: str = "",
    metadata: dict[str, Any] | None = None,
    tags: Iterable[str] = (),
    auto_latest: bool = True,
    first_number: int = 1,
    kind: Artifact.Kind | str = Artifact.Kind.ARTIFACT,
) -> Artifact:
    """A new artifact without versions, whose numbers go on where an artifact of this name was deleted.

    `first_number` is that of its first version otherwise: 0 where the wandb client makes it, and of a collection, which
    has links instead of files.

    `NameTaken` carries the id of the one that has the name, or had it until it was renamed. Raises `NameReserved`.
    """
    permissions.require(actor, project.team, Role.EDITOR)
    validators.check_artifact_name(name, is_wandb=actor.is_wandb)
    is_collection = kind == Artifact.Kind.COLLECTION
    # A collection is of the type of what is linked, which the wandb client may have named.
    validators.check_type(type, is_wandb=actor.is_wandb or is_collection)
    artifact = Artifact(
        project=project,
        name=name,
        type=type,
        description=description,
        metadata=metadata or {},
        auto_latest=auto_latest,
        kind=kind,
        first_number=0 if is_collection else first_number,
        created_by=actor.user,
    )
    with _translate_name_taken(project, name):
        artifact.save(force_insert=True)
    former_names.claim(actor, artifact)
    tags = list(dict.fromkeys(tags))
    _set_tags(artifact, tags)
    search_index.put_artifact(artifact, tags)
    return artifact


@transaction.atomic
def update(actor: Actor, artifact: Artifact, **changes: Any) -> Artifact:
    """Change name, type, description, metadata, tags or auto_latest.

    `tags` replaces them all; `add_tags` and `remove_tags` keep what others do to the rest meanwhile. The old name leads
    to the artifact for some time. Raises what `create` raises, and `AliasProtected` where the change makes protected
    aliases mean something else: another name does, and `latest` that follows by itself. Raises `LinkRefused` for
    another type where links would be of two types then.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    tags, added, removed = (changes.pop(name, None) for name in ("tags", "add_tags", "remove_tags"))
    artifact = lock.acquire(artifact)
    if changes.get("name", artifact.name) != artifact.name:
        validators.check_artifact_name(changes["name"], is_wandb=actor.is_wandb)
    before = artifact.name
    _require_may_change(actor, artifact, changes)
    for column, value in changes.items():
        setattr(artifact, column, value)
    with _translate_name_taken(artifact.project, artifact.name):
        artifact.save(update_fields=[*changes, "updated_at"])
    if artifact.name != before:
        former_names.claim(actor, artifact)
        accounts.former_names.record_rename(
            actor, artifact.project_id, before, artifact.pk, artifact.last_assigned_number
        )
    if tags is not None:
        _set_tags(artifact, tags)
    if added or removed:
        _change_tags(artifact, added or (), removed or ())
    search_index.put_artifact(artifact, artifact.tag_set.values_list("tag", flat=True))
    return artifact


@transaction.atomic
def delete(actor: Actor, artifact: Artifact, *, delete_aliases: bool = True) -> None:
    """Delete the artifact with all its versions, unless it has an alias that the user may not delete.

    Without `delete_aliases` any alias but a `latest` that follows by itself blocks it: `VersionHasAliases`. The removal
    of its aliases is recorded. Workers delete the bytes that nothing else needs. Where a rule protected one of its
    aliases the name is reserved; the numbers of versions under it go on in any case. Raises `VersionHeld` where
    records refer to a version of it, or a collection links one.
    """
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    artifact = lock.acquire(artifact)
    names = list(artifact.alias_set.values_list("alias", flat=True))
    protection.require(actor, artifact, names, because=protection.DELETED_WITH_ARTIFACT)
    protection.require_own_rules(actor, artifact)
    blocking = sorted(name for name in names if name != validators.LATEST or not artifact.auto_latest)
    if blocking and not delete_aliases:
        message = (
            f"Artifact {artifact.name!r} has the aliases {', '.join(blocking)}: remove them, or delete them with it."
        )
        raise errors.VersionHasAliases(message, aliases=blocking)
    version_holds.require_none(actor, artifact)
    role = protection.reserving_role(artifact, names)
    aliases.record_removal(actor, artifact)
    artifact_deleting.send(Artifact, artifact=artifact)
    _delete_rows(Artifact.objects.filter(pk=artifact.pk))
    deleted = Deleted(artifact.name, artifact.pk, role, artifact.last_assigned_number)
    accounts.former_names.record_deletions(actor, artifact.project_id, [deleted])
    tasks.delete.delay_on_commit()


def delete_all(actor: Actor, project: Project) -> Role | None:
    """Delete all artifacts of a project that is about to be deleted, in the same transaction.

    Workers delete the bytes, which nothing outside of the project shares. Returns the role that may use the names of
    the project again: the highest that rules asked for in it, or None. Raises `VersionHeld` where a collection of
    another project links a version of it.
    """
    _lock(Artifact.objects.filter(project=project))
    version_holds.require_unlinked(actor, project)
    roles = protection.reserving_roles(project)
    rows = Artifact.objects.filter(project=project).values_list("name", "pk", "last_assigned_number")
    deleted = [Deleted(name, pk, roles.get(pk), number) for name, pk, number in rows]
    _delete_rows(Artifact.objects.filter(project=project))
    Extent.objects.filter(whole__project=project).delete()
    Blob.objects.filter(project=project).delete()
    StoredObject.objects.filter(project=project).delete()
    accounts.former_names.record_deletions(actor, project.pk, deleted)
    tasks.delete_bytes.delay_on_commit()
    return max(roles.values(), key=lambda role: role.rank, default=None)


def _require_may_change(actor: Actor, artifact: Artifact, changes: dict[str, Any]) -> None:
    if changes.get("name", artifact.name) != artifact.name:
        names = artifact.alias_set.values_list("alias", flat=True)
        protection.require(actor, artifact, names, because="another name moves it")
    if changes.get("type", artifact.type) != artifact.type:
        validators.check_type(changes["type"], is_wandb=actor.is_wandb)
        _require_unlinked(artifact)
    if changes.get("auto_latest") and not artifact.auto_latest:
        protection.require(actor, artifact, [validators.LATEST], because="with `auto_latest` it moves by itself")


def _require_unlinked(artifact: Artifact) -> None:
    """Under its lock, which whoever links one of its versions takes too."""
    links = ArtifactVersion.objects.filter(linked_version__isnull=False)
    if links.filter(Q(artifact=artifact) | Q(linked_version__artifact=artifact)).exists():
        raise errors.LinkRefused(
            f"{artifact.name!r} stays a {artifact.type}: a link and its collection have the same type. Unlink first."
        )


def _delete_rows(doomed: QuerySet[Artifact]) -> None:
    """Straight deletes from the leaves up: Django's own cascade would first load each row."""
    # First: two who delete the same rows from the leaves up would wait for each other for ever.
    _lock(doomed)
    versions = ArtifactVersion.objects.filter(artifact__in=doomed)
    for model in (
        ArtifactDownload, ArtifactUsage, ClientId, FolderSummary, ManifestUpload, RunOutput, VersionTag
    ):  # fmt: skip
        model.objects.filter(version__in=versions).delete()
    VersionSource.objects.filter(version__in=versions).delete()
    VersionSource.objects.filter(source__in=versions).delete()
    ArtifactFile.objects.filter(version__in=versions).delete_and_touch()
    ClientId.objects.filter(artifact__in=doomed).delete()
    # The history of aliases is kept.
    for model in (ArtifactAlias, AliasProposal, AliasRule, ArtifactVersion):
        model.objects.filter(artifact__in=doomed).delete()
    doomed.delete()


def _lock(rows: QuerySet[Artifact]) -> None:
    """In the order in which everybody locks artifacts."""
    list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))


def _set_tags(artifact: Artifact, tags: Iterable[str]) -> None:
    artifact.tag_set.all().delete()
    ArtifactTag.objects.bulk_create(ArtifactTag(artifact=artifact, tag=tag) for tag in dict.fromkeys(tags))


def _change_tags(artifact: Artifact, added: Iterable[str], removed: Iterable[str]) -> None:
    artifact.tag_set.filter(tag__in=list(removed)).delete()
    before = set(artifact.tag_set.values_list("tag", flat=True))
    new = [tag for tag in dict.fromkeys(added) if tag not in before]
    if len(before) + len(new) > MAX_TAGS:
        raise errors.Invalid(f"An artifact has at most {MAX_TAGS} tags: remove some first.")
    ArtifactTag.objects.bulk_create(ArtifactTag(artifact=artifact, tag=tag) for tag in new)


@contextmanager
def _translate_name_taken(project: Project, name: str) -> Iterator[None]:
    """`NameTaken`, with the id of the artifact that has the name, where the database refuses it."""
    taken = errors.NameTaken(f"Project {project.full_name!r} already has an artifact named {name!r}.")
    try:
        with errors.refuse(artifact_name_unique=taken):
            yield
    except errors.NameTaken as error:
        holder = Artifact.objects.filter(project=project, name=name).values_list("pk", flat=True).first()
        error.extra["artifact_id"] = str(holder) if holder else None
        raise
