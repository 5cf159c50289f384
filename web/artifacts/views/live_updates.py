"""What has changed on a page that is open: after an act on it, or when it asks whether somebody else has acted."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from artifacts.models import Artifact
from web import rendering
from web.aliases import timeline, view_models
from web.artifacts import tab_contexts
from web.artifacts.lookups import get_artifact, get_artifact_for_display, get_version

_TABS = {
    "artifact": "overview",
    "artifact-versions": "versions",
    "artifact-aliases": "aliases",
    "artifact-history": "history",
    "alias-history": "timeline",
}


@login_required
@require_safe
def live(request: HttpRequest, **names: str) -> HttpResponse:
    """The parts that are new to a page which has `seen` an older stamp; nothing where it is still the same."""
    artifact = get_artifact(request, **names)
    if not rendering.is_partial(request):
        return redirect("artifact-aliases", *artifact.url_args)
    is_seen = request.GET.get("seen") == view_models.state_token(artifact)
    page = None if is_seen else _open_page(request, artifact)
    return _parts(request, page) if page else HttpResponse(status=204)


def render_changed_parts(request: HttpRequest, artifact: Artifact, sentence: str) -> HttpResponse:
    """After something about the aliases was carried out: what is new on the page that is open, or on to their list."""
    page = _open_page(request, artifact) if rendering.is_partial(request) else None
    if page is None:
        return rendering.redirect_with_message(request, sentence, reverse("artifact-aliases", args=artifact.url_args))
    response = _parts(request, page)
    response["HX-Reswap"] = "none"
    return rendering.add_htmx_trigger(response, **{"close-modal": True, "toast": {"text": sentence}})


def _open_page(request: HttpRequest, artifact: Artifact) -> ResolverMatch | None:
    """The page that asks, if it is one of this artifact that shows aliases."""
    path, _, query = (request.htmx.current_url_abs_path or "").partition("?")
    try:
        page = resolve(path)
    except Resolver404:
        return None
    mine = {"team": artifact.project.team.name, "project": artifact.project.name}
    mine |= {"type": artifact.type, "name": artifact.name}
    is_mine = {name: page.kwargs.get(name) for name in mine} == mine
    if not is_mine or page.url_name not in {*_TABS, "version"}:
        return None
    # The parts are those of the open page: what they show, and where they lead, is for its query to say.
    request.GET = QueryDict(query.partition("#")[0])
    return page


def _parts(request: HttpRequest, page: ResolverMatch) -> HttpResponse:
    response = render(request, "artifacts/_live_updates.html", _shown(request, page) | {"is_answer": True})
    patch_vary_headers(response, ["HX-Request"])
    return response


def _shown(request: HttpRequest, page: ResolverMatch) -> dict[str, Any]:
    if page.url_name == "version":
        version = get_version(request, **page.kwargs)
        artifact = version.artifact
        return {
            "version": version,
            "artifact": artifact,
            "project": artifact.project,
            "seen": view_models.state_token(artifact),
        }
    alias = page.kwargs.pop("alias", "")
    artifact = get_artifact_for_display(request, **page.kwargs)
    if page.url_name == "alias-history":
        return timeline.page(request, artifact, alias)
    return tab_contexts.tab_context(request, artifact, _TABS[page.url_name])
