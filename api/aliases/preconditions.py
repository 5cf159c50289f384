"""The expected version of an alias, from headers or the body; and the ETag of an alias, its current version."""

import re
from typing import Any
from uuid import UUID

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from artifacts import errors
from artifacts.aliases.aliases import NO_EXPECTATION, Expected

_ETAG = re.compile(r'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')
_EXAMPLE = '"01a1fa3f-7512-74a6-9dc4-398839ede2f1"'

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description=f"Only if the alias is at this version: {_EXAMPLE}."
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: only if the alias does not exist."
)
KNOWN = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of an earlier response: 304 if it has not changed.",
)
WRITES = [IF_MATCH, IF_NONE_MATCH]


def etag(version_id: UUID) -> str:
    """Changes when the alias moves, and only then."""
    return f'"{version_id}"'


def expected(request: Request, data: dict[str, Any]) -> Expected:
    """The version required by `If-Match`, `If-None-Match` or `expected_version_id`, which is removed from the body.

    Raises `Invalid` for malformed headers, and if they contradict each other.
    """
    expectations = _of_headers(request)
    if "expected_version_id" in data:
        expectations.append(data.pop("expected_version_id"))
    if len(set(expectations)) > 1:
        raise errors.Invalid("If-Match, If-None-Match and expected_version_id expect different things: send one.")
    return expectations[0] if expectations else NO_EXPECTATION


def reject_preconditions(request: Request) -> None:
    """Raise `Invalid` for a precondition on a request for several aliases, where it could apply to only one of them."""
    if "If-Match" in request.headers or "If-None-Match" in request.headers:
        raise errors.Invalid(
            "This moves several aliases: If-Match and If-None-Match are for one. Use `PUT` with `expected`."
        )


def is_not_modified(request: Request, version_id: UUID) -> bool:
    """Whether the client already has the current state, by `If-None-Match` with the weak comparison of HTTP."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return known == ["*"] or etag(version_id) in [tag.removeprefix("W/") for tag in known]


def _of_headers(request: Request) -> list[UUID | None]:
    expectations: list[UUID | None] = []
    if (text := request.headers.get("If-Match")) is not None:
        match = _ETAG.fullmatch(text.strip())
        if match is None:
            raise errors.Invalid(f"If-Match takes one version's id in quotes, as the ETag of an alias is: {_EXAMPLE}.")
        expectations.append(UUID(match[1]))
    if (text := request.headers.get("If-None-Match")) is not None:
        if text.strip() != "*":
            raise errors.Invalid("If-None-Match takes * alone here: there is to be no alias of that name.")
        expectations.append(None)
    return expectations
