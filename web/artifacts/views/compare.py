"""Two versions of an artifact side by side, and the lines of one file in both."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from artifacts import version_diff
from artifacts.models import Artifact, ArtifactVersion
from web import rendering
from web.artifacts.lookups import get_artifact

# A list to choose from is not to be scrolled for ever; an older version can be named in the address.
VERSIONS_OFFERED = 200


@login_required
@require_safe
def compare(request: HttpRequest, **place: str) -> HttpResponse:
    """What `?head=` has that `?base=` has not, and the other way around. Both are versions, or aliases."""
    artifact = get_artifact(request, **place)
    base, head = _find_pair(request, artifact)
    context = _frame(artifact, base, head)
    if base and head:
        context["files"] = version_diff.files(base, head, after=request.GET.get("after", ""))
        context["differences"], context["difference_count"] = version_diff.metadata(base.metadata, head.metadata)
    return rendering.render_page(request, "artifacts/compare.html", context)


@login_required
@require_safe
def compare_file(request: HttpRequest, **place: str) -> HttpResponse:
    """The lines of one file in both versions."""
    artifact = get_artifact(request, **place)
    base, head = _find_pair(request, artifact)
    if not (base and head):
        raise Http404("There is nothing to compare with.")
    path = request.GET.get("path", "")
    lines = version_diff.lines(base, head, path)
    context = {"artifact": artifact, "project": artifact.project, "base": base, "head": head}
    context |= {"path": path, "lines": lines, "place": "artifacts"}
    return rendering.render_page(request, "artifacts/compare_file.html", context)


def _find_pair(request: HttpRequest, artifact: Artifact) -> tuple[ArtifactVersion | None, ArtifactVersion | None]:
    return version_diff.resolve_pair(artifact, request.GET.get("base", ""), request.GET.get("head", ""))


def _frame(artifact: Artifact, base: ArtifactVersion | None, head: ArtifactVersion | None) -> dict[str, Any]:
    """What stands around a comparison: the two versions with their aliases, and what else could be chosen."""
    newest = artifact.versions.finalized().order_by("-number").only("number", "artifact")[:VERSIONS_OFFERED]
    offered = {version.pk: version for version in (*newest, base, head) if version}
    aliases: dict[Any, list[str]] = {pk: [] for pk in offered}
    for pk, alias in artifact.alias_set.filter(version__in=aliases).order_by("alias").values_list("version", "alias"):
        aliases[pk].append(alias)
    for pk, version in offered.items():
        version.alias_names = aliases[pk]
    return {
        "artifact": artifact,
        "project": artifact.project,
        "base": base,
        "head": head,
        "pair": (base, head),
        "offered": sorted(offered.values(), key=lambda version: -version.number),
        "place": "artifacts",
    }
