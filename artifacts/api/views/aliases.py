"""Aliases: made or moved, listed, followed, removed."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import SignedIn
from accounts.api.requests import read
from accounts.origin import Origin
from artifacts import aliases
from artifacts.api.requests import find_artifact
from artifacts.api.serializers import AliasDetailSerializer, AliasListSerializer, AliasMove, AliasSerializer
from artifacts.models import ArtifactVersion


class AliasList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=AliasListSerializer, operation_id="aliases_list")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the aliases of an artifact by name."""
        rows = find_artifact(request, artifact_id).alias_set.for_display()
        items = AliasSerializer(rows, many=True).data
        return Response({"items": items, "total": len(items)})

    @extend_schema(
        request=AliasMove, responses={200: AliasSerializer, 201: AliasSerializer}, operation_id="aliases_move"
    )
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Make an alias (201), or move it (200)."""
        artifact = find_artifact(request, artifact_id)
        data = read(AliasMove, request, artifact_id=artifact_id)
        version = get_object_or_404(ArtifactVersion.objects.visible_to(request.user), pk=data["version_id"])
        moved = aliases.move(request.user, artifact, data["alias"], version, Origin.of(request))
        return Response(AliasSerializer(moved.alias).data, 200 if moved.before else 201)


class AliasDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=AliasDetailSerializer, operation_id="aliases_show")
    def get(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """An alias with its version."""
        return Response(AliasDetailSerializer(aliases.find(find_artifact(request, artifact_id), alias)).data)

    @extend_schema(responses={204: None}, operation_id="aliases_delete")
    def delete(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """Remove an alias; its version stays."""
        aliases.remove(request.user, find_artifact(request, artifact_id), alias, Origin.of(request))
        return Response(status=204)
