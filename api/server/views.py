"""What clients ask to find out whether they and the server fit, and whether they reach the object store."""

from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.permissions import SignedIn
from api.server.serializers import ServerSerializer, StoreProbeSerializer
from artifacts import store_probes


class Server(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ServerSerializer, operation_id="server")
    def get(self, request: Request) -> Response:
        """Show the version and the clock of the server."""
        payload = {
            "version": settings.VERSION,
            "oldest_client_version": settings.OLDEST_CLIENT_VERSION,
            "time": timezone.now(),
        }
        return Response(ServerSerializer(payload).data)


class StoreProbeList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={201: StoreProbeSerializer}, operation_id="store_probes_create")
    def post(self, request: Request) -> Response:
        """Sign the upload and the download of a small object, to try the way to the object store. Nothing is stored."""
        return Response(StoreProbeSerializer(store_probes.create(request.user.pk)).data, 201)


class StoreProbeDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="store_probes_delete")
    def delete(self, request: Request, probe_id: UUID) -> Response:
        """Delete the object of a probe of yours. Without that it goes some hours later."""
        store_probes.delete(request.user.pk, probe_id)
        return Response(status=204)
