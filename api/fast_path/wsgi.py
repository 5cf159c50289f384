"""The commonest requests, answered before Django makes a request of them: see README.md, beside this file."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, Error, connections
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import Serializer

from accounts.models import ApiKey
from api.aliases import preconditions
from api.aliases.serializers import AliasDetailSerializer
from api.artifacts.serializers import ResolvedSerializer
from api.fast_path import queries
from api.fast_path.headers import common_headers
from api.fast_path.keys import get_key
from api.serialization import serialize
from artifacts import link_sources, validators

Environ = dict[str, Any]
# Body and headers of a response with status 200.
Answer = tuple[bytes, dict[str, str]]
View = Callable[[Environ, ApiKey, re.Match[str]], Answer | None]

_JSON = "application/json"
_UNCOMMON_HEADERS = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_TRANSFER_ENCODING"}
_renderer = JSONRenderer()


class AliasFastPath:
    """A WSGI application that stands before Django's."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = _answer(environ)
        if answer is None:
            return self.application(environ, start_response)
        body, headers = answer
        start_response("200 OK", list(headers.items()))
        return [body]


def _answer(environ: Environ) -> Answer | None:
    """None for all that Django is to answer."""
    view, match = _match_view(environ)
    if view is None or not _is_plain(environ):
        return None
    headers = common_headers(environ)
    if headers is None:
        return None
    database = connections[DEFAULT_DB_ALIAS]
    # To check the connection would cost a query; the one that there is finds out by itself.
    database.health_check_done = True
    try:
        key = get_key(environ)
        answer = view(environ, key, match) if key else None
        if answer is None:
            return None
        key.record_use()
    except (APIException, Error):
        # The view finds the same and says it as all views do; or, where the connection was lost, asks on another.
        return None
    finally:
        # As Django does after each request; a transaction about it is not ours to end.
        if not database.in_atomic_block:
            database.close_if_unusable_or_obsolete()
    body, more = answer
    return body, headers | more


def _match_view(environ: Environ) -> tuple[View | None, re.Match[str] | None]:
    path = environ["PATH_INFO"]
    if environ["REQUEST_METHOD"] == "GET" and path.startswith("/api/v1/artifacts/"):
        for pattern, view, route in _VIEWS:
            if match := pattern.fullmatch(path):
                # For who counts requests: the same as of the view, which sets it again where it answers.
                environ["wanllmdb.route"] = route
                return view, match
    return None, None


def _is_plain(environ: Environ) -> bool:
    return environ.keys().isdisjoint(_UNCOMMON_HEADERS) and environ.get("HTTP_ACCEPT", "*/*") in ("*/*", _JSON)


def _get_alias(environ: Environ, key: ApiKey, match: re.Match[str]) -> Answer | None:
    if environ.get("QUERY_STRING"):
        return None
    alias = queries.get_alias(key, UUID(match[1]), match[2])
    if alias is None:
        return None
    link_sources.attach(key.user, [alias.version])
    return _render(AliasDetailSerializer, alias, ETag=preconditions.etag(alias.version_id))


def _resolve(environ: Environ, key: ApiKey, _match: re.Match[str]) -> Answer | None:
    query = _NAME_ONLY.fullmatch(environ.get("QUERY_STRING", ""))
    if query is None:
        return None
    row = queries.resolve(key, query[1].replace("%2F", "/"), query[2] or validators.LATEST)
    if row is None:
        return None
    link_sources.attach(key.user, [row.version])
    return _render(ResolvedSerializer, row)


def _render(serializer: type[Serializer], instance: object, **headers: str) -> Answer:
    body = _renderer.render(serialize(serializer, instance))
    return body, {"Content-Type": _JSON, "Content-Length": str(len(body)), "Vary": "Cookie"} | headers


_NAME_ONLY = re.compile("name=((?:[A-Za-z0-9._/-]|%2F)+)(?:(?::|%3A)([A-Za-z0-9._-]+))?")
_ALIAS_PATH = re.compile(
    "/api/v1/artifacts/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/aliases/"
    f"(?!(?:{'|'.join(validators.RESERVED_ALIASES)})$)([A-Za-z0-9._-]+)"
)
_VIEWS: list[tuple[re.Pattern[str], View, str]] = [
    (_ALIAS_PATH, _get_alias, "api/v1/artifacts/<uuid:artifact_id>/aliases/<str:alias>"),
    (re.compile("/api/v1/artifacts/resolve"), _resolve, "api/v1/artifacts/resolve"),
]
