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
    rows = _with_md5(md5).filter(version__artifact=artifact) if artifact else ArtifactFile.objects.none()
    version = ids.decode("Artifact", artifact_id) if artifact_id else None
    return _url(
        context, (version and rows.filter(version=version).first()) or rows.order_by("-version__number").first()
    )


def url_in_entity(context: Context, entity: str, md5: str, birth_id: str | None = None) -> str:
    """The same of old clients, which name no collection: of the version that brought the bytes, or any of the team."""
    visible = Project.objects.visible_to(context.user).filter(team__in=Team.objects.by_name(entity))
    rows = _with_md5(md5).filter(version__artifact__project__in=visible)
    birth = ids.decode("Artifact", birth_id) if birth_id else None
    own = rows.filter(version=birth).first() if birth else None
    return _url(context, own or rows.order_by("-version_id").first())


def _with_md5(md5: str) -> "QuerySet[ArtifactFile]":
    files = ArtifactFile.objects.filter(blob__md5=md5, version__in=ArtifactVersion.objects.finalized())
    return files.select_related("blob__object", "version")


def _url(context: Context, file: ArtifactFile | None) -> str:
    if file is None:
        raise errors.Missing("File not found: it was deleted, or you don't have access.")
    return downloads.presigned_url(context.actor, file)
