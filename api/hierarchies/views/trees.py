"""What is below a record, and what is above it."""

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
from api.hierarchies.views.base import HierarchyView
from api.pagination import parse
from api.serialization import parse_body
from hierarchies import records, trees
from hierarchies.json_records import expanded_body, tree_body
from hierarchies.models import Hierarchy, Operation


class TreeSearch(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.TREE}
    only_reads = True

    @extend_schema(request=TreeRequest, responses=RecordTreeSerializer, operation_id="records_tree_by_root")
    def post(self, request: Request, **names: str) -> Response:
        """Show the tree below a record."""
        data = parse_body(TreeRequest, request)
        return _tree(self.hierarchy, data["root_id"], data.get("max_depth"))


class RecordTree(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.TREE}

    @extend_schema(parameters=[DepthQuery], responses=RecordTreeSerializer, operation_id="records_tree")
    def get(self, request: Request, record_id: str, **names: str) -> Response:
        """Show the tree below a record."""
        return _tree(self.hierarchy, record_id, parse(request, DepthQuery).get("max_depth"))


class ExpandSearch(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"POST": Operation.EXPAND}
    only_reads = True

    @extend_schema(request=ExpandRequest, responses=RecordExpandedSerializer, operation_id="records_expand_by_id")
    def post(self, request: Request, **names: str) -> Response:
        """Show a record with all above and below it."""
        data = parse_body(ExpandRequest, request)
        return _expanded(self.hierarchy, data["artifact_id"], data.get("max_depth"))


class RecordExpand(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.EXPAND}

    @extend_schema(parameters=[DepthQuery], responses=RecordExpandedSerializer, operation_id="records_expand")
    def get(self, request: Request, record_id: str, **names: str) -> Response:
        """Show a record with all above and below it."""
        return _expanded(self.hierarchy, record_id, parse(request, DepthQuery).get("max_depth"))


def _tree(hierarchy: Hierarchy, record_id: str, max_depth: int | None) -> Response:
    root = records.get(hierarchy, record_id)
    return Response(tree_body(hierarchy, trees.subtree(root, max_depth)))


def _expanded(hierarchy: Hierarchy, record_id: str, max_depth: int | None) -> Response:
    record = records.get(hierarchy, record_id)
    return Response(expanded_body(hierarchy, trees.ancestors(record), trees.subtree(record, max_depth)))
