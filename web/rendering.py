"""How a page is answered: whole, or only the part that HTMX asked for."""

import json
from typing import Any
from urllib.parse import quote, urlsplit

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme

from core import bounded_count, errors


def is_partial(request: HttpRequest) -> bool:
    """Whether HTMX asked, and not to restore a page from its history."""
    # What is refused at the first gate has not met HTMX's middleware.
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request


def render_page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """`folder/name.html`, or to HTMX only `folder/_name.html`, which the page includes."""
    folder, _, name = template.rpartition("/")
    shown = f"{folder}/_{name}" if is_partial(request) else template
    response = render(request, shown, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


class BoundedPaginator(Paginator):
    """Pages with a total, of the first `MOST_COUNTED` rows. What lies behind them costs nothing: filters lead there."""

    @cached_property
    def count(self) -> int:
        return min(self._found, bounded_count.COUNT_LIMIT)

    @property
    def total(self) -> str:
        return bounded_count.format_count(self._found)

    @cached_property
    def _found(self) -> int:
        return bounded_count.count(self.object_list)


def paginate(request: HttpRequest, rows: QuerySet, size: int) -> Page:
    """The page of these rows that the address asks for, or the one that is nearest to it."""
    return BoundedPaginator(rows, size).get_page(request.GET.get("page"))


def total(rows: QuerySet) -> str:
    """How many rows there are, in words: `10,000+` for any that are more."""
    return bounded_count.format_count(bounded_count.count(rows))


def redirect_with_message(request: HttpRequest, sentence: str, to: str) -> HttpResponse:
    """After a form was carried out: on to another page, which tells of it."""
    messages.success(request, sentence)
    if is_partial(request):
        return HttpResponse(status=204, headers={"HX-Redirect": to})
    return redirect(to)


def render_form(
    request: HttpRequest,
    form: Form | None,
    heading: str,
    sentence: str = "",
    *,
    verb: str,
    back: str,
    danger: bool = False,
) -> HttpResponse:
    """A question with a button that says `verb`, and the fields of a form, if there is one: a page, or a dialog."""
    context = {"form": form, "heading": heading, "sentence": sentence, "verb": verb, "back": back, "danger": danger}
    return render_page(
        request, "components/form_page.html", context, status=422 if form is not None and form.is_bound else 200
    )


def safe_return_url(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that the address names as `back`."""
    named = request.GET.get("back", "")
    local = named.startswith("/") and url_has_allowed_host_and_scheme(named, allowed_hosts=None)
    return named if local else otherwise


def render_refusal(request: HttpRequest, refusal: errors.RegistryError) -> HttpResponse:
    """A verb's refusal: where the form was, or as a problem."""
    if request.method == "POST" and refusal.status in (400, 409) and not is_partial(request):
        messages.error(request, str(refusal))
        return redirect(_came_from(request))
    return render_problem(request, refusal.status, refusal.title, str(refusal))


def render_problem(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    """What went wrong: to HTMX as a sentence for the form or a toast, else as a page of our own."""
    if is_partial(request):
        response = HttpResponse(status=status, headers={"X-Refusal": quote(sentence), "HX-Reswap": "none"})
    else:
        context = {"status": status, "title": title, "sentence": sentence}
        response = render(request, "errors/error.html", context, status=status)
    if status == 503:
        response["Retry-After"] = str(errors.RETRY_AFTER_SECONDS)
    return response


def add_htmx_trigger(response: HttpResponse, **events: Any) -> HttpResponse:
    """Let the browser hear these events once the response has been swapped in."""
    response["HX-Trigger"] = json.dumps(events)
    return response


def _came_from(request: HttpRequest) -> str:
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        parts = urlsplit(referer)
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return reverse("home")
