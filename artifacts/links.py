"""The verbs of links: versions of other artifacts in collections, with numbers and aliases of their own, not copied.

A link is a finalized version of the collection. Its files are those of the version that it links, and stay there.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import artifacts, drafts, errors, version_tags, versions
from artifacts.aliases import lock
from artifacts.models import Artifact, ArtifactVersion, VersionSource
from projects.models import Project
from projects.models.project import as_uuid

# What a version says of its contents, and what people say of it. The first is kept in step, the second is the link's.
CONTENT_COLUMNS = (
    "digest", "wire_digest", "executable_digest", "file_count", "total_size", "reference_count", "referenced_size",
    "reference_state", "references_checked_at", "integrity",
)  # fmt: skip
_DESCRIPTION_COLUMNS = ("description", "notes", "metadata")


def link(
    actor: Actor, version: ArtifactVersion, collection: Artifact, *, aliases: Iterable[str] = ()
) -> ArtifactVersion:
    """The link of a finalized version in a collection, at which `latest` and these aliases are from then on.

    A version is in a collection once: the second time the link is as it was, and the aliases move. A link of a link is
    one of the version that has the files. Raises `Denied`, `Missing` for a version that the actor does not see,
    `LinkRefused`, `TypeDiffers`, and what moving aliases raises.
    """
    return link_once(actor, version, collection, aliases=aliases)[0]


def link_once(
    actor: Actor, version: ArtifactVersion, collection: Artifact, *, aliases: Iterable[str] = ()
) -> tuple[ArtifactVersion, bool]:
    """The same, and whether the link is new."""
    names = list(dict.fromkeys(aliases))
    drafts.check_aliases(actor, collection, names)
    _require_linkable(actor, version, collection)
    return _link(actor, version, collection, names)


def link_by_name(
    actor: Actor, version: ArtifactVersion, project: Project, name: str, *, aliases: Iterable[str] = ()
) -> ArtifactVersion:
    """The same in the collection of that name in the project, which is made with the version's type if it is not there.

    Raises what `artifacts.create` raises as well.
    """
    return _link_by_name(actor, version, project, name, aliases)[0]


def link_to(
    actor: Actor, version: ArtifactVersion, collection: str, *, aliases: Iterable[str] = ()
) -> tuple[ArtifactVersion, bool]:
    """The same where the collection is said by its id, or as `team/project/name`; and whether the link is new."""
    if pk := as_uuid(collection):
        row = Artifact.objects.visible_to(actor.user).select_related("project__team").filter(pk=pk).first()
        if row is None:
            raise errors.Missing("Collection not found: it was deleted, or you don't have access.")
        return link_once(actor, version, row, aliases=aliases)
    project, _, name = collection.rpartition("/")
    if project.count("/") != 1:
        raise errors.Invalid(f"{collection!r} is not of the form 'team/project/name'.")
    return _link_by_name(actor, version, Project.objects.visible_to(actor.user).find(project), name, aliases)


def unlink(actor: Actor, link: ArtifactVersion, *, delete_aliases: bool = True) -> None:
    """Take the link out of its collection; the version that it links stays as it is. Raises what `delete` raises."""
    if not link.is_link:
        raise errors.LinkRefused(f"{link.title} of {link.artifact.name!r} is no link: it can be deleted, not unlinked.")
    versions.delete(actor, link, delete_aliases=delete_aliases)


@transaction.atomic
def _link_by_name(
    actor: Actor, version: ArtifactVersion, project: Project, name: str, aliases: Iterable[str]
) -> tuple[ArtifactVersion, bool]:
    collection = Artifact.objects.named(project, name) or _create(actor, version, project, name)
    return link_once(actor, version, collection, aliases=aliases)


def _create(actor: Actor, version: ArtifactVersion, project: Project, name: str) -> Artifact:
    try:
        return artifacts.create(actor, project, name, version.artifact.type, kind=Artifact.Kind.COLLECTION)
    except errors.NameTaken:
        # Somebody else made it in the meantime.
        found = Artifact.objects.named(project, name)
        if found is None:
            raise
        return found


def _require_linkable(actor: Actor, version: ArtifactVersion, collection: Artifact) -> None:
    if not collection.is_collection:
        raise errors.LinkRefused(
            f"{collection.name!r} is an artifact, not a collection: links need a collection. Choose another name."
        )
    if not (actor.is_staff or ArtifactVersion.objects.visible_to(actor.user).filter(pk=version.pk).exists()):
        raise errors.Missing("Version not found: it was deleted, or you don't have access.")
    if not version.is_finalized:
        raise errors.LinkRefused(f"{version.title} is a {version.state}: finalize it first, then link it.")
    if not actor.is_staff:
        _require_may_share(actor, version)


def _require_may_share(actor: Actor, version: ArtifactVersion) -> None:
    """A link opens a version to others, and keeps it from being deleted: that is for those who may write there."""
    rows = ArtifactVersion.objects.visible_to(actor.user).select_related("artifact__project__team")
    contents = rows.filter(pk=version.contents_id).first()
    if contents is None:
        raise errors.LinkRefused(
            f"{version.title} is a link to a version in a project that you don't see: ask its team to link it."
        )
    permissions.require(actor, contents.artifact.project.team, Role.EDITOR)


@transaction.atomic
def _link(
    actor: Actor, version: ArtifactVersion, collection: Artifact, names: list[str]
) -> tuple[ArtifactVersion, bool]:
    collection, contents = _lock(version, collection)
    found = collection.versions.filter(linked_version=contents).first()
    if found is not None:
        found.artifact = collection
        versions.assign_aliases(actor, collection, found, names)
        return found, False
    new = ArtifactVersion(
        artifact=collection,
        number=drafts.next_number(collection),
        state=ArtifactVersion.State.FINALIZED,
        finalized_at=timezone.now(),
        linked_version=contents,
        created_by=actor.user,
        **{name: getattr(contents, name) for name in CONTENT_COLUMNS},
        **{name: getattr(version, name) for name in _DESCRIPTION_COLUMNS},
    )
    collection.last_assigned_number = new.number
    new.save(force_insert=True)
    version_tags.put(new, version.tags)
    VersionSource.objects.create(version=new, source=contents)
    versions.publish(actor, collection, new, names)
    return new, True


def _lock(version: ArtifactVersion, collection: Artifact) -> tuple[Artifact, ArtifactVersion]:
    """The collection, and the version that has the files, both under the locks of their artifacts.

    In the order of their ids, as everybody who locks several artifacts: so nobody deletes the one meanwhile, or gives
    it another type. Raises `VersionNotFound` where somebody has, `TypeDiffers`.
    """
    contents_id = version.contents_id
    artifact_ids = ArtifactVersion.objects.filter(pk=contents_id).values("artifact")
    artifact_rows = Artifact.objects.filter(pk__in=[collection.pk, *artifact_ids.values_list("artifact", flat=True)])
    locked = {row.pk: lock.acquire(row) for row in artifact_rows.order_by("pk")}
    # Its row as well: what workers find out of its contents is in it, or they wait and find the link.
    rows = ArtifactVersion.objects.finalized().filter(pk=contents_id, artifact__in=locked)
    contents = rows.select_for_update(no_key=True).first()
    if collection.pk not in locked:
        raise errors.Missing(f"Artifact {collection.name!r} was deleted.")
    if contents is None or not ArtifactVersion.objects.finalized().filter(pk=version.pk).exists():
        raise errors.VersionNotFound.deleted(version.title, version.artifact.name)
    _require_type(version, locked[contents.artifact_id].type, locked[collection.pk])
    return locked[collection.pk], contents


def _require_type(version: ArtifactVersion, type: str, collection: Artifact) -> None:
    if type != collection.type:
        raise errors.TypeDiffers(
            f"Collection {collection.name!r} is for the type {collection.type}; {version.artifact.name!r} is a {type}."
        )
