"""The OpenAPI document and its page. Public: it tells how to ask, not what is there."""

from typing import Any

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from api.errors import CONTENT_TYPE
from core.csp import API_REFERENCE_EXCEPTIONS

PROBLEM = {
    "type": "object",
    "description": "Why a request failed (RFC 9457). Some codes add fields of their own.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence to show to people."},
        "code": {"type": "string", "description": "The kind of error, for programs."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "Messages for each field, by dotted path.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "additionalProperties": {},
}

_DESCRIPTIONS = {
    400: "The request is not valid.",
    401: "Not signed in, or the key is wrong or expired.",
    403: "You can see it, but do not have permission to do this.",
    404: "It does not exist, or you don't have access.",
    406: "The client asks for something other than JSON.",
    409: "The request conflicts with the current state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "A part of the system is unavailable; nothing was changed, try again.",
}


# GET requests that can conflict with the current state: bytes that have not arrived, a name of another type.
_MAY_CONFLICT = ("/download-url", "/content", "/resolve")


class SchemaView(SpectacularAPIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(exclude=True)
    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)


@method_decorator(csp_update(API_REFERENCE_EXCEPTIONS), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    permission_classes = [AllowAny]
    authentication_classes = []


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wllm_…"}


def document_problems(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Postprocessing hook: add the possible error responses to every operation."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                operation["responses"].setdefault(str(status), _response(status))
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> list[int]:
    statuses = [400, 401, 403, 404, 406]
    if method != "get" or path.endswith(_MAY_CONFLICT):
        statuses.append(409)
    if method != "get":
        statuses += [413, 415] if "requestBody" in operation else [413]
    if "/artifacts" in path or "-artifact" in path:
        statuses.append(503)
    return statuses


def _response(status: int) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _DESCRIPTIONS[status], "content": content}
