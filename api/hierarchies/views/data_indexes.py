"""Indexes on members of the data of a hierarchy's records, and how much there is of it."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.hierarchies.lookups import get_hierarchy
from api.hierarchies.upkeep_serializers import (
    DataIndexCreate,
    DataIndexSerializer,
    TotalsSerializer,
    totals_body,
)
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from hierarchies import data_indexes, totals
from hierarchies.models import DataIndex


class DataIndexList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(DataIndexSerializer), operation_id="data_indexes_list")
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """List the indexes on data of a hierarchy, each with its state."""
        rows = get_hierarchy(request, hierarchy_id).data_indexes.select_related("created_by")
        return paginate(request, rows.order_by("path", "id"), DataIndexSerializer)

    @extend_schema(request=DataIndexCreate, responses={201: DataIndexSerializer}, operation_id="data_indexes_create")
    def post(self, request: Request, hierarchy_id: UUID) -> Response:
        """Have an index built that makes `?data.path=x` fast, for admins of the team. Its state is `pending` first."""
        hierarchy, data = get_hierarchy(request, hierarchy_id), parse_body(DataIndexCreate, request)
        index = data_indexes.create(Actor.from_api(request), hierarchy, data["path"])
        return Response(DataIndexSerializer(index).data, 201)


class DataIndexDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=DataIndexSerializer, operation_id="data_indexes_show")
    def get(self, request: Request, hierarchy_id: UUID, index_id: UUID) -> Response:
        """Show an index with its state."""
        return Response(DataIndexSerializer(_get_index(request, hierarchy_id, index_id)).data)

    @extend_schema(responses={204: None}, operation_id="data_indexes_delete")
    def delete(self, request: Request, hierarchy_id: UUID, index_id: UUID) -> Response:
        """Delete an index. Filters go on to work, without it."""
        data_indexes.delete(Actor.from_api(request), _get_index(request, hierarchy_id, index_id))
        return Response(status=204)


class DataIndexRetry(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses=DataIndexSerializer, operation_id="data_indexes_retry")
    def post(self, request: Request, hierarchy_id: UUID, index_id: UUID) -> Response:
        """Have an index that failed built again."""
        index = data_indexes.retry(Actor.from_api(request), _get_index(request, hierarchy_id, index_id))
        return Response(DataIndexSerializer(index).data)


class HierarchyTotals(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=TotalsSerializer, operation_id="hierarchies_totals")
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """Show how many records and bytes there are on each level; of many, as a worker counted them last."""
        hierarchy = get_hierarchy(request, hierarchy_id)
        return Response(totals_body(hierarchy.record_count, totals.of(hierarchy)))


def _get_index(request: Request, hierarchy_id: UUID, index_id: UUID) -> DataIndex:
    hierarchy = get_hierarchy(request, hierarchy_id)
    index = get_or_missing(hierarchy.data_indexes.select_related("created_by"), "Data index", index_id)
    index.hierarchy = hierarchy
    return index
