"""What the graph of a page is around, by what its nodes are to be."""

from django.http import HttpRequest

from artifacts import current_version
from artifacts.models import Artifact, ArtifactVersion


def version_people_use(request: HttpRequest, artifact: Artifact) -> ArtifactVersion | None:
    """Of an artifact of `get_artifact_for_display`; None before the first version is finalized."""
    current = current_version.of(artifact)
    if current is None:
        return None
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact, number=current.number)
    version = visible.for_display().first()
    if version:
        version.artifact = artifact
    return version
