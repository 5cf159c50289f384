"""Limits on every request, before anything reads it."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from uuid_utils.compat import uuid7

from api.errors import is_api
from api.parsers import too_large
from core import errors
from wanllmdb import error_views

# What the middleware before `RequestLimitsMiddleware` looks at.
_ADDED_BY = ("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Django decodes the path, and leaves in percent form the bytes that are no UTF-8. A page's address may hold the name of
# a file that is of this form by itself.
_BROKEN_BYTE = re.compile(r"%[89A-F][0-9A-F]")


class RequestLimitsMiddleware:
    """Gives each request an id, and refuses what is too large or is no text.

    Under /api/ an address with a trailing slash is the same address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.id = request_id(request.META)
        refusal = _refusal(request)
        if refusal is None:
            _drop_trailing_slash(request)
            response = self.get_response(request)
        else:
            response = error_views.render_refusal(request, refusal)
        response["X-Request-ID"] = request.id
        return response


def request_id(meta: Mapping[str, Any]) -> str:
    """The one that the caller gave, or a new one. `meta` is the WSGI environment of the request."""
    given = meta.get("HTTP_X_REQUEST_ID", "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid7())


def common_headers(meta: Mapping[str, Any]) -> dict[str, str] | None:
    """The headers that every answer bears, for who answers without Django's middleware.

    None for a request that the middleware would answer by itself or refuse.
    """
    headers = _added(*(meta.get(name) for name in _ADDED_BY))
    return headers and headers | {"X-Request-ID": request_id(meta)}


@lru_cache(maxsize=100)
def _added(*values: str | None) -> dict[str, str] | None:
    """What the middleware before `RequestLimitsMiddleware` adds to an answer. All that it looks at is `_ADDED_BY`."""
    meta = {name: value for name, value in zip(_ADDED_BY, values, strict=True) if value is not None}
    request = WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO()} | meta)
    handler = _empty
    for path in reversed(
        settings.MIDDLEWARE[: settings.MIDDLEWARE.index("wanllmdb.middleware.RequestLimitsMiddleware")]
    ):
        handler = import_string(path)(handler)
    try:
        request.get_host()
    except DisallowedHost:
        return None
    answer = handler(request)
    return dict(answer.items()) if answer.status_code == HTTPStatus.OK else None


def _empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _refusal(request: HttpRequest) -> errors.RegistryError | None:
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or "0"
    if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower() or not length.isdecimal():
        return errors.Invalid("Send the body with a Content-Length.")
    if int(length) > settings.MAX_BODY_BYTES:
        return too_large()
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
