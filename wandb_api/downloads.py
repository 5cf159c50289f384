"""Files by their md5: what clients ask for that have no signed URL at hand, or one that has expired."""

from django.db.models import QuerySet

from accounts.models import Team
from artifacts.content import downloads
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion
from core import errors
from projects.models import Project
from wandb_api import ids
from wandb_api.context import Context


def url_in_collection(
    context: Context, entity: str, project: str, collection: str, md5: str, artifact_id: str | None = None
) -> str:
    """A signed URL of a file of the collection with these bytes: of the version of that id, or else of the newest.

    Counted as a download. Raises `Missing`.
    """
    found = Project.objects.visible_to(context.user).named(f"{entity}/{project}")
    artifact = Artifact.objects.named(found, collection) if found else None
    if artifact is None:
        raise _missing()
    links = artifact.versions.finalized() if artifact.is_collection else ArtifactVersion.objects.none()
    rows = _with_md5(md5, Project.objects.filter(pk=artifact.project_id)).filter(version__artifact=artifact)
    file = _preferred(rows, artifact_id, "-version__number") or _through_links(md5, links, artifact_id)
    return _url(context, file)


def url_in_entity(context: Context, entity: str, md5: str, birth_id: str | None = None) -> str:
    """The same of old clients, which name no collection: of the version that brought the bytes, or any of the team."""
    visible = Project.objects.visible_to(context.user).filter(team__in=Team.objects.by_name(entity))
    links = ArtifactVersion.objects.finalized().filter(artifact__project__in=visible)
    file = _preferred(_with_md5(md5, visible), birth_id, "-version_id") or _through_links(md5, links, birth_id)
    return _url(context, file)


def _with_md5(md5: str, projects: "QuerySet[Project]") -> "QuerySet[ArtifactFile]":
    """Found by the index of their blobs, which are of the projects alone."""
    files = ArtifactFile.objects.filter(blob__project__in=projects, blob__md5=md5)
    finalized = files.filter(version__state=ArtifactVersion.State.FINALIZED)
    return finalized.select_related("blob__object", "version")


def _through_links(md5: str, links: "QuerySet[ArtifactVersion]", version_id: str | None) -> ArtifactFile | None:
    """A file of these bytes of a version to which one of the links leads, as a file of that link."""
    links = links.filter(linked_version__isnull=False)
    sources = Project.objects.filter(pk__in=links.values("linked_version__artifact__project"))
    rows = _with_md5(md5, sources).filter(version__in=links.values("linked_version"))
    key = ids.decode("Artifact", version_id) if version_id else None
    wanted = links.filter(pk=key).values_list("linked_version", flat=True).first() if key else None
    preferred = ids.encode("Artifact", wanted) if wanted else version_id
    file = _preferred(rows, preferred, "-version_id")
    if file:
        # What is recorded of the download names the link, which is what the caller sees.
        file.version = links.filter(linked_version=file.version_id).order_by("-id")[0]
    return file


def _preferred(rows: "QuerySet[ArtifactFile]", version_id: str | None, order: str) -> ArtifactFile | None:
    """That of the version of this id, or else the first one in this order."""
    version = ids.decode("Artifact", version_id) if version_id else None
    return (rows.filter(version=version).first() if version else None) or rows.order_by(order).first()


def _url(context: Context, file: ArtifactFile | None) -> str:
    if file is None:
        raise _missing()
    return downloads.presigned_url(context.actor, file)


def _missing() -> errors.Missing:
    return errors.Missing("File not found: it was deleted, or you don't have access.")
