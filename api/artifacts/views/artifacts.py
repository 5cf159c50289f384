"""Artifacts, and the resolution of names to versions."""

from functools import partial
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.artifacts import query_params
from api.artifacts.lookups import get_artifact
from api.artifacts.serializers import (
    ArtifactDetailSerializer,
    ArtifactItemSerializer,
    ArtifactUpdate,
    ResolvedSerializer,
    StorageUsageSerializer,
)
from api.artifacts.upload_serializers import ArtifactWithDraft, ArtifactWithDraftCreate
from api.artifacts.views.versions import draft_arguments, serialize_draft
from api.pagination import page_of, paginate, parse
from api.permissions import SignedIn
from api.serialization import parse_body, serialize
from artifacts import artifacts, link_sources, name_resolution, storage_usage, versions
from artifacts.aliases import excerpts
from artifacts.models import Artifact


class ArtifactList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.ArtifactQuery],
        responses=page_of(ArtifactItemSerializer),
        operation_id="artifacts_list",
    )
    def get(self, request: Request) -> Response:
        """List the artifacts that you can see."""
        attach = partial(excerpts.attach, sought=request.query_params.get("alias", ""))
        return paginate(request, query_params.artifacts(request), ArtifactItemSerializer, prepare=attach)

    @extend_schema(request=ArtifactWithDraftCreate, responses={201: ArtifactWithDraft}, operation_id="artifacts_create")
    def post(self, request: Request) -> Response:
        """Create an artifact, with `version` also its first draft; where the name is taken, 409 has its id."""
        data = parse_body(ArtifactWithDraftCreate, request)
        project = {"project": data.pop("project"), "create_project": data.pop("create_project")}
        sent = data.pop("version", None)
        draft = None if sent is None else draft_arguments(request, sent)
        artifact, begun = versions.begin_with_artifact(Actor.from_api(request), artifact=data, draft=draft, **project)
        return Response(_serialize(artifact) | ({"version": serialize_draft(begun)} if begun else {}), 201)


class ArtifactDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ArtifactDetailSerializer, operation_id="artifacts_show")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """Show an artifact."""
        return Response(_serialize(get_artifact(request, artifact_id)))

    @extend_schema(request=ArtifactUpdate, responses=ArtifactDetailSerializer, operation_id="artifacts_replace")
    def put(self, request: Request, artifact_id: UUID) -> Response:
        """Change an artifact: the fields that are sent."""
        return self.patch(request, artifact_id)

    @extend_schema(request=ArtifactUpdate, responses=ArtifactDetailSerializer, operation_id="artifacts_update")
    def patch(self, request: Request, artifact_id: UUID) -> Response:
        """Change an artifact: the fields that are sent."""
        artifact = get_artifact(request, artifact_id)
        changes = parse_body(ArtifactUpdate, request, artifact_id=artifact_id)
        return Response(_serialize(artifacts.update(Actor.from_api(request), artifact, **changes)))

    @extend_schema(
        parameters=[query_params.DeleteArtifactQuery], responses={204: None}, operation_id="artifacts_delete"
    )
    def delete(self, request: Request, artifact_id: UUID) -> Response:
        """Delete an artifact with all its versions."""
        query = parse(request, query_params.DeleteArtifactQuery)
        artifacts.delete(Actor.from_api(request), get_artifact(request, artifact_id), **query)
        return Response(status=204)


class ArtifactStorage(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=StorageUsageSerializer, operation_id="artifacts_storage")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """How much the artifact stores, and how much sharing saves."""
        return Response(StorageUsageSerializer(storage_usage.of_artifact(get_artifact(request, artifact_id))).data)


class Resolve(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.ResolveQuery], responses=ResolvedSerializer, operation_id="artifacts_resolve"
    )
    def get(self, request: Request) -> Response:
        """Resolve `team/project/name:x` to artifact, version and aliases."""
        query = parse(request, query_params.ResolveQuery)
        resolved = name_resolution.resolve(request.user, query["name"], type=query.get("type"), at=query.get("at"))
        link_sources.attach(request.user, [resolved.version])
        return Response(serialize(ResolvedSerializer, resolved))


def _serialize(artifact: Artifact) -> dict[str, Any]:
    artifact = Artifact.objects.for_display().get(pk=artifact.pk)
    excerpts.attach([artifact])
    return ArtifactDetailSerializer(artifact).data
