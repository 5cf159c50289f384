"""What the graph of a page is around, by what its nodes are to be, and what an impact is of."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q
from django.http import Http404, HttpRequest

from artifacts import current_version
from artifacts.lineage.impact import MAX_ROOTS
from artifacts.models import Artifact, ArtifactVersion
from core import long_values
from projects.models.project import as_uuid
from web.lineage import texts


def version_people_use(request: HttpRequest, artifact: Artifact) -> ArtifactVersion | None:
    """Of an artifact of `get_artifact_for_head`; None before the first version is finalized. One query, or none."""
    current = current_version.of(artifact)
    if current is None:
        return None
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact, number=current.number)
    version = long_values.defer(visible, "").first()
    if version:
        version.artifact = artifact
    return version


class Selection(NamedTuple):
    """Versions, and what they are called together."""

    versions: list[ArtifactVersion]
    name: str


def get_selection(request: HttpRequest) -> Selection:
    """The versions that the query string names by their ids, or by those of their artifacts; 404 without one."""
    ids = {pk for pk in map(as_uuid, request.GET.getlist("item")[:MAX_ROOTS]) if pk}
    visible = ArtifactVersion.objects.visible_to(request.user).finalized()
    rows = visible.filter(Q(pk__in=ids) | Q(artifact__in=ids)).select_related("artifact").order_by("-id")
    versions = list(long_values.defer(rows, "", "artifact")[: MAX_ROOTS + 1])
    if not versions:
        raise Http404("None of these versions and artifacts is there.")
    artifacts = dict.fromkeys(version.artifact.name for version in versions if version.artifact_id in ids)
    names = [*artifacts, *(str(version) for version in versions if version.pk in ids)]
    return Selection(versions, texts.several(names, "versions and artifacts" if artifacts else "versions"))


def newest_versions(artifacts: Sequence[Artifact]) -> list[ArtifactVersion]:
    """As many of the newest finalized versions of these artifacts as impact takes, and one more. One query."""
    rows = ArtifactVersion.objects.finalized().filter(artifact__in=artifacts).order_by("-id").only("pk")
    return list(rows[: MAX_ROOTS + 1])
