"""Many records at once: batches, imports, exports."""

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from api.hierarchies.parsers import JSONLinesParser, JSONLParser
from api.hierarchies.permissions import MayEnter
from api.hierarchies.record_serializers import (
    ExportQuery,
    ImportedSerializer,
    RecordBatch,
    RecordBatchCreated,
    RecordDeleteMany,
    RecordsDeleted,
)
from api.hierarchies.renderers import AnyTypeRenderer
from api.hierarchies.specs import record_spec
from api.hierarchies.views.base import HierarchyView, person
from api.pagination import parse
from api.serialization import parse_body
from artifacts.content import downloads
from hierarchies import exports, imports, records
from hierarchies.json_records import record_bodies
from hierarchies.models import Operation


class RecordBatchCreate(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.CREATE}

    @extend_schema(request=RecordBatch, responses={201: RecordBatchCreated}, operation_id="records_batch")
    def post(self, request: Request, **names: str) -> Response:
        """Create up to 1,000 records, all or none; `#3` as `parent_id` is the fourth of them."""
        specs = [record_spec(item) for item in parse_body(RecordBatch, request)["items"]]
        made = records.create_many(Actor.from_api(request), self.hierarchy, specs)
        return Response({"items": record_bodies(self.hierarchy, made)}, 201)


class RecordBatchDelete(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.DELETE}

    @extend_schema(request=RecordDeleteMany, responses=RecordsDeleted, operation_id="records_delete_many")
    def post(self, request: Request, **names: str) -> Response:
        """Delete up to 1,000 records, all or none, with all below them where `recursive` says so."""
        data = parse_body(RecordDeleteMany, request)
        count = records.delete_many(
            Actor.from_api(request), self.hierarchy, data["ids"], is_recursive=data["recursive"]
        )
        return Response({"deleted": count})


class RecordImport(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.IMPORT}
    parser_classes = [JSONLinesParser, JSONLParser]

    @extend_schema(
        request={JSONLinesParser.media_type: OpenApiTypes.STR},
        responses={201: ImportedSerializer},
        operation_id="records_import",
    )
    def post(self, request: Request, **names: str) -> Response:
        """Import lines of JSON as `$export` writes them: all or none, and then it says which line is wrong."""
        imported = imports.run(Actor.from_api(request), self.hierarchy, request.data)
        return Response({"imported": imported.records, "payloads": imported.payloads}, 201)


class RecordExport(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.EXPORT}
    renderer_classes = [AnyTypeRenderer]

    @extend_schema(
        parameters=[ExportQuery],
        responses={(200, JSONLinesParser.media_type): OpenApiTypes.STR},
        operation_id="records_export",
    )
    def get(self, request: Request, **names: str) -> HttpResponseBase:
        """Export all records as lines of JSON, each after its parent and before its payloads.

        A line of a payload has its bytes as `base64` up to 64 KiB, else a `url` that lives an hour. After an export
        that was cut off, `after` goes on with the record that follows.
        """
        lines = exports.lines(self.hierarchy, parse(request, ExportQuery).get("after"))
        headers = {"Content-Disposition": f'attachment; filename="{self.hierarchy.name}.jsonl"'}
        if request.method == "HEAD":
            return HttpResponse(content_type=JSONLinesParser.media_type, headers=headers)
        chunks = downloads.stream(person(request), lines)
        return StreamingHttpResponse(chunks, content_type=JSONLinesParser.media_type, headers=headers)
