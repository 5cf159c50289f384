"""External stores of a team, and checks of the references of a version."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from api.accounts.views import get_team
from api.artifacts.lookups import get_version
from api.external_stores.serializers import (
    ExternalStoreCreate,
    ExternalStoreSerializer,
    ExternalStoreUpdate,
    ReferenceCheckSerializer,
    StoreTestRequest,
    StoreTestSerializer,
)
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts.models import ExternalStore
from artifacts.references import checks, external_stores, store_tests


class ExternalStoreList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[PageQuery], responses=page_of(ExternalStoreSerializer), operation_id="external_stores_list"
    )
    def get(self, request: Request, name: str) -> Response:
        """List the external stores of a team, for its admins."""
        team = get_team(request, name)
        permissions.require(Actor.from_api(request), team, Role.ADMIN)
        rows = team.external_stores.select_related("team", "created_by").order_by("name", "id")
        return paginate(request, rows, ExternalStoreSerializer)

    @extend_schema(
        request=ExternalStoreCreate, responses={201: ExternalStoreSerializer}, operation_id="external_stores_create"
    )
    def post(self, request: Request, name: str) -> Response:
        """Add an external store, for which the server signs URLs and checks references. No response has credentials."""
        team, data = get_team(request, name), parse_body(ExternalStoreCreate, request)
        store = external_stores.create(Actor.from_api(request), team, **_arguments(data))
        return Response(ExternalStoreSerializer(store).data, 201)


class ExternalStoreDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ExternalStoreSerializer, operation_id="external_stores_show")
    def get(self, request: Request, store_id: UUID) -> Response:
        """Show an external store."""
        return Response(ExternalStoreSerializer(get_store(request, store_id)).data)

    @extend_schema(
        request=ExternalStoreUpdate, responses=ExternalStoreSerializer, operation_id="external_stores_update"
    )
    def patch(self, request: Request, store_id: UUID) -> Response:
        """Change an external store: the fields that are sent."""
        store, data = get_store(request, store_id), parse_body(ExternalStoreUpdate, request)
        store = external_stores.update(Actor.from_api(request), store, **_arguments(data))
        return Response(ExternalStoreSerializer(store).data)

    @extend_schema(responses={204: None}, operation_id="external_stores_delete")
    def delete(self, request: Request, store_id: UUID) -> Response:
        """Delete an external store with its credentials. What is in it stays, and so do the references."""
        external_stores.delete(Actor.from_api(request), get_store(request, store_id))
        return Response(status=204)


class ExternalStoreTest(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=StoreTestRequest, responses=StoreTestSerializer, operation_id="external_stores_test")
    def post(self, request: Request, store_id: UUID) -> Response:
        """Have the server ask the store once, by a HEAD, whether it may read there."""
        store, data = get_store(request, store_id), parse_body(StoreTestRequest, request)
        return Response(StoreTestSerializer(store_tests.test(Actor.from_api(request), store, **data)).data)


class VersionCheck(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={202: ReferenceCheckSerializer}, operation_id="versions_check")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Have the references of a version checked, for editors. `references_checked_at` moves when it is done."""
        check = checks.request(Actor.from_api(request), get_version(request, version_id))
        return Response(ReferenceCheckSerializer(check).data, 202)


def get_store(request: Request, pk: UUID) -> ExternalStore:
    """A store of a team of the user. Raises `Denied` for who is no admin of it."""
    rows = ExternalStore.objects.visible_to(request.user).select_related("team", "created_by")
    store = get_or_missing(rows, "External store", pk)
    permissions.require(Actor.from_api(request), store.team, Role.ADMIN)
    return store


def _arguments(data: dict[str, Any]) -> dict[str, Any]:
    """Those of the verbs, whose word for credentials is what was given."""
    given = {"given": data.pop("credentials")} if "credentials" in data else {}
    return data | given
