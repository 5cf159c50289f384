"""Links of a version in collections: make one, list those that the reader sees."""

from functools import partial
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.artifacts.link_serializers import LinkCreate
from api.artifacts.lookups import get_version
from api.artifacts.serializers import VersionItemSerializer, VersionSerializer
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts import link_sources, links
from artifacts.models import ArtifactVersion


class VersionLinks(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(VersionItemSerializer), operation_id="versions_links_list")
    def get(self, request: Request, version_id: UUID) -> Response:
        """List the links of a version in collections that you can see, newest first."""
        version = get_version(request, version_id)
        rows = ArtifactVersion.objects.visible_to(request.user).filter(linked_version=version)
        attach = partial(link_sources.attach, request.user)
        return paginate(request, rows.for_display().order_by("-id"), VersionItemSerializer, prepare=attach)

    @extend_schema(
        request=LinkCreate,
        responses={200: VersionSerializer, 201: VersionSerializer},
        operation_id="versions_links_create",
    )
    def post(self, request: Request, version_id: UUID) -> Response:
        """Link a finalized version in a collection (201), or get the link there is (200); aliases move to it.

        A collection that is named and is not there is made, with the type of the version.
        """
        version = get_version(request, version_id)
        data = parse_body(LinkCreate, request, version_id=version_id)
        actor = Actor.from_api(request, data.get("reason", ""))
        link, is_new = links.link_to(actor, version, data["collection"], aliases=data.get("aliases", ()))
        link = ArtifactVersion.objects.for_display().get(pk=link.pk)
        link_sources.attach(request.user, [link])
        return Response(VersionSerializer(link).data, 201 if is_new else 200)
