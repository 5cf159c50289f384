"""Images, tables, histograms, sounds and HTML that a run logged: the newest of each key, or one key step by step."""

from typing import Any

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from projects.models import Run
from tracking import media
from tracking.media import MediaKey
from web import rendering, uploaded_content
from web.projects.lookups import get_run
from web.runs import media_grid, tabs
from web.runs.forms import MediaFilter

KEYS_A_PAGE = 24
# Of one key, where the page has many of them.
ITEMS_OF_KEY = 8
_KINDS = {
    "image": "Images",
    "table": "Tables",
    "histogram": "Histograms",
    "audio": "Audio",
    "video": "Videos",
    "html": "HTML",
    "file": "Other files",
}


@login_required
@require_safe
def media_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, **url_kwargs)
    filters = MediaFilter(request.GET)
    values = filters.values()
    keys = media.keys(run)
    context = tabs.context(run, "media")
    context |= _of_key(run, keys, values) if values["key"] else _of_all(request, run, keys, values["kind"])
    return csp_update(uploaded_content.PAGE_POLICY)(rendering.render_page)(request, "runs/media.html", context)


def _of_all(request: HttpRequest, run: Run, keys: list[MediaKey], kind: str) -> dict[str, Any]:
    shown = [key for key in keys if key.kind == kind] if kind in _KINDS else keys
    page = Paginator(shown, KEYS_A_PAGE).get_page(request.GET.get("page"))
    latest = media.latest(run, [key.name for key in page]) if shown else {}
    present = {key.kind for key in keys}
    cards = media_grid.cards(run, [(key, latest.get(key.name)) for key in page], ITEMS_OF_KEY)
    return {
        "cards": cards,
        "pictures": media_grid.pictures(run, cards),
        "page": page,
        "kind": kind if kind in _KINDS else "",
        "kinds": [(name, title) for name, title in _KINDS.items() if name in present],
    }


def _of_key(run: Run, keys: list[MediaKey], values: dict[str, Any]) -> dict[str, Any]:
    key = next((key for key in keys if key.name == values["key"]), None)
    if key is None:
        raise Http404(f"{values['key']} has no media.")
    page = media.page(run, key.name, values["before"] or None)
    records: list[media.Record] = page.records
    if not key.count and (record := media.of_summary(run, key.name)):
        records = [record]
    cards = media_grid.cards(run, [(key, record) for record in records], media.MAX_PAGE_ITEMS)
    return {
        "key": key,
        "cards": cards,
        "pictures": media_grid.pictures(run, cards),
        "earlier": page.next_line,
        "is_first": not values["before"],
    }
