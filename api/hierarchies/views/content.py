"""What a record has beside its row: its metadata, its bytes, and how bytes get in."""

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from api.hierarchies import downloads
from api.hierarchies.permissions import MayEnter
from api.hierarchies.record_serializers import DownloadQuery, PayloadUploadsRequest, PayloadUploadsSerializer
from api.hierarchies.renderers import AnyTypeRenderer
from api.hierarchies.views.base import HierarchyView, person
from api.pagination import parse
from api.serialization import parse_body
from hierarchies import payloads, records
from hierarchies.models import Operation
from hierarchies.payloads import UploadSpec


class RecordMetadata(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.READ}

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="records_metadata")
    def get(self, request: Request, record_id: str, **names: str) -> Response:
        """Show the `metadata` of a record's data; an empty object where it has none."""
        data = payloads.read_data(records.get(self.hierarchy, record_id))
        metadata = data.get("metadata") if isinstance(data, dict) else None
        return Response(metadata if isinstance(metadata, dict) else {})


class RecordDownload(HierarchyView):
    permission_classes = [MayEnter]
    operations = {"GET": Operation.DOWNLOAD}
    renderer_classes = [AnyTypeRenderer]

    @extend_schema(
        parameters=[DownloadQuery],
        responses={
            (200, "application/json"): OpenApiTypes.ANY,
            (200, "*/*"): OpenApiTypes.BINARY,
            (302, "*/*"): OpenApiTypes.BINARY,
        },
        operation_id="records_download",
    )
    def get(self, request: Request, record_id: str, **names: str) -> HttpResponseBase:
        """Download what a record holds: its content, unless `pointer` says another part of its data.

        Bytes come as they are, from 1 MiB on by a redirect to the object store; a data frame as `Accept` or `format`
        asks for; anything else as JSON.
        """
        query = parse(request, DownloadQuery)
        return downloads.response(request, records.get(self.hierarchy, record_id), query, person(request))


class PayloadUploads(HierarchyView):
    permission_classes = [MayEnter]

    @extend_schema(
        request=PayloadUploadsRequest, responses=PayloadUploadsSerializer, operation_id="records_begin_uploads"
    )
    def post(self, request: Request, **names: str) -> Response:
        """Get a signed URL for each of up to 1,000 payloads: PUT the bytes there, then name the ids in a record."""
        specs = [
            UploadSpec(one["sha256"], one["size"]) for one in parse_body(PayloadUploadsRequest, request)["payloads"]
        ]
        uploads = payloads.begin_uploads(Actor.from_api(request), self.hierarchy, specs)
        body = [
            {"id": str(upload.id), "put": upload.put and {"url": upload.put.url, "headers": upload.put.headers}}
            for upload in uploads
        ]
        return Response({"payloads": body})
