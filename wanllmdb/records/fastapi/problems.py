"""What a service answers when it refuses: problem details as of RFC 9457, with the types of the server."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wanllmdb.records import errors
from wanllmdb.sdk.errors import Conflict, Denied, Invalid, NotFound, WanLLMDBError

CONTENT_TYPE = "application/problem+json"
MAX_FIELD_ERRORS = 100
_URN = "urn:servicekit:error:"
# The first class that fits.
_BY_CLASS: tuple[tuple[type[WanLLMDBError], int, str], ...] = (
    (errors.OperationDisabled, 405, "method-not-allowed"),
    (errors.InvalidUlid, 400, "invalid-ulid"),
    (errors.InvalidData, 400, "validation-failed"),
    (errors.LevelRefused, 400, "validation-failed"),
    (errors.MoveRefused, 400, "validation-failed"),
    (errors.ImportRefused, 400, "validation-failed"),
    (Denied, 403, "forbidden"),
    (NotFound, 404, "not-found"),
    (Conflict, 409, "conflict"),
    (Invalid, 400, "bad-request"),
)
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not-acceptable",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "payload-too-large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
}


class ProblemRoute(APIRoute):
    """A route that answers what its endpoint raises. Errors that are none of ours go on to the application."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_or_refuse(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                return _of_fields(request, error.errors())
            except ValidationError as error:
                return _of_fields(request, error.errors(include_url=False, include_input=False))
            except WanLLMDBError as error:
                return _of_error(request, error)
            except HTTPException as error:
                kind = _BY_STATUS.get(HTTPStatus(error.status_code), "bad-request")
                return problem(request, error.status_code, kind, str(error.detail), headers=error.headers)

        return answer_or_refuse


def problem(
    request: Request, status: int, kind: str, detail: str, *, headers: Any = None, **members: Any
) -> JSONResponse:
    """A response whose body says what was wrong. `trace_id` is the client's `X-Request-ID`, if it sent one."""
    trace_id = request.headers.get("X-Request-ID", "")[:64] or str(uuid4())
    body = {
        "type": f"{_URN}{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "trace_id": trace_id,
        **members,
    }
    headers = {**(headers or {}), "X-Request-ID": trace_id}
    return JSONResponse(body, status, headers, media_type=CONTENT_TYPE)


def _of_error(request: Request, error: WanLLMDBError) -> JSONResponse:
    for kind, status, name in _BY_CLASS:
        if isinstance(error, kind):
            members: dict[str, Any] = {"code": type(error).__name__}
            if isinstance(error, errors.InvalidData) and error.problems:
                members["errors"] = {field: [text] for field, text in error.problems.items()}
            if isinstance(error, errors.ImportRefused) and error.line is not None:
                members["line"] = error.line
            return problem(request, status, name, str(error), **members)
    raise error


def _of_fields(request: Request, found: Any) -> JSONResponse:
    """For a body or a query that is not what it should be: a sentence for each field."""
    wrong: dict[str, list[str]] = {}
    for entry in list(found)[:MAX_FIELD_ERRORS]:
        place = [str(part) for part in entry["loc"] if part not in ("body", "query", "path")]
        # A refusal of ours is a ValueError, to which pydantic puts two words.
        message = entry["msg"].removeprefix("Value error, ")
        wrong.setdefault(".".join(place) or "body", []).append(message)
        if isinstance((entry.get("ctx") or {}).get("error"), errors.InvalidUlid):
            return problem(request, 400, "invalid-ulid", message, code="InvalidUlid", errors=wrong)
    detail = "; ".join(f"{name}: {messages[0]}" for name, messages in wrong.items())
    return problem(request, 400, "validation-failed", detail, code="Invalid", errors=wrong)
