"""Middleware of the pages: signing in first, errors of verbs as pages, HTML that is private and compressed."""

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url

from core import database_errors, errors
from web import former_urls, rendering


class HtmxLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Leads to the sign-in page and back. HTMX, whose session ended meanwhile, is told to leave the page for it."""

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., HttpResponse]) -> HttpResponse:
        if not rendering.is_partial(request):
            return super().handle_no_permission(request, view_func)
        back = request.htmx.current_url_abs_path or "/"
        leave = redirect_to_login(back, resolve_url(self.get_login_url(view_func)))
        return HttpResponse(status=204, headers={"HX-Redirect": leave["Location"]})


class DomainErrorMiddleware:
    """Renders every refusal of a verb as a page, a part or a message, so that views have no try.

    DRF renders the API's own before they get here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, errors.RegistryError):
            return rendering.render_refusal(request, exception)
        refusal = database_errors.refusal(exception)
        return rendering.render_unavailable(request, str(refusal)) if refusal else None


class FormerNameMiddleware:
    """Leads from the URL of what was renamed to its new one, as long as the old name is kept for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        url = former_urls.find_new_url(request) if isinstance(exception, (Http404, errors.Missing)) else None
        # The method and its body go along; and it is not for ever, as the name may be somebody else's one day.
        return HttpResponseRedirect(url, preserve_request=True) if url else None


class PrivatePagesMiddleware:
    """No browser or proxy keeps a page, unless its view says so: after signing out, Back shows nothing any more."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class HtmlGZipMiddleware(GZipMiddleware):
    """Compresses HTML alone: what else the server sends is small, or compressed already, or not text.

    Django's own pads against guessing secrets by size.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.get("Content-Type", "").startswith("text/html"):
            return super().process_response(request, response)
        return response
