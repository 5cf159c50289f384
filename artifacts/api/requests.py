"""What every view of the registry does with a request first: find the thing, among those it may see."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from artifacts.models import Artifact, ArtifactFile, ArtifactVersion
from projects.models import Run


def find_artifact(request: Request, pk: UUID) -> Artifact:
    visible = Artifact.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("project__team"), pk=pk)


def find_version(request: Request, pk: UUID) -> ArtifactVersion:
    """Any version that the user may see; one that was deleted is seen by nobody."""
    return get_object_or_404(ArtifactVersion.objects.visible_to(request.user).for_display(), pk=pk)


def find_file(request: Request, pk: UUID) -> ArtifactFile:
    visible = ArtifactFile.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("version__artifact__project__team", "blob__object"), pk=pk)


def find_run(request: Request, pk: UUID) -> Run:
    return get_object_or_404(Run.objects.visible_to(request.user).select_related("project__team"), pk=pk)
