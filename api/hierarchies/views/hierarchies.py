"""Hierarchies: list, create, show, change, delete."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.hierarchies.lookups import get_hierarchy
from api.hierarchies.serializers import HierarchyCreate, HierarchyQuery, HierarchySerializer, HierarchyUpdate
from api.pagination import page_of, paginate, parse
from api.permissions import SignedIn
from api.serialization import parse_body
from hierarchies import hierarchies
from hierarchies.models import Hierarchy
from projects.models import Project


class HierarchyList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[HierarchyQuery], responses=page_of(HierarchySerializer), operation_id="hierarchies_list")
    def get(self, request: Request) -> Response:
        """List the hierarchies of projects that you can see, or of one project."""
        query = parse(request, HierarchyQuery)
        columns: dict[str, Any] = {"project__in": Project.objects.visible_to(request.user)}
        if "project" in query:
            columns = {"project": Project.objects.visible_to(request.user).find(query["project"])}
        if "name" in query:
            columns["name"] = query["name"]
        rows = Hierarchy.objects.filter(**columns).for_display().order_by("-id")
        return paginate(request, rows, HierarchySerializer)

    @extend_schema(request=HierarchyCreate, responses={201: HierarchySerializer}, operation_id="hierarchies_create")
    def post(self, request: Request) -> Response:
        """Create a hierarchy in a project."""
        data = parse_body(HierarchyCreate, request)
        project = Project.objects.visible_to(request.user).find(data.pop("project"))
        return Response(HierarchySerializer(hierarchies.create(Actor.from_api(request), project, **data)).data, 201)


class HierarchyDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=HierarchySerializer, operation_id="hierarchies_show")
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """Show a hierarchy."""
        return Response(HierarchySerializer(get_hierarchy(request, hierarchy_id)).data)

    @extend_schema(request=HierarchyUpdate, responses=HierarchySerializer, operation_id="hierarchies_update")
    def patch(self, request: Request, hierarchy_id: UUID) -> Response:
        """Change a hierarchy: the fields that are sent."""
        hierarchy, changes = get_hierarchy(request, hierarchy_id), parse_body(HierarchyUpdate, request)
        return Response(HierarchySerializer(hierarchies.update(Actor.from_api(request), hierarchy, **changes)).data)

    @extend_schema(responses={204: None}, operation_id="hierarchies_delete")
    def delete(self, request: Request, hierarchy_id: UUID) -> Response:
        """Delete a hierarchy with all its records."""
        hierarchies.delete(Actor.from_api(request), get_hierarchy(request, hierarchy_id))
        return Response(status=204)
