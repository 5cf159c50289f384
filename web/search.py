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
from web.forms import QueryField, SearchForm

MAX_HITS_PER_KIND = 6
PAGE_SIZE = 50


class SiteSearchForm(SearchForm):
    q = QueryField()
    only = forms.ChoiceField(required=False, choices=[(kind, kind) for kind in registry_search.KINDS])


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """A few hits of each kind, or all of one; straight to the hit where there is no other."""
    form = SiteSearchForm(request.GET)
    filters = form.values()
    text, kind = filters["q"], filters["only"]
    context = {"search_text": form.query["text"], "query": form.query}
    if form.query["fault"]:
        return rendering.render_page(request, "search/search.html", context, status=422)
    parsed = form.as_search(request.user)
    if kind and text:
        page = rendering.paginate(request.GET, registry_search.of_kind(parsed, kind), PAGE_SIZE, is_filtered=True)
        group = registry_search.Group(kind, list(page), False)
        if kind == "artifacts":
            excerpts.attach(group.hits)
        context |= {"groups": [group] if group.hits else [], "page": page, "only": kind}
        return rendering.render_page(request, "search/search.html", context)
    groups = registry_search.search(parsed, MAX_HITS_PER_KIND)
    excerpts.attach(hit for group in groups if group.kind == "artifacts" for hit in group.hits)
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1 and not rendering.is_partial(request):
        hit = hits[0]
        if isinstance(hit, ArtifactAlias):
            return redirect("version", *hit.artifact.url_args, hit.version.version)
        return redirect(hit)
    return rendering.render_page(request, "search/search.html", context | {"groups": groups})
