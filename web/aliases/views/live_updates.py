"""What has changed on a page that is open: after an act on it, or when it asks whether somebody else has acted."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from artifacts.models import Artifact
from notifications import inbox
from web import rendering
from web.aliases import tab_contexts as alias_tab_contexts
from web.aliases.state import state_token
from web.artifacts import tab_contexts
from web.artifacts.lookups import get_artifact, get_artifact_for_display, get_version_for_display

# Pages of an artifact that show its aliases, by the names of their URLs.
_TAB_CONTEXTS = {
    "artifact": tab_contexts.overview,
    "artifact-versions": tab_contexts.versions,
    "artifact-aliases": alias_tab_contexts.aliases,
    "artifact-history": tab_contexts.history,
}
# And of a version, by its tab.
_VERSION_TABS = {"version": "files", "version-lineage": "lineage", "version-impact": "lineage"}
_LIVE_PAGES = {*_TAB_CONTEXTS, *_VERSION_TABS, "alias-history", "artifact-lineage"}


@login_required
@require_safe
def live(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The parts that are new to a page which has `seen` an older state token, or the bell alone where it is to show
    another number than `unread`; nothing where both are still the same."""
    artifact = get_artifact(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect("artifact-aliases", *artifact.url_args)
    unread, state = inbox.waiting(request.user), state_token(artifact)
    is_same = request.GET.get("seen") == state
    page = None if is_same and request.GET.get("unread") == str(unread) else _open_page(request, artifact)
    if page is None:
        return HttpResponse(status=204)
    if not is_same:
        return _render_parts(request, page, unread_count=unread)
    context = {"artifact": artifact, "state_token": state, "unread_count": unread, "is_answer": True}
    return _render_part(request, context)


def render_changed_parts(request: HttpRequest, artifact: Artifact, message: str) -> HttpResponse:
    """After something about the aliases was carried out: what is new on the page that is open, or on to their list."""
    page = _open_page(request, artifact) if rendering.is_partial(request) else None
    if page is None:
        return rendering.redirect_with_message(request, message, reverse("artifact-aliases", args=artifact.url_args))
    response = _render_parts(request, page)
    response["HX-Reswap"] = "none"
    return rendering.add_htmx_trigger(response, **{"close-modal": True, "toast": {"text": message}})


def _open_page(request: HttpRequest, artifact: Artifact) -> ResolverMatch | None:
    """The page that asks, if it is one of this artifact that shows aliases."""
    try:
        page = resolve(_open_url(request)[0])
    except Resolver404:
        return None
    is_of_artifact = [page.kwargs.get(name) for name in ("team", "project", "type", "name")] == artifact.url_args
    return page if is_of_artifact and page.url_name in _LIVE_PAGES else None


def _render_parts(request: HttpRequest, page: ResolverMatch, **known: Any) -> HttpResponse:
    query = QueryDict(_open_url(request)[1])
    # The tag `query` builds links of the open page, not of the request for its parts.
    return _render_part(request, _context(request, page, query) | known | {"page_query": query, "is_answer": True})


def _render_part(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    response = render(request, "aliases/_live_updates.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _context(request: HttpRequest, page: ResolverMatch, query: QueryDict) -> dict[str, Any]:
    url_kwargs = dict(page.kwargs)
    if tab := _VERSION_TABS.get(page.url_name):
        version = get_version_for_display(request, **url_kwargs)
        return tab_contexts.version_head(version.artifact, version, tab)
    alias = url_kwargs.pop("alias", "")
    artifact = get_artifact_for_display(request, **url_kwargs)
    if page.url_name == "alias-history":
        return alias_tab_contexts.alias_history_page(request, artifact, alias, query)
    if page.url_name == "artifact-lineage":
        return tab_contexts.base_context(artifact, "lineage")
    return _TAB_CONTEXTS[page.url_name](request, artifact, query)


def _open_url(request: HttpRequest) -> tuple[str, str]:
    """Path and query string of the page that is open."""
    path, _, query = (request.htmx.current_url_abs_path or "").partition("?")
    return path, query.partition("#")[0]
