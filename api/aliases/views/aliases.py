"""Aliases: list, create, move, show (now or as of a time), remove, roll back, swap, suggest."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.aliases import preconditions
from api.aliases.serializers import (
    ALIAS_NOW_OR_THEN,
    AliasAtSerializer,
    AliasDetailSerializer,
    AliasesSerializer,
    AliasesSet,
    AliasesSetSerializer,
    AliasesSwapRequest,
    AliasItemSerializer,
    AliasListQuery,
    AliasListSerializer,
    AliasMove,
    AliasRollbackRequest,
    AliasSerializer,
    SuggestionsSerializer,
)
from api.artifacts import query_params
from api.artifacts.lookups import get_alias, get_artifact, get_artifact_and_target, get_target, get_targets
from api.pagination import cursor_page, parse
from api.permissions import SignedIn
from api.serialization import parse_body, serialize
from artifacts import link_sources, name_resolution
from artifacts.aliases import aliases, history, protection, suggestions
from artifacts.aliases.order import AliasOrder
from artifacts.models import ArtifactAlias


class AliasList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[AliasListQuery], responses=AliasListSerializer, operation_id="aliases_list")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the aliases of an artifact: protected and well-known ones first, semantic versions last.

        Where they do not fit into one page they are listed by name.
        """
        artifact = get_artifact(request, artifact_id)
        rules = protection.rules_for(artifact)
        page, next_cursor = cursor_page(request, artifact.alias_set.for_display(), "alias", AliasListQuery)
        if is_all := next_cursor is None and "cursor" not in request.query_params:
            position = AliasOrder(rules)
            page = sorted(page, key=lambda row: position(row.alias))
        total = len(page) if is_all else artifact.alias_set.count()
        items = AliasItemSerializer(page, many=True, context={"rules": rules}).data
        return Response({"items": items, "total": total, "next_cursor": next_cursor})

    @extend_schema(
        parameters=preconditions.WRITES,
        request=AliasMove,
        responses={200: AliasSerializer, 201: AliasSerializer},
        operation_id="aliases_move",
    )
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Create an alias (201), or move it (200); with a precondition, only if it is at the expected version."""
        artifact, target = get_artifact_and_target(request, artifact_id)
        data = parse_body(AliasMove, request, artifact_id=artifact_id)
        expected = preconditions.expected(request, data)
        to = target or get_target(request, data["version_id"])
        moved = aliases.move(_actor(request, data), artifact, data["alias"], to, expected)
        return _response(moved.alias, 200 if moved.before else 201)

    @extend_schema(request=AliasesSet, responses=AliasesSetSerializer, operation_id="aliases_set")
    def put(self, request: Request, artifact_id: UUID) -> Response:
        """Create, move and remove several aliases, all or none. Other aliases are not changed."""
        artifact = get_artifact(request, artifact_id)
        data = parse_body(AliasesSet, request, artifact_id=artifact_id)
        preconditions.reject_preconditions(request)
        targets = get_targets(request, artifact, data["aliases"])
        moves = aliases.update_many(_actor(request, data), artifact, targets, data.get("expected"))
        removed = [move.alias.alias for move in moves if move.is_gone]
        return Response(_items(moves) | {"removed": removed})


class AliasDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.AliasQuery, preconditions.KNOWN],
        responses={200: ALIAS_NOW_OR_THEN, 304: None},
        operation_id="aliases_show",
    )
    def get(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Show an alias with its version; with `at`, as of that time."""
        at = parse(request, query_params.AliasQuery).get("at")
        if at:
            artifact = get_artifact(request, artifact_id)
            change = history.get_change_at(artifact, alias, at)
            version = name_resolution.version_of(artifact, change)
            link_sources.attach(request.user, [version] if version else [])
            body = {"change": change, "at": at, "version_detail": version}
            return Response(AliasAtSerializer(body).data)
        row = get_alias(request, artifact_id, alias)
        headers = {"ETag": preconditions.etag(row.version_id)}
        if preconditions.is_not_modified(request, row.version_id):
            return Response(status=304, headers=headers)
        link_sources.attach(request.user, [row.version])
        return Response(serialize(AliasDetailSerializer, row), headers=headers)

    @extend_schema(
        parameters=[query_params.AliasDeleteQuery, *preconditions.WRITES],
        responses={204: None},
        operation_id="aliases_delete",
    )
    def delete(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Remove an alias, not its version."""
        data = parse(request, query_params.AliasDeleteQuery)
        expected = preconditions.expected(request, data)
        artifact = get_artifact(request, artifact_id)
        aliases.remove(_actor(request, data), artifact, alias, expected)
        return Response(status=204)


class AliasRollback(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=preconditions.WRITES,
        request=AliasRollbackRequest,
        responses=AliasSerializer,
        operation_id="aliases_rollback",
    )
    def post(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Move an alias to its previous version, also after its removal. A second rollback undoes the first."""
        artifact = get_artifact(request, artifact_id)
        data = parse_body(AliasRollbackRequest, request, artifact_id=artifact_id, alias=alias)
        expected = preconditions.expected(request, data)
        moved = aliases.rollback(_actor(request, data), artifact, alias, expected)
        return _response(moved.alias, 200)


class AliasesSwap(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=AliasesSwapRequest, responses=AliasesSerializer, operation_id="aliases_swap")
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Exchange the versions of two aliases in one step."""
        artifact = get_artifact(request, artifact_id)
        data = parse_body(AliasesSwapRequest, request, artifact_id=artifact_id)
        preconditions.reject_preconditions(request)
        moves = aliases.swap(_actor(request, data), artifact, data["one"], data["other"])
        return Response(_items(moves))


class AliasSuggestions(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.SuggestionQuery], responses=SuggestionsSerializer, operation_id="aliases_suggestions"
    )
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """Suggest names for an alias: used in the project, common ones, or the next semantic version."""
        query = parse(request, query_params.SuggestionQuery)
        row = suggestions.suggest(get_artifact(request, artifact_id), query.get("q", ""))
        return Response(SuggestionsSerializer({"items": row}).data)


def _actor(request: Request, data: dict[str, Any]) -> Actor:
    return Actor.from_api(request, data.get("reason", ""))


def _response(alias: ArtifactAlias, status: int) -> Response:
    return Response(serialize(AliasSerializer, alias), status, headers={"ETag": preconditions.etag(alias.version_id)})


def _items(moves: list[aliases.Move]) -> dict[str, Any]:
    return AliasesSerializer({"items": [move.alias for move in moves if not move.is_gone]}).data
