"""The lineage of an artifact, a version and a run, and what a change of a version would affect."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from artifacts.lineage import impact, impact_csv
from artifacts.models import ArtifactVersion
from web import rendering
from web.artifacts import tab_contexts
from web.artifacts.lookups import get_artifact_for_head, get_version, get_version_for_display
from web.hierarchies import references
from web.lineage import contexts, forms, lookups
from web.projects.lookups import get_run
from web.runs import tabs


@login_required
@require_safe
def artifact_lineage(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_head(request, **url_kwargs)
    view = forms.LineageFilter(request.GET).values()
    version = lookups.version_people_use(request, artifact) if view["nodes"] == "versions" else None
    context = {} if rendering.is_partial(request) else tab_contexts.base_context(artifact, "lineage")
    context |= contexts.lineage(request, version or artifact, nodes="versions" if version else "artifacts", view=view)
    return rendering.render_page(request, "lineage/artifact.html", context)


@login_required
@require_safe
def version_lineage(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    context = _version_context(request, **url_kwargs)
    version, view = context["version"], forms.LineageFilter(request.GET).values()
    nodes = view["nodes"] or "versions"
    root = version.artifact if nodes == "artifacts" else version
    context |= contexts.lineage(request, root, nodes=nodes, view=view)
    return rendering.render_page(request, "lineage/version.html", context)


@login_required
@require_safe
def run_lineage(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, **url_kwargs)
    view = forms.LineageFilter(request.GET).values()
    context = {} if rendering.is_partial(request) else tabs.context(run, "lineage")
    context |= contexts.lineage(request, run, nodes=view["nodes"] or "versions", view=view)
    return rendering.render_page(request, "lineage/run.html", context)


@login_required
@require_safe
def version_impact(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """A page of its own, or the part that stands under the lineage of the version."""
    context = _version_context(request, **url_kwargs)
    version = context["version"]
    urls = tuple(reverse(name, args=version.url_args) for name in ("version-impact", "version-impact-csv"))
    context |= contexts.impact_page(request, [version], str(version), urls)
    return rendering.render_page(request, "lineage/impact.html", context)


@login_required
@require_safe
def version_records(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The records that refer to it: a page, or the part under its lineage, which asks where there are any."""
    context = _version_context(request, **url_kwargs)
    context["referring"] = references.to(request.user, context["version"])
    return rendering.render_page(request, "lineage/records.html", context)


@login_required
@require_safe
def version_impact_csv(request: HttpRequest, **url_kwargs: str) -> StreamingHttpResponse:
    return _csv(request, [get_version(request, **url_kwargs)])


@login_required
@require_safe
def selected_impact(request: HttpRequest) -> HttpResponse:
    """What several versions, or all those of some artifacts, affect together."""
    selection = lookups.get_selection(request)
    urls = reverse("selected-impact"), reverse("selected-impact-csv")
    context = contexts.impact_page(request, selection.versions, selection.name, urls)
    return rendering.render_page(request, "lineage/selected_impact.html", context | {"active_nav": "artifacts"})


@login_required
@require_safe
def selected_impact_csv(request: HttpRequest) -> StreamingHttpResponse:
    return _csv(request, lookups.get_selection(request).versions)


def _csv(request: HttpRequest, roots: Sequence[ArtifactVersion]) -> StreamingHttpResponse:
    form = forms.ImpactFilter(request.GET)
    affected = impact.all_affected(request.user, roots, filter=form.impact_filter(), sort=form.values()["sort"])
    response = StreamingHttpResponse(impact_csv.lines(affected), content_type="text/csv; charset=utf-8")
    response["Cache-Control"] = "private, no-store"
    response["Content-Disposition"] = f'attachment; filename="{impact_csv.file_name(roots)}"'
    return response


def _version_context(request: HttpRequest, **url_kwargs: str) -> dict[str, Any]:
    """The version, and but for HTMX what stands around its page."""
    if rendering.is_partial(request):
        return {"version": get_version(request, **url_kwargs)}
    version = get_version_for_display(request, **url_kwargs)
    return tab_contexts.version_head(version.artifact, version, "lineage")
