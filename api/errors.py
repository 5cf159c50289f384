"""Error responses of the API: `application/problem+json` (RFC 9457)."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DatabaseError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

from core import database_errors, errors

CONTENT_TYPE = "application/problem+json"
_NOT_FOUND = "Not found, or you don't have access."
# Of a batch with 10,000 invalid entries, the first ones are reported.
MAX_FIELD_ERRORS = 100

# The codes for exceptions that Django and DRF raise.
_CODES: dict[type[Exception], str] = {
    exceptions.ValidationError: errors.Invalid.__name__,
    exceptions.ParseError: errors.Invalid.__name__,
    exceptions.PermissionDenied: errors.Denied.__name__,
    exceptions.NotFound: errors.Missing.__name__,
}
_TITLES = {kind.status: kind.title for kind in errors.RegistryError.__subclasses__()} | {401: "Not signed in"}
# Below the base of a hierarchy problems have types, by which clients of such services tell them.
HIERARCHY_BASE = "/h/"
_URN = "urn:servicekit:error:"
_FAILED_VALIDATION = "validation-failed"
_TYPE_OF_CODE = {
    "InvalidUlid": "invalid-ulid",
    "ImportRefused": _FAILED_VALIDATION,
    "InvalidData": _FAILED_VALIDATION,
    "LevelRefused": _FAILED_VALIDATION,
    "MoveRefused": _FAILED_VALIDATION,
}
_TYPE_OF_STATUS = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    412: "precondition-failed",
    413: "payload-too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
    503: "unavailable",
}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: an error as a response, or None for a bug."""
    request = context["request"]
    match exc:
        case errors.RegistryError():
            headers = {} if exc.retry_after is None else {"Retry-After": str(exc.retry_after)}
            return _respond(exc.status, str(exc), exc.code, request, headers, **exc.extra)
        case ModelValidationError():
            return handle(exceptions.ValidationError(as_serializer_error(exc)), context)
        case DatabaseError() if refusal := database_errors.refusal(exc):
            return handle(refusal, context)
        case Http404():
            # Django's own message names a class of ours.
            detail = str(exc) if exc.args and "matches the given query" not in str(exc) else _NOT_FOUND
            return _respond(404, detail, errors.Missing.__name__, request)
        case PermissionDenied():
            return _respond(403, str(exc) or "You do not have permission to do this.", errors.Denied.__name__, request)
        case exceptions.ValidationError():
            fields = flatten(exc.detail)
            return _respond(400, _summary(fields), errors.Invalid.__name__, request, errors=fields)
        case exceptions.APIException():
            code = _CODES.get(type(exc), type(exc).__name__)
            return _respond(exc.status_code, str(exc.detail), code, request, _headers(exc))
    return None


def problem(status: int, detail: str, code: str, request: Any, **extra: Any) -> dict[str, Any]:
    """The body of an error response."""
    request_id = getattr(request, "id", None)
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if request_id:
        body["request_id"] = request_id
    if request.path_info.startswith(HIERARCHY_BASE):
        body |= {"type": _type(status, code, extra), "instance": request.path_info, "trace_id": request_id}
    return body | extra


def problem_response(request: HttpRequest, status: int, detail: str, code: str, **extra: Any) -> JsonResponse:
    """An error response outside of DRF: from middleware, or for a URL that does not exist."""
    body = problem(status, detail, code, request, **extra)
    headers = {"Retry-After": str(errors.RETRY_AFTER_SECONDS)} if status == 503 else {}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """The first hundred of DRF's nested errors, as `{"files.3.path": [messages]}`."""
    row: dict[str, list[str]] = {}
    for name, message in _leaves(detail, path):
        if name not in row and len(row) == MAX_FIELD_ERRORS:
            break
        row.setdefault(name, []).append(message)
    return row


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", HIERARCHY_BASE))


def _type(status: int, code: str, extra: dict[str, Any]) -> str:
    """Of what is wrong with fields of a body or query, and of other faults by what they are."""
    if name := _TYPE_OF_CODE.get(code):
        return _URN + name
    if status == 400 and "errors" in extra:
        return _URN + _FAILED_VALIDATION
    return _URN + _TYPE_OF_STATUS.get(status, "internal")


def _respond(
    status: int, detail: str, code: str, request: Any, headers: dict[str, str] | None = None, **extra: Any
) -> Response:
    body = problem(status, detail, code, request, **extra)
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return headers


def _summary(fields: dict[str, list[str]]) -> str:
    (name, messages), *others = fields.items()
    first = messages[0] if name.endswith("non_field_errors") else f"{name}: {messages[0]}"
    return f"{first} ({len(others)} more under `errors`.)" if others else first


def _leaves(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            inside = isinstance(value, (dict, list))
            yield from _leaves(value, f"{path}.{index}".lstrip(".") if inside else path)
    else:
        yield path or "non_field_errors", str(detail)
