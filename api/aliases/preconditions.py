"""Where a caller expects an alias to be, by headers or in the body; and the ETag that says where it is."""

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
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: only if there is no alias of that name."
)
KNOWN = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of an answer that you have: 304 if it holds."
)
WRITES = [IF_MATCH, IF_NONE_MATCH]


def etag(version_id: UUID) -> str:
    """It changes when the alias moves, and only then."""
    return f'"{version_id}"'


def expected(request: Request, data: dict[str, Any]) -> Expected:
    """Where the alias has to be, by `If-Match`, `If-None-Match` or the body's `expected_version_id`, here taken out.

    Raises `Invalid` for headers of another form, and where they differ.
    """
    expectations = _of_headers(request)
    if "expected_version_id" in data:
        expectations.append(data.pop("expected_version_id"))
    if len(set(expectations)) > 1:
        raise errors.Invalid("If-Match, If-None-Match and expected_version_id expect different things: send one.")
    return expectations[0] if expectations else NO_EXPECTATION


def reject_preconditions(request: Request) -> None:
    """Raise `Invalid` for a condition on a call that moves several aliases: it would be believed to hold for one."""
    if "If-Match" in request.headers or "If-None-Match" in request.headers:
        raise errors.Invalid(
            "This moves several aliases: If-Match and If-None-Match are for one. Use `PUT` with `expected`."
        )


def is_not_modified(request: Request, version_id: UUID) -> bool:
    """Whether the caller has what a GET would answer, by `If-None-Match` as HTTP compares it."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    return known == ["*"] or etag(version_id) in [each.removeprefix("W/") for each in known]


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
