"""Aliases: made or moved, several at once, listed, followed, now or then, removed."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.pagination import parse
from accounts.api.permissions import SignedIn
from accounts.api.requests import read, shown
from accounts.origin import Origin
from artifacts import aliases, resolving, rules, suggestions
from artifacts.api import conditions, queries
from artifacts.api.naming import (
    ALIAS_NOW_OR_THEN,
    AliasAtSerializer,
    AliasDetailSerializer,
    AliasesSerializer,
    AliasesSet,
    AliasesSetSerializer,
    AliasesSwapRequest,
    AliasItemSerializer,
    AliasListSerializer,
    AliasMove,
    AliasRollbackRequest,
    AliasSerializer,
    SuggestionsSerializer,
)
from artifacts.api.requests import find_alias, find_artifact, find_target, find_targets
from artifacts.models import ArtifactAlias


class AliasList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=AliasListSerializer, operation_id="aliases_list")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the aliases of an artifact by name."""
        artifact = find_artifact(request, artifact_id)
        context = {"rules": rules.covering(artifact)}
        items = AliasItemSerializer(artifact.alias_set.for_display(), many=True, context=context).data
        return Response({"items": items, "total": len(items)})

    @extend_schema(
        parameters=conditions.WRITES,
        request=AliasMove,
        responses={200: AliasSerializer, 201: AliasSerializer},
        operation_id="aliases_move",
    )
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Make an alias (201), or move it (200); with a condition, only if it is where you expect it."""
        artifact = find_artifact(request, artifact_id)
        data = read(AliasMove, request, artifact_id=artifact_id)
        expected = conditions.expected(request, data)
        to = find_target(request, data["version_id"])
        moved = aliases.move(request.user, artifact, data["alias"], to, _origin(request, data), expected)
        return _shown(moved.alias, 200 if moved.before else 201)

    @extend_schema(request=AliasesSet, responses=AliasesSetSerializer, operation_id="aliases_set")
    def put(self, request: Request, artifact_id: UUID) -> Response:
        """Make, move and remove several aliases, all or none. Those that are not named stay as they are."""
        artifact = find_artifact(request, artifact_id)
        data = read(AliasesSet, request, artifact_id=artifact_id)
        conditions.refuse(request)
        wanted = find_targets(request, artifact, data["aliases"])
        moves = aliases.set_all(request.user, artifact, wanted, _origin(request, data), data.get("expected"))
        removed = [move.alias.alias for move in moves if move.is_gone]
        return Response(_several(moves) | {"removed": removed})


class AliasDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[queries.AliasQuery, conditions.KNOWN],
        responses={200: ALIAS_NOW_OR_THEN, 304: None},
        operation_id="aliases_show",
    )
    def get(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """An alias with its version; with `at`, where it was then."""
        at = parse(request, queries.AliasQuery).get("at")
        if at:
            artifact = find_artifact(request, artifact_id)
            change = aliases.find_at(artifact, alias, at)
            body = {"change": change, "at": at, "version_detail": resolving.version_of(artifact, change)}
            return Response(AliasAtSerializer(body).data)
        found = find_alias(request, artifact_id, alias)
        headers = {"ETag": conditions.etag(found.version_id)}
        if conditions.is_known(request, found.version_id):
            return Response(status=304, headers=headers)
        return Response(shown(AliasDetailSerializer, found), headers=headers)

    @extend_schema(
        parameters=[queries.AliasDeleteQuery, *conditions.WRITES], responses={204: None}, operation_id="aliases_delete"
    )
    def delete(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Remove an alias; its version stays."""
        data = parse(request, queries.AliasDeleteQuery)
        expected = conditions.expected(request, data)
        artifact = find_artifact(request, artifact_id)
        aliases.remove(request.user, artifact, alias, _origin(request, data), expected)
        return Response(status=204)


class AliasRollback(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=conditions.WRITES,
        request=AliasRollbackRequest,
        responses=AliasSerializer,
        operation_id="aliases_rollback",
    )
    def post(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Move an alias back to the version before, also one that was removed. A second time undoes the first."""
        artifact = find_artifact(request, artifact_id)
        data = read(AliasRollbackRequest, request, artifact_id=artifact_id, alias=alias)
        expected = conditions.expected(request, data)
        moved = aliases.rollback(request.user, artifact, alias, _origin(request, data), expected)
        return _shown(moved.alias, 200)


class AliasesSwap(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=AliasesSwapRequest, responses=AliasesSerializer, operation_id="aliases_swap")
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Let two aliases change places, both or none."""
        artifact = find_artifact(request, artifact_id)
        data = read(AliasesSwapRequest, request, artifact_id=artifact_id)
        conditions.refuse(request)
        moves = aliases.swap(request.user, artifact, data["one"], data["other"], _origin(request, data))
        return Response(_several(moves))


class AliasSuggestions(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[queries.SuggestionQuery], responses=SuggestionsSerializer, operation_id="aliases_suggestions"
    )
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """What an alias could be called: as in the rest of the project, as is common, or as the next version."""
        query = parse(request, queries.SuggestionQuery)
        found = suggestions.suggest(find_artifact(request, artifact_id), query.get("q", ""))
        return Response(SuggestionsSerializer({"items": found}).data)


def _origin(request: Request, data: dict[str, Any]) -> Origin:
    return Origin.of(request, data.get("reason", ""))


def _shown(alias: ArtifactAlias, status: int) -> Response:
    return Response(shown(AliasSerializer, alias), status, headers={"ETag": conditions.etag(alias.version_id)})


def _several(moves: list[aliases.Move]) -> dict[str, Any]:
    return AliasesSerializer({"items": [move.alias for move in moves if not move.is_gone]}).data
