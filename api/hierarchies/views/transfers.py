"""Many records at once."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from api.hierarchies.permissions import MayEnter
from api.hierarchies.record_serializers import RecordBatch, RecordBatchCreated, RecordDeleteMany, RecordsDeleted
from api.hierarchies.specs import record_spec
from api.hierarchies.views.base import HierarchyView
from api.serialization import parse_body
from hierarchies import records
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
