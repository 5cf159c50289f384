"""What a hierarchy says of itself, as a service does: health, info, and the schema of its records."""

from django.conf import settings
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.hierarchies import record_schema
from api.hierarchies.permissions import MayEnter
from api.hierarchies.serializers import HealthSerializer, HierarchySerializer, InfoSerializer, health_body
from api.hierarchies.views.base import HierarchyView
from artifacts import health


class Health(HierarchyView):
    permission_classes = [MayEnter]

    @extend_schema(responses=HealthSerializer, operation_id="services_health")
    def get(self, request: Request, **names: str) -> Response:
        """Tell whether what records need works: 503 without the database or the object store."""
        parts = health.parts()
        body = health_body({name: parts[name] or None for name in ("database", "store")})
        return Response(body, 200 if body["status"] == "healthy" else 503)


class Info(HierarchyView):
    permission_classes = [MayEnter]

    @extend_schema(responses=InfoSerializer, operation_id="services_info")
    def get(self, request: Request, **names: str) -> Response:
        """Describe the hierarchy: its levels, what is switched on, how many records it has."""
        body = {
            "id": str(self.hierarchy.pk),
            "display_name": self.hierarchy.name,
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "summary": self.hierarchy.description,
            "hierarchy": HierarchySerializer(self.hierarchy).data,
        }
        return Response(body)


class RecordSchema(HierarchyView):
    permission_classes = [MayEnter]

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="records_schema")
    def get(self, request: Request, **names: str) -> Response:
        """The JSON schema of records, with the data of known types."""
        return Response(record_schema.of(self.hierarchy))
