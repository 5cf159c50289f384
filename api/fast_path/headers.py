"""The headers that every response bears, without the middleware that adds them."""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from core.request_id import request_id

# What the middleware before `RequestLimitsMiddleware` looks at.
_INPUTS = ("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT")
_LIMITS = "wanllmdb.middleware.RequestLimitsMiddleware"


def common_headers(environ: Mapping[str, Any]) -> dict[str, str] | None:
    """None for a request that the middleware would answer by itself or refuse."""
    headers = _middleware_headers(*(environ.get(name) for name in _INPUTS))
    return headers and headers | {"X-Request-ID": request_id(environ)}


@lru_cache(maxsize=100)
def _middleware_headers(*inputs: str | None) -> dict[str, str] | None:
    """What the middleware before `RequestLimitsMiddleware` adds to a response to a request with these inputs."""
    environ = {name: value for name, value in zip(_INPUTS, inputs, strict=True) if value is not None}
    request = WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO()} | environ)
    handler = _empty_response
    for path in reversed(settings.MIDDLEWARE[: settings.MIDDLEWARE.index(_LIMITS)]):
        handler = import_string(path)(handler)
    try:
        request.get_host()
    except DisallowedHost:
        return None
    response = handler(request)
    return dict(response.items()) if response.status_code == HTTPStatus.OK else None


def _empty_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
