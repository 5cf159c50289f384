"""Service accounts of a team, and their API keys."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys, permissions, service_accounts
from accounts.actor import Actor
from accounts.models import Role, User
from api.accounts.serializers import (
    KeyCreate,
    KeySerializer,
    MemberSerializer,
    NewKeySerializer,
    ServiceAccountCreate,
)
from api.accounts.views import get_team
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from core import errors


class ServiceAccountList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        request=ServiceAccountCreate, responses={201: MemberSerializer}, operation_id="service_accounts_create"
    )
    def post(self, request: Request, name: str) -> Response:
        """Create a service account: a member of the team for programs, which signs in by API keys alone."""
        data = parse_body(ServiceAccountCreate, request)
        member = service_accounts.create(Actor.from_api(request), get_team(request, name), **data)
        return Response(MemberSerializer(member).data, 201)


class ServiceAccountKeyList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(KeySerializer), operation_id="service_account_keys_list")
    def get(self, request: Request, name: str, account: str) -> Response:
        """List the API keys of a service account, newest first."""
        found = get_account(request, name, account)
        return paginate(request, found.api_keys.order_by("-id"), KeySerializer)

    @extend_schema(request=KeyCreate, responses={201: NewKeySerializer}, operation_id="service_account_keys_create")
    def post(self, request: Request, name: str, account: str) -> Response:
        """Create an API key for a service account. Only this response contains its value."""
        data = parse_body(KeyCreate, request)
        found = get_account(request, name, account)
        key, key.value = keys.create(Actor.from_api(request), **data, account=found)
        return Response(NewKeySerializer(key).data, 201)


class ServiceAccountKeyDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="service_account_keys_revoke")
    def delete(self, request: Request, name: str, account: str, account_key_id: UUID) -> Response:
        """Revoke an API key of a service account."""
        rows = get_account(request, name, account).api_keys.select_related("user")
        keys.revoke(Actor.from_api(request), get_or_missing(rows, "API key", account_key_id))
        return Response(status=204)


def get_account(request: Request, name: str, username: str) -> User:
    """A service account of a team, for its admins. Raises `Denied` for other members, and `Missing`."""
    team = get_team(request, name)
    permissions.require(Actor.from_api(request), team, Role.ADMIN)
    account = User.objects.filter(is_service_account=True, memberships__team=team, username=username).first()
    if account is None:
        raise errors.Missing(f"Team '{name}' has no service account '{username}'.")
    return account
