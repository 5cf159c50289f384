"""What is below a record, and what is above it."""

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.hierarchies.permissions import MayEnter
from api.hierarchies.record_serializers import (
    DepthQuery,
    ExpandRequest,
    RecordExpandedSerializer,
    RecordTreeSerializer,
    TreeRequest,
)
from api.hierarchies.views.base import HierarchyView, person
from api.pagination import parse
from api.serialization import parse_body
from core import errors
from core.person_slots import PersonSlots
from hierarchies import records, trees
from hierarchies.json_records import expanded_body, tree_body
from hierarchies.models import Hierarchy, Operation

# A tree of more records takes up to some hundred MiB until it is written: in each process two at once, one of a person.
LARGE_TREE = 10_000
_slots = PersonSlots(per_person=1, size=2)


class TreeSearch(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.TREE}
    only_reads = True

    @extend_schema(request=TreeRequest, responses=RecordTreeSerializer, operation_id="records_tree_by_root")
    def post(self, request: Request, **names: str) -> HttpResponseBase:
        """Show the tree below a record."""
        data = parse_body(TreeRequest, request)
        return _tree(request, self.hierarchy, data["root_id"], data.get("max_depth"))


class RecordTree(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.TREE}

    @extend_schema(parameters=[DepthQuery], responses=RecordTreeSerializer, operation_id="records_tree")
    def get(self, request: Request, record_id: str, **names: str) -> HttpResponseBase:
        """Show the tree below a record."""
        return _tree(request, self.hierarchy, record_id, parse(request, DepthQuery).get("max_depth"))


class ExpandSearch(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.EXPAND}
    only_reads = True

    @extend_schema(request=ExpandRequest, responses=RecordExpandedSerializer, operation_id="records_expand_by_id")
    def post(self, request: Request, **names: str) -> HttpResponseBase:
        """Show a record with all above and below it."""
        data = parse_body(ExpandRequest, request)
        return _expanded(request, self.hierarchy, data["artifact_id"], data.get("max_depth"))


class RecordExpand(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.EXPAND}

    @extend_schema(parameters=[DepthQuery], responses=RecordExpandedSerializer, operation_id="records_expand")
    def get(self, request: Request, record_id: str, **names: str) -> HttpResponseBase:
        """Show a record with all above and below it."""
        return _expanded(request, self.hierarchy, record_id, parse(request, DepthQuery).get("max_depth"))


def _tree(request: Request, hierarchy: Hierarchy, record_id: str, max_depth: int | None) -> HttpResponseBase:
    rows = trees.subtree(records.get(hierarchy, record_id), max_depth)
    return _respond(request, len(rows), lambda: tree_body(hierarchy, rows))


def _expanded(request: Request, hierarchy: Hierarchy, record_id: str, max_depth: int | None) -> HttpResponseBase:
    record = records.get(hierarchy, record_id)
    rows = trees.subtree(record, max_depth)
    return _respond(request, len(rows), lambda: expanded_body(hierarchy, trees.ancestors(record), rows))


def _respond(request: Request, size: int, make: Callable[[], dict[str, Any]]) -> HttpResponseBase:
    """The body, which is made in one of the few slots where the tree is large. Raises `Busy`."""
    if size <= LARGE_TREE:
        return Response(make())
    reader = person(request)
    if not _slots.take(reader):
        raise errors.Busy("Other large trees are being read: try again in a moment, or give a smaller max_depth.")
    try:
        return HttpResponse(json.dumps(make(), ensure_ascii=False), content_type="application/json")
    finally:
        _slots.release(reader)
