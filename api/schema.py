"""The OpenAPI document and its page. Public: it tells how to ask, not what is there."""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from api import reference
from api.errors import CONTENT_TYPE, HIERARCHY_BASE

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
    405: "The hierarchy has this operation switched off; `Allow` says which are on.",
    406: "The client asks for something other than JSON.",
    409: "The request conflicts with the current state.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "A part of the system is unavailable; nothing was changed, try again.",
}


# What operations are about, by the beginning of their ids: the longest that fits.
GROUPS = {
    "Artifacts": "Models, datasets, code and files, each with its versions.",
    "Versions": "Drafts, which become immutable when they are finalized, and what is known of them.",
    "Files": "The bytes of a version: they go to and from the object store, by signed URLs.",
    "Aliases": "Names for versions, such as `latest` and `production`, and the history of where they pointed.",
    "Lineage": "What versions were made from, what was made from them, and what a change of one affects.",
    "Alias rules": "Who can move which alias, and which moves need approval.",
    "Proposals": "Moves of protected aliases that need approval from someone else.",
    "Runs": "Runs with their config, summary and history, and what they logged and used.",
    "Hierarchies": "Trees of records in a project, with a label for each level and an API of its own for each.",
    "Retention": "What of a hierarchy's records goes, and the archives of what went.",
    "Records": "Records of one hierarchy, each with JSON data: below the base of that hierarchy.",
    "Projects": "Projects of teams, in which runs and artifacts are.",
    "Teams": "Teams, their members and the invitations to them.",
    "External stores": "Buckets of a team that its references lead into, for which the server signs URLs.",
    "Webhooks": "URLs of yours that are called when something happens in a project, and their deliveries.",
    "Notifications": "Your inbox, and what you watch.",
    "You and your keys": "The current user and the API keys.",
    "The server": "Its version, and the way to its object store.",
}
_GROUP_OF_PREFIX = {
    "alias_proposals": "Proposals",
    "alias_rules": "Alias rules",
    "aliases": "Aliases",
    "artifacts": "Artifacts",
    "artifacts_lineage": "Lineage",
    "artifacts_runs": "Runs",
    "data_indexes": "Hierarchies",
    "external_stores": "External stores",
    "files": "Files",
    "hierarchies": "Hierarchies",
    "inbox": "Notifications",
    "invitations": "Teams",
    "keys": "You and your keys",
    "me": "You and your keys",
    "members": "Teams",
    "projects": "Projects",
    "record_archives": "Retention",
    "records": "Records",
    "retention": "Retention",
    "runs": "Runs",
    "runs_lineage": "Lineage",
    "server": "The server",
    "service_account": "Teams",
    "services": "Records",
    "store_probes": "The server",
    "team": "Teams",
    "versions": "Versions",
    "versions_impact": "Lineage",
    "versions_lineage": "Lineage",
    "versions_manifest": "Files",
    "versions_records": "Lineage",
    "versions_uploads": "Files",
    "watches": "Notifications",
    "webhook": "Webhooks",
}

# GET requests that can conflict with the current state: bytes that have not arrived, a name of another type.
_FIRST_CLAUSE = re.compile(r".+?(?=[;:]\s|[.](\s|$)|$)")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_MAY_CONFLICT = ("/download-url", "/content", "/resolve")


class SchemaView(SpectacularAPIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(exclude=True)
    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page of ours, which works without script."""
    context = {"reference": reference.load(), "base_url": settings.BASE_URL, "active_nav": "docs"}
    return render(request, "api/reference.html", context)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wllm-…"}


def keep_dollar_signs(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """Preprocessing hook: of paths such as `/$tree` the generator takes the sign for the end of a pattern."""
    return [
        ("/" + _PARAMETER.sub(r"{\1}", route) if "$" in route else path, route, method, callback)
        for path, route, method, callback in endpoints
    ]


def document_problems(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Postprocessing hook: add the possible error responses to every operation."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for status in _statuses(path, method, operation):
                operation["responses"].setdefault(str(status), _response(status))
    return result


def document_titles(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Postprocessing hook: give every operation a title and a group, and every group what it is about."""
    for operations in result["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            prefix = max(filter(name.startswith, _GROUP_OF_PREFIX), key=len)
            operation["tags"] = [_GROUP_OF_PREFIX[prefix]]
            # Its first sentence up to what it says besides.
            operation["summary"] = _FIRST_CLAUSE.match(operation["description"])[0].rstrip(" .,;:")
    result["tags"] = [{"name": name, "description": description} for name, description in GROUPS.items()]
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> list[int]:
    statuses = [400, 401, 403, 404, 406]
    if method != "get" or path.endswith(_MAY_CONFLICT):
        statuses.append(409)
    if method != "get":
        statuses += [413, 415] if "requestBody" in operation else [413]
    if path.startswith(HIERARCHY_BASE):
        statuses += [405, 409, 413]
    if any(part in path for part in ("/artifacts", "/files", HIERARCHY_BASE, "-artifact")) or path.endswith(
        ("/{store_id}/test", "/{archive_id}/restore")
    ):
        statuses.append(503)
    return statuses


def _response(status: int) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _DESCRIPTIONS[status], "content": content}
