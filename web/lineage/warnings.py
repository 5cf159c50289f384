"""What dialogs say before something goes that others were made from."""

from typing import Any, NamedTuple

from django.urls import reverse

from artifacts.lineage import graph as graphs
from artifacts.lineage import impact
from artifacts.lineage.graph import Direction
from artifacts.models import Artifact, ArtifactVersion
from web.lineage import texts


class ImpactWarning(NamedTuple):
    """A sentence, and the page that says more."""

    message: str
    url: str


def of_version(user: Any, version: ArtifactVersion, artifact: Artifact) -> ImpactWarning | None:
    """Of a version of an artifact with its project and team; None where nothing was made from it."""
    version.artifact = artifact
    affected = texts.affected(impact.summary(user, version))
    if not affected:
        return None
    return ImpactWarning(f"Downstream of {version}: {affected}.", reverse("version-impact", args=version.url_args))


def of_artifact(user: Any, artifact: Artifact) -> ImpactWarning | None:
    """The same of all versions of an artifact with its project and team."""
    graph = graphs.lineage(user, artifact, direction=Direction.DOWNSTREAM, depth=graphs.MAX_DEPTH, fold=True)
    affected = texts.downstream(graph)
    if not affected:
        return None
    url = f"{reverse('artifact-lineage', args=artifact.url_args)}?direction=downstream"
    return ImpactWarning(f"Downstream of {artifact}: {affected}.", url)
