"""Versions: create a draft, upload, finalize, describe, delete."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.artifacts import query_params
from api.artifacts.file_columns import file_specs
from api.artifacts.lookups import get_artifact, get_run, get_version
from api.artifacts.manifest_serializers import (
    ManifestColumnsSerializer,
    ManifestSerializer,
    manifest_body,
    manifest_columns,
)
from api.artifacts.serializers import FileSerializer, VersionItemSerializer, VersionSerializer
from api.artifacts.upload_serializers import (
    DraftResultSerializer,
    Finalize,
    FinalizeResultSerializer,
    MoveSerializer,
    UploadSerializer,
    UploadsRequest,
    UploadsSerializer,
    VersionCreate,
    VersionUpdate,
    VersionWithFiles,
)
from api.pagination import PageQuery, cursor_page, page_of, paginate, parse
from api.permissions import SignedIn
from api.projects.serializers import RunItemSerializer
from api.serialization import compressed_json, parse_body
from artifacts import link_sources, storage, versions
from artifacts.content import manifests, uploads
from artifacts.models import Artifact, ArtifactVersion
from projects.models import Run

_URL_LIFE_SECONDS = int(storage.SIGNED_URL_LIFE.total_seconds())


class VersionList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.VersionQuery], responses=page_of(VersionItemSerializer), operation_id="versions_list"
    )
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the versions of an artifact; drafts only for those who may write."""
        artifact = get_artifact(request, artifact_id)
        rows, key = query_params.versions(request, artifact)
        attach = partial(link_sources.attach, request.user)
        return paginate(request, rows, VersionItemSerializer, key, prepare=attach)

    @extend_schema(
        request=VersionCreate,
        responses={200: DraftResultSerializer, 201: DraftResultSerializer},
        operation_id="versions_begin",
    )
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Create a draft (201), or get the version or your own open draft that has these contents already (200)."""
        artifact = get_artifact(request, artifact_id)
        draft = draft_arguments(request, parse_body(VersionCreate, request, artifact_id=artifact_id))
        result = versions.begin(Actor.from_api(request), artifact, **draft)
        return Response(serialize_draft(result), 201 if result.created else 200)


class VersionDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[query_params.FirstFiles], responses=VersionWithFiles, operation_id="versions_show")
    def get(self, request: Request, version_id: UUID) -> Response:
        """Show a version with its first files; `…/files` has them all."""
        version = get_version(request, version_id)
        files, next_cursor = cursor_page(
            request, version.files.select_related("blob__object"), "path", query_params.FirstFiles
        )
        first_page = {"files": FileSerializer(files, many=True).data, "files_next_cursor": next_cursor}
        return Response(VersionSerializer(version).data | first_page)

    @extend_schema(request=VersionUpdate, responses=VersionSerializer, operation_id="versions_update")
    def patch(self, request: Request, version_id: UUID) -> Response:
        """Change description, notes or metadata; contents never change."""
        version = get_version(request, version_id)
        changes = parse_body(VersionUpdate, request, version_id=version_id)
        return Response(VersionSerializer(versions.describe(Actor.from_api(request), version, **changes)).data)

    @extend_schema(parameters=[query_params.DeleteVersionQuery], responses={204: None}, operation_id="versions_delete")
    def delete(self, request: Request, version_id: UUID) -> Response:
        """Delete a draft or a version; refused while aliases point at it, unless they are deleted too."""
        query = parse(request, query_params.DeleteVersionQuery)
        versions.delete(Actor.from_api(request), get_version(request, version_id), **query)
        return Response(status=204)


class VersionFinalize(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=Finalize, responses=FinalizeResultSerializer, operation_id="versions_finalize")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Make a draft immutable and move `latest` and the given aliases to it. Safe to repeat."""
        data = parse_body(Finalize, request, version_id=version_id)
        version = get_version_to_finalize(request, version_id)
        result = versions.finalize(
            Actor.from_api(request),
            version,
            completed=data.get("uploads", ()),
            aliases=data.get("aliases", ()),
            digest=data.get("digest"),
        )
        moves = MoveSerializer(result.moves, many=True).data
        version = _reload(result.version)
        link_sources.attach(request.user, [version])
        return Response(VersionSerializer(version).data | {"created": result.created, "moved": moves})


class VersionUploads(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=UploadsRequest, responses=UploadsSerializer, operation_id="versions_uploads")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Get signed URLs to upload missing bytes to. Call it again for fresh ones, and to resume."""
        version = get_version(request, version_id)
        data = parse_body(UploadsRequest, request, version_id=version_id)
        objects = uploads.begin(Actor.from_api(request), version, data["objects"])
        return Response({"objects": UploadSerializer(objects, many=True).data, "expires_in": _URL_LIFE_SECONDS})


class VersionManifest(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.ManifestQuery],
        responses=PolymorphicProxySerializer(
            "ManifestPage", [ManifestSerializer, ManifestColumnsSerializer], resource_type_field_name=None
        ),
        operation_id="versions_manifest",
    )
    def get(self, request: Request, version_id: UUID) -> HttpResponse:
        """List every file with its hashes and object, with a signed URL for each object. Counted as a download."""
        version = get_version(request, version_id)
        query = parse(request, query_params.ManifestQuery)
        page = manifests.page(
            Actor.from_api(request),
            version,
            after=query.get("cursor", query.get("after", "")),
            limit=query["limit"],
            prefix=query.get("prefix", ""),
            is_first="cursor" not in query,
        )
        to_body = manifest_columns if query["format"] == "columns" else manifest_body
        return compressed_json(request, to_body(version, page, _URL_LIFE_SECONDS))


class VersionUsedBy(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(RunItemSerializer), operation_id="versions_used_by")
    def get(self, request: Request, version_id: UUID) -> Response:
        """List the runs that used a version and that you may see, newest first."""
        version = get_version(request, version_id)
        runs = Run.objects.visible_to(request.user).filter(usages__version=version)
        return paginate(request, runs.for_display().order_by("-id"), RunItemSerializer)


def draft_arguments(request: Request, data: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `versions.begin` for a validated `VersionCreate`."""
    run_id, base_id = data.get("run_id"), data.get("base")
    translated = ("artifact_id", "run_id", "files", "file_columns", "base")
    others = {name: value for name, value in data.items() if name not in translated}
    run = get_run(request, run_id) if run_id else None
    base = get_version(request, base_id) if base_id else None
    return {"run": run, "base": base, "specs": file_specs(data), **others}


def serialize_draft(result: versions.DraftResult) -> dict[str, Any]:
    """A `DraftResultSerializer`, of which most is the version as it is now."""
    body = VersionSerializer(_reload(result.version)).data
    return {**body, "created": result.created, "missing": result.missing}


def get_version_to_finalize(request: Request, version_id: UUID) -> ArtifactVersion:
    """The version, also a draft that gave way to one of the same contents, so that a repeated call works."""
    gave_way = ArtifactVersion.objects.filter(
        pk=version_id,
        state=ArtifactVersion.State.DELETED,
        created_by=request.user,
        artifact__in=Artifact.objects.visible_to(request.user),
    )
    return gave_way.for_display().first() or get_version(request, version_id)


def _reload(version: ArtifactVersion) -> ArtifactVersion:
    return ArtifactVersion.objects.for_display().get(pk=version.pk)
