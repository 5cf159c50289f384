"""Limits on every request, before anything reads it."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse

from api.errors import is_api
from core import client_ip, errors, long_request_bodies, long_values, request_bodies
from core.request_id import current, request_id
from wandb_api.errors import is_wandb
from wanllmdb import error_views
from wanllmdb.request_metrics import ROUTE

# Django decodes the path, and leaves in percent form the bytes that are no UTF-8. A page's address may hold the name of
# a file that is of this form by itself.
_BROKEN_BYTE = re.compile(r"%[89A-F][0-9A-F]")


class RequestLimitsMiddleware:
    """Gives each request an id, and refuses what is too large or is no text. Believes proxies that are trusted alone.

    Under /api/ an address with a trailing slash is the same address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.id = request_id(request.META)
        client_ip.drop_untrusted_scheme(request.META)
        context = current.set(request.id)
        try:
            # Who that is, views find out.
            with long_values.one_request(lambda: str(request.user.pk)):
                return self._respond(request)
        finally:
            current.reset(context)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        refusal = _refusal(request)
        if refusal is None:
            _drop_trailing_slash(request)
            response = self.get_response(request)
        else:
            response = error_views.render_refusal(request, refusal)
        response["X-Request-ID"] = request.id
        if request.resolver_match is not None:
            request.META[ROUTE] = request.resolver_match.route
        return response


class LongRequestBodiesMiddleware:
    """Long forms are of people who have signed in: those of others are refused, and dropped. The API's parser does the
    same, and so do the views of the official client.

    It stands where the user is known and nothing has read the body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not long_request_bodies.is_long(request.META):
            return self.get_response(request)
        response = self._respond(request)
        # Of the API the view knows whose key it is.
        long_request_bodies.drop_unread(request, request.user)
        return response

    def _respond(self, request: HttpRequest) -> HttpResponse:
        if is_api(request) or is_wandb(request):
            return self.get_response(request)
        try:
            with long_request_bodies.receive(request.user):
                return self.get_response(request)
        except (errors.PayloadTooLarge, errors.Busy) as refusal:
            return error_views.render_refusal(request, refusal)


def _refusal(request: HttpRequest) -> errors.RegistryError | None:
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or "0"
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() or not length.isdecimal():
        return errors.Invalid("Send the body with a Content-Length.")
    limit = request_bodies.max_bytes(request.path_info)
    if int(length) > limit:
        return request_bodies.too_large(limit)
    if not (_is_path(request) and _is_query(meta.get("QUERY_STRING", ""))):
        return errors.Invalid("The URL contains bytes that are not UTF-8.")
    return None


def _is_path(request: HttpRequest) -> bool:
    path = request.path_info
    return "\0" not in path and not (is_api(request) and _BROKEN_BYTE.search(path))


def _is_query(query: str) -> bool:
    try:
        return "\0" not in unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        return False


def _drop_trailing_slash(request: HttpRequest) -> None:
    if is_api(request):
        request.path_info = request.path_info.rstrip("/")
        request.path = request.path.rstrip("/")
