"""Lineage of versions, artifacts and runs, and what a version affects."""

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.artifacts.lookups import get_artifact, get_run, get_version
from api.lineage.record_serializers import ReferringRecordSerializer
from api.lineage.serializers import (
    ArtifactLineageQuery,
    GraphSerializer,
    ImpactQuery,
    ImpactSerializer,
    LineageQuery,
    filter_of,
    graph_body,
    impact_body,
)
from api.pagination import PageQuery, page_of, paginate, parse
from api.permissions import SignedIn
from artifacts.lineage import impact, impact_csv
from artifacts.lineage.graph import lineage
from hierarchies import referring_records


class VersionLineage(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[LineageQuery], responses=GraphSerializer, operation_id="versions_lineage")
    def get(self, request: Request, version_id: UUID) -> Response:
        """Show the runs and versions that a version was made from, and those made from it, as nodes and edges."""
        version = get_version(request, version_id)
        return Response(graph_body(lineage(request.user, version, **parse(request, LineageQuery))))


class ArtifactLineage(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[ArtifactLineageQuery], responses=GraphSerializer, operation_id="artifacts_lineage")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """Show what an artifact was made from, and what was made from it: each artifact for all its versions."""
        artifact = get_artifact(request, artifact_id)
        return Response(graph_body(lineage(request.user, artifact, **parse(request, ArtifactLineageQuery))))


class RunLineage(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[LineageQuery], responses=GraphSerializer, operation_id="runs_lineage")
    def get(self, request: Request, run_id: UUID) -> Response:
        """Show what a run used and logged, what that was made from, and what was made from it."""
        run = get_run(request, run_id)
        return Response(graph_body(lineage(request.user, run, **parse(request, LineageQuery))))


class VersionImpact(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[ImpactQuery],
        responses={(200, "application/json"): ImpactSerializer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="versions_impact",
    )
    def get(self, request: Request, version_id: UUID) -> HttpResponseBase:
        """List everything that was made from a version, directly or not: protected aliases first, then running runs."""
        version = get_version(request, version_id)
        query = parse(request, ImpactQuery)
        if query["format"] == "csv":
            rows = impact.all_affected(request.user, [version], filter=filter_of(query))
            return _csv(impact_csv.lines(rows), impact_csv.file_name([version]))
        options = {"limit": query["limit"], "scan_limit": query.get("scan_limit")}
        page = impact.page(request.user, [version], filter=filter_of(query), cursor=query.get("cursor", ""), **options)
        return Response(impact_body(page))


class VersionRecords(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[PageQuery], responses=page_of(ReferringRecordSerializer), operation_id="versions_records"
    )
    def get(self, request: Request, version_id: UUID) -> Response:
        """List the records whose data refers to a version, among those that you can see; the newest first."""
        rows = referring_records.to_versions(request.user, [get_version(request, version_id)])
        return paginate(request, rows, ReferringRecordSerializer)


def _csv(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
