"""The search field of every page, and its results."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from artifacts import search as registry_search
from artifacts.aliases import excerpts
from artifacts.models import ArtifactAlias
from web import rendering
from web.forms import FilterForm

MAX_HITS_PER_KIND = 6
PAGE_SIZE = 50


class SearchForm(FilterForm):
    q = forms.CharField(required=False, max_length=200)
    only = forms.ChoiceField(required=False, choices=[(kind, kind) for kind in registry_search.KINDS])


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """A few hits of each kind, or all of one; straight to the hit where there is no other."""
    filters = SearchForm(request.GET).values()
    text, kind = filters["q"], filters["only"]
    if kind and text:
        return _render_kind(request, text, kind)
    groups = registry_search.search(request.user, text, MAX_HITS_PER_KIND)
    excerpts.attach(hit for group in groups if group.kind == "artifacts" for hit in group.hits)
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1 and not rendering.is_partial(request):
        hit = hits[0]
        if isinstance(hit, ArtifactAlias):
            return redirect("version", *hit.artifact.url_args, hit.version.version)
        return redirect(hit)
    return rendering.render_page(request, "search/search.html", {"groups": groups, "search_text": text})


def _render_kind(request: HttpRequest, text: str, kind: str) -> HttpResponse:
    rows = registry_search.KINDS[kind](request.user, text)
    page = rendering.paginate(request.GET, rows, PAGE_SIZE)
    group = registry_search.Group(kind, list(page), False)
    if kind == "artifacts":
        excerpts.attach(group.hits)
    context = {"groups": [group] if group.hits else [], "search_text": text, "page": page, "only": kind}
    return rendering.render_page(request, "search/search.html", context)
