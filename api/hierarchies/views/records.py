"""Records: list, create, show, change, move, delete."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from api.hierarchies.permissions import MayEnter
from api.hierarchies.record_serializers import (
    RecordCreate,
    RecordPageSerializer,
    RecordQuery,
    RecordSerializer,
    RecordUpdate,
)
from api.hierarchies.specs import payload_specs, record_spec
from api.hierarchies.views.base import HierarchyView
from api.pagination import parse
from api.serialization import parse_body
from core import long_values
from core.cursors import decode_cursor, encode_cursor
from hierarchies import data_filters, payloads, records
from hierarchies.json_records import record_bodies, record_body, whole_json
from hierarchies.models import Operation, Record
from hierarchies.models.record import RecordQuerySet


class RecordList(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.LIST, "POST": Operation.CREATE}

    @extend_schema(parameters=[RecordQuery], responses=RecordPageSerializer, operation_id="records_list")
    def get(self, request: Request, **names: str) -> Response:
        """List records in the order of their ids, which is that in which they were made.

        Beside these parameters, `data.experiment_name=x` finds records by a member of their data, at any depth.
        """
        query = parse(request, RecordQuery)
        rows, is_all = _filtered(request, self.hierarchy.records.order_by("id"), query)
        if "cursor" in query:
            return self._by_cursor(rows, query)
        page, size = query["page"], query["size"]
        total = self.hierarchy.record_count if is_all else rows.count()
        start = (page - 1) * size
        items = record_bodies(self.hierarchy, _load(rows[start : start + size]) if start < total else [])
        if not query["envelope"]:
            return Response(items)
        return Response({"items": items, "total": total, "page": page, "size": size, "pages": -(-total // size)})

    @extend_schema(request=RecordCreate, responses={201: RecordSerializer}, operation_id="records_create")
    def post(self, request: Request, **names: str) -> Response:
        """Create a record, as a root or below another one."""
        spec = record_spec(parse_body(RecordCreate, request))
        record = records.create(Actor.from_api(request), self.hierarchy, spec)
        return Response(record_body(record), 201, headers={"Location": f"{request.path}/{record.pk}"})

    def _by_cursor(self, rows: RecordQuerySet, query: dict[str, Any]) -> Response:
        if query["cursor"]:
            rows = rows.filter(pk__gt=decode_cursor(query["cursor"], Record, "id"))
        found = _load(rows[: query["size"] + 1])
        page = found[: query["size"]]
        next_cursor = encode_cursor(page[-1].pk) if len(found) > len(page) else None
        return Response({"items": record_bodies(self.hierarchy, page), "next_cursor": next_cursor})


class RecordDetail(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.READ, "PUT": Operation.UPDATE, "DELETE": Operation.DELETE}

    @extend_schema(responses=RecordSerializer, operation_id="records_show")
    def get(self, request: Request, record_id: str, **names: str) -> HttpResponseBase:
        """Show a record with all of its data."""
        record = records.get(self.hierarchy, record_id)
        if record.has_stored_data:
            return HttpResponse(whole_json(record, payloads.read_json(record)), content_type="application/json")
        return Response(record_body(record))

    @extend_schema(request=RecordUpdate, responses=RecordSerializer, operation_id="records_update")
    def put(self, request: Request, record_id: str, **names: str) -> Response:
        """Change a record: the fields that are sent. With `parent_id` it moves, and all below it with it."""
        record = records.get(self.hierarchy, record_id)
        actor, changes = Actor.from_api(request), parse_body(RecordUpdate, request)
        if "payloads" in changes:
            changes["payloads"] = payload_specs(changes["payloads"])
        return Response(record_body(records.update(actor, record, **changes)))

    @extend_schema(responses={204: None}, operation_id="records_delete")
    def delete(self, request: Request, record_id: str, **names: str) -> Response:
        """Delete a record that has none below it."""
        records.delete(Actor.from_api(request), records.get(self.hierarchy, record_id))
        return Response(status=204)


def _filtered(request: Request, rows: RecordQuerySet, query: dict[str, Any]) -> tuple[RecordQuerySet, bool]:
    """The rows that are asked for, and whether those are all."""
    columns = {name: query[name] for name in ("level", "type") if name in query}
    if "ids" in query:
        columns["pk__in"] = query["ids"]
    if "parent_id" in query:
        columns |= {"parent": query["parent_id"]} if query["parent_id"] else {"parent__isnull": True}
    by_data = {name[5:]: value for name, value in request.query_params.items() if name.startswith("data.")}
    rows = data_filters.narrow(rows.filter(**columns), by_data)
    rows = rows.with_tag(query["tag"]) if "tag" in query else rows
    return rows, not (columns or by_data or "tag" in query)


def _load(rows: RecordQuerySet) -> list[Record]:
    """The rows, with as much of their data as fits into a response."""
    found = list(long_values.defer(rows, ""))
    long_values.load(found)
    return found
