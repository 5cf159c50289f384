"""The requests that come most, on a short way: an alias followed, by its artifact's id or name, and an alias moved.

The views do the same and more. The way to them, through Django's middleware, the addresses and REST framework, takes
several times as long as the answer. So each of these is one query, which also asks whether the key still counts. What
is not plain goes on to the views: a key that is new here, another header or parameter, whatever is to be refused.
"""

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
from api.authentication import cached_key
from api.parsers import BoundedJSONParser
from api.serialization import serialize
from artifacts import name_resolution, validators
from artifacts.errors import RegistryError
from wanllmdb.middleware import common_headers

Environ = dict[str, Any]
Answer = tuple[bytes, dict[str, str]]
Way = Callable[[Environ, ApiKey, re.Match[str]], Answer | None]

_JSON = "application/json"
_MAX_BODY_BYTES = 10_000
_NOT_PLAIN = {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_TRANSFER_ENCODING"}
_parser, _renderer = BoundedJSONParser(), JSONRenderer()


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
    way, address = _way_of(environ)
    key = cached_key(environ) if way and _is_plain(environ) else None
    headers = common_headers(environ) if key else None
    if not (way and address and key and headers):
        return None
    database = connections[DEFAULT_DB_ALIAS]
    # To check the connection would cost a query; the one that there is finds out by itself.
    database.health_check_done = True
    try:
        answer = way(environ, key, address)
        if answer is None:
            return None
        key.note_use()
    except (RegistryError, APIException, Error):
        # The view finds the same and says it as all views do; or, where the connection was lost, asks on another.
        return None
    finally:
        # As Django does after each request; a transaction about it is not ours to end.
        if not database.in_atomic_block:
            database.close_if_unusable_or_obsolete()
    body, more = answer
    return body, headers | more


def _way_of(environ: Environ) -> tuple[Way | None, re.Match[str] | None]:
    path = environ["PATH_INFO"]
    if path.startswith("/api/v1/artifacts/"):
        for method, address, way in _WAYS:
            if method == environ["REQUEST_METHOD"] and (match := address.fullmatch(path)):
                return way, match
    return None, None


def _is_plain(environ: Environ) -> bool:
    return environ.keys().isdisjoint(_NOT_PLAIN) and environ.get("HTTP_ACCEPT", "*/*") in ("*/*", _JSON)


def _follow(environ: Environ, key: ApiKey, address: re.Match[str]) -> Answer | None:
    if environ.get("QUERY_STRING"):
        return None
    found = name_resolution.get_alias(key.user, UUID(address[1]), address[2], key)
    return found and _json(AliasDetailSerializer, found, ETag=preconditions.etag(found.version_id))


def _resolve(environ: Environ, key: ApiKey, address: re.Match[str]) -> Answer | None:
    asked = _NAME_ALONE.fullmatch(environ.get("QUERY_STRING", ""))
    if asked is None:
        return None
    found = name_resolution.resolve_in_one_query(
        key.user, asked[1].replace("%2F", "/"), asked[2] or validators.LATEST, key=key
    )
    return found and _json(ResolvedSerializer, found)


def _json(serializer: type[Serializer], thing: object, **headers: str) -> Answer:
    body = _renderer.render(serialize(serializer, thing))
    return body, {"Content-Type": _JSON, "Content-Length": str(len(body)), "Vary": "Cookie"} | headers


_NAME_ALONE = re.compile("name=((?:[A-Za-z0-9._/-]|%2F)+)(?:(?::|%3A)([A-Za-z0-9._-]+))?")
_ALIASES = "/api/v1/artifacts/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/aliases"
_WAYS: list[tuple[str, re.Pattern[str], Way]] = [
    ("GET", re.compile(f"{_ALIASES}/(?!(?:{'|'.join(validators.RESERVED_ALIASES)})$)([A-Za-z0-9._-]+)"), _follow),
    ("GET", re.compile("/api/v1/artifacts/resolve"), _resolve),
]
