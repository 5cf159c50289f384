"""The search of every page."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from artifacts import search as registry_search
from artifacts.models import ArtifactAlias
from web import rendering

SHOWN = 6
PAGE_SIZE = 50


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=200)
    only = forms.ChoiceField(required=False, choices=[(kind, kind) for kind in registry_search.KINDS])

    def values(self) -> tuple[str, str]:
        self.is_valid()
        return self.cleaned_data.get("q", ""), self.cleaned_data.get("only", "")


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """A few hits of each kind, or all of one; straight to the hit where there is no other."""
    words, only = SearchForm(request.GET).values()
    if only and words:
        return _all_of(request, words, only)
    groups = registry_search.search(request.user, words, SHOWN)
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1 and not rendering.is_partial(request):
        hit = hits[0]
        if isinstance(hit, ArtifactAlias):
            return redirect("version", *hit.artifact.url_args, hit.version.version)
        return redirect(hit)
    return rendering.render_page(request, "search/search.html", {"groups": groups, "search_words": words})


def _all_of(request: HttpRequest, words: str, kind: str) -> HttpResponse:
    rows = registry_search.KINDS[kind](request.user, words)
    page = rendering.paginate(request, rows, PAGE_SIZE)
    group = registry_search.Group(kind, list(page), False)
    context = {"groups": [group] if group.hits else [], "search_words": words, "page": page, "only": kind}
    return rendering.render_page(request, "search/search.html", context)
