"""How views render: a page, or only the part that HTMX asked for; forms, redirects with a message, and refusals."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme

from core import bounded_count, csp, errors
from web import display
from web.tables import View

MAX_REFUSALS = 4


def is_partial(request: HttpRequest) -> bool:
    """Whether HTMX asked, and not to restore a page from its history."""
    # What the first middleware refuses has not met HTMX's.
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request


def render_page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """`folder/name.html`, or to HTMX only `folder/_name.html`, which the page includes."""
    folder, _, name = template.rpartition("/")
    response = render(request, f"{folder}/_{name}" if is_partial(request) else template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


class BoundedPaginator(Paginator):
    """Pages with a total, of the first rows up to a limit. What lies behind it costs nothing: filters lead there."""

    def __init__(self, rows: QuerySet, size: int, limit: int) -> None:
        super().__init__(rows, size)
        self._limit = limit

    @cached_property
    def count(self) -> int:
        return min(self._bounded_count, self._limit)

    @property
    def total(self) -> str:
        return bounded_count.format_count(self._bounded_count, self._limit)

    @property
    def is_over_limit(self) -> bool:
        return self._bounded_count >= self._limit

    @cached_property
    def _bounded_count(self) -> int:
        return bounded_count.count(self.object_list, self._limit)


def paginate(query: QueryDict, rows: QuerySet, size: int, prefix: str = "", *, is_filtered: bool = False) -> Page:
    """The page of these rows that the query string asks for, or the one that is nearest to it; `prefix` is as in
    `tables.chosen`.

    Of rows that are filtered fewer are counted. A list that is sorted among its newest rows is not one of these: as
    many are counted as are sorted, so that it can say whether there are others.
    """
    limit = bounded_count.FILTERED_COUNT_LIMIT if is_filtered else bounded_count.COUNT_LIMIT
    return BoundedPaginator(rows, size, limit).get_page(query.get(f"{prefix}page"))


class ListPaginator(Paginator):
    """Pages of what is there already."""

    @property
    def total(self) -> str:
        return f"{self.count:,}"


def paginate_list(query: QueryDict, items: Sequence[Any], size: int, prefix: str = "") -> Page:
    """The same of a list, all of which is counted."""
    return ListPaginator(items, size).get_page(query.get(f"{prefix}page"))


def total(rows: QuerySet) -> str:
    """How many rows there are, in words: `10,000+` for any that are more."""
    return bounded_count.format_count(bounded_count.count(rows))


def redirect_with_message(request: HttpRequest, message: str, to: Any, *args: Any) -> HttpResponse:
    """After a form was carried out: on to another page, which shows the message. `to` is as `redirect` takes it."""
    messages.success(request, message)
    if is_partial(request):
        return HttpResponse(status=204, headers={"HX-Redirect": resolve_url(to, *args)})
    return redirect(to, *args)


def render_form(
    request: HttpRequest,
    form: Form | None,
    heading: str,
    message: str = "",
    *,
    submit_label: str,
    back: Any,
    danger: bool = False,
    facts: Sequence[Any] = (),
    refusals: Sequence[str] = (),
    warning: Any = None,
) -> HttpResponse:
    """A question with a button to submit it, and the fields of a form, if there is one: a page, or a dialog.

    `facts` are lines of `web.deletion`, `warning` is one of `web.lineage.warnings`. Where there are `refusals`, they
    stand in place of the message, the fields and the button.
    """
    context = {
        "facts": facts,
        "refusals": refusals[:MAX_REFUSALS],
        "warning": warning,
        "form": form,
        "heading": heading,
        "message": message,
        "submit_label": submit_label,
        "back": resolve_url(back),
        "danger": danger,
    }
    is_refused = form is not None and form.is_bound
    return render_page(request, "components/form_page.html", context, status=422 if is_refused else 200)


def render_column_picker(request: HttpRequest, keys: list[str], view: View, url: str) -> HttpResponse:
    """A form that leads back to the table at `url`, with the rest of its query string, and the columns that are ticked.

    `keys` are offered beside those that the table has already.
    """
    chosen = [column.name for column in view.columns]
    kept = [
        (name, value) for name in request.GET if name not in ("column", "page") for value in request.GET.getlist(name)
    ]
    offered = [(name, name in chosen) for name in dict.fromkeys([*chosen, *keys])]
    context = {"offered": offered, "kept": kept, "list_url": url}
    return render_page(request, "components/column_picker.html", context)


def post_data(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with. It may be nothing: a box that is not ticked is not sent."""
    return request.POST if request.method == "POST" else None


def safe_return_url(request: HttpRequest, default: str) -> str:
    """The page of ours that the query string names as `back`."""
    url = request.GET.get("back", "")
    is_ours = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_ours else default


def render_refusal(request: HttpRequest, refusal: errors.RegistryError) -> HttpResponse:
    """A verb's refusal: where the form was, or as a problem."""
    if request.method == "POST" and refusal.status in (400, 409) and not is_partial(request):
        messages.error(request, str(refusal))
        return redirect(referring_page(request))
    return render_problem(request, refusal.status, refusal.title, str(refusal), refusal.retry_after)


def takes_no_page(request: HttpRequest) -> bool:
    """Whether a page is of no use as the answer: at the URL of a file's bytes, or for an `<img>`."""
    return csp.is_sandboxed(request) or request.headers.get("Accept", "").startswith("image/")


def render_text(status: int, message: str) -> HttpResponse:
    """What went wrong where no page is of use, in a few bytes."""
    headers = {"Cache-Control": "private, no-store"}
    return HttpResponse(f"{message}\n", content_type="text/plain; charset=utf-8", status=status, headers=headers)


def render_problem(
    request: HttpRequest, status: int, title: str, message: str, retry_after: int | None = None
) -> HttpResponse:
    """What went wrong: to HTMX as a message for the form or a toast, else as a page of our own, or as a text."""
    if takes_no_page(request):
        response = render_text(status, message)
    elif is_partial(request):
        response = HttpResponse(status=status, headers={"X-Refusal": quote(message), "HX-Reswap": "none"})
    else:
        context = {"status": status, "title": title, "message": message}
        response = render(request, "errors/error.html", context, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def render_unavailable(request: HttpRequest, message: str) -> HttpResponse:
    """A 503 that asks nothing of the database, nor of any other part that may be away."""
    if is_partial(request) or takes_no_page(request):
        return render_problem(request, 503, "Unavailable", message, errors.RETRY_AFTER_SECONDS)
    context = {"request_id": getattr(request, "id", ""), "static": settings.STATIC_URL, "unavailable": message}
    context["display"] = display.of(request)
    page = render_to_string("errors/server_error.html", context)
    return HttpResponse(page, status=503, headers={"Retry-After": str(errors.RETRY_AFTER_SECONDS)})


def add_htmx_trigger(response: HttpResponse, **events: Any) -> HttpResponse:
    """Let the browser hear these events once the response has been swapped in."""
    response["HX-Trigger"] = json.dumps(events)
    return response


def referring_page(request: HttpRequest) -> str:
    """The page of ours that the request comes from, filters and all, or home."""
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        parts = urlsplit(referer)
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return reverse("home")
