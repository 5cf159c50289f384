"""The requests that come most, on a short way: an alias followed, by its artifact's id or name, and an alias moved.

The views do the same and more. The way to them, through Django's middleware, the addresses and REST framework, takes
several times as long as the answer. So each of these is one query, which also asks whether the key still counts. What
is not plain goes on to the views: a key that is new here, another header or parameter, whatever is to be refused.
"""

import re
from collections.abc import Callable
from io import BytesIO
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import Serializer

from accounts.api.authentication import remembered
from accounts.api.parsers import BoundedJSONParser
from accounts.api.requests import checked, shown
from accounts.models import ApiKey
from accounts.origin import Origin
from artifacts import aliases, names, resolving
from artifacts.api import conditions
from artifacts.api.naming import AliasDetailSerializer, AliasMove, AliasSerializer
from artifacts.api.serializers import ResolvedSerializer
from artifacts.errors import RegistryError

Way = Callable[[HttpRequest, ApiKey, re.Match[str]], HttpResponse | None]

_JSON = "application/json"
_parser, _renderer = BoundedJSONParser(), JSONRenderer()


class Quick:
    """Middleware. It stands behind what adds headers and what refuses, and before what serves sessions and pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return _answer(request) or self.get_response(request)


def _answer(request: HttpRequest) -> HttpResponse | None:
    way, address = _way_of(request)
    if not (way and address and _is_plain(request)):
        return None
    request.get_host()  # Raises for a name that is not ours.
    key = remembered(request)
    if key is None:
        return None
    try:
        answer = way(request, key, address)
    except (RegistryError, APIException):
        # Nothing was done. The view finds the same, and says it as all views do.
        return None
    if answer is not None:
        key.note_use()
    return answer


def _way_of(request: HttpRequest) -> tuple[Way | None, re.Match[str] | None]:
    path = request.path_info
    if path.startswith("/api/v1/artifacts/"):
        for method, address, way in _WAYS:
            if method == request.method and (match := address.fullmatch(path)):
                return way, match
    return None, None


def _is_plain(request: HttpRequest) -> bool:
    said = request.META
    conditional = "HTTP_IF_MATCH" in said or "HTTP_IF_NONE_MATCH" in said
    return not conditional and said.get("HTTP_ACCEPT", "*/*") in ("*/*", _JSON)


def _follow(request: HttpRequest, key: ApiKey, address: re.Match[str]) -> HttpResponse | None:
    if request.META.get("QUERY_STRING"):
        return None
    found = resolving.follow(key.user, UUID(address[1]), address[2], key)
    return found and _json(AliasDetailSerializer, found, ETag=conditions.etag(found.version_id))


def _resolve(request: HttpRequest, key: ApiKey, address: re.Match[str]) -> HttpResponse | None:
    asked = _NAME_ALONE.fullmatch(request.META.get("QUERY_STRING", ""))
    if asked is None:
        return None
    found = resolving.at_once(key.user, asked[1].replace("%2F", "/"), asked[2] or names.LATEST, key=key)
    return found and _json(ResolvedSerializer, found)


def _move(request: HttpRequest, key: ApiKey, address: re.Match[str]) -> HttpResponse | None:
    if request.META.get("CONTENT_TYPE") != _JSON:
        return None
    data = checked(AliasMove, _parser.parse(BytesIO(request.body)))
    artifact = UUID(address[1])
    if data.pop("artifact_id", artifact) != artifact:
        return None
    expected = data.get("expected_version_id", aliases.ANYWHERE)
    origin = Origin.of(request, data.get("reason", ""), key)
    moved = aliases.move_at_once(key.user_id, artifact, data["alias"], data["version_id"], origin, expected)
    return moved and _json(AliasSerializer, moved.alias, ETag=conditions.etag(data["version_id"]))


def _json(serializer: type[Serializer], thing: object, **headers: str) -> HttpResponse:
    body = _renderer.render(shown(serializer, thing))
    headers |= {"Content-Length": str(len(body)), "Vary": "Cookie"}
    return HttpResponse(body, content_type=_JSON, headers=headers)


_NAME_ALONE = re.compile("name=((?:[A-Za-z0-9._/-]|%2F)+)(?:(?::|%3A)([A-Za-z0-9._-]+))?")
_ALIASES = "/api/v1/artifacts/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/aliases"
_WAYS: list[tuple[str, re.Pattern[str], Way]] = [
    ("GET", re.compile(f"{_ALIASES}/(?!(?:{'|'.join(names.RESERVED_ALIASES)})$)([^/]+)"), _follow),
    ("GET", re.compile("/api/v1/artifacts/resolve"), _resolve),
    ("POST", re.compile(_ALIASES), _move),
]
