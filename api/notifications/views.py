"""Webhooks and their deliveries, the inbox, and watches."""

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
from api.lookups import get_or_missing
from api.notifications.serializers import (
    DeliverySerializer,
    DigestSerializer,
    InboxItemSerializer,
    InboxRead,
    InboxSerializer,
    NewWebhookSerializer,
    PreviewQuery,
    UnreadSerializer,
    WatchCreate,
    WatchSerializer,
    WebhookCreate,
    WebhookPreviewSerializer,
    WebhookSerializer,
    WebhookUpdate,
)
from api.pagination import (
    CursorQuery,
    PageQuery,
    cursor_page,
    cursor_page_of,
    page_by_cursor,
    page_of,
    paginate,
    parse,
)
from api.permissions import SignedIn
from api.projects.views import get_project
from api.serialization import parse_body
from artifacts.models import Artifact
from notifications import digests, inbox, proposal_notices, watches, webhook_previews, webhooks
from notifications.models import Delivery, InboxItem, Watch, Webhook
from projects.models import Project

# A delivery has all its attempts, each with the beginning of the response.
MAX_DELIVERIES = 100


class WebhookList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(WebhookSerializer), operation_id="webhooks_list")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List the webhooks of a project, for team admins."""
        project = get_project(request, project_id)
        permissions.require(Actor.from_api(request), project.team, Role.ADMIN)
        return paginate(request, Webhook.objects.filter(project=project).for_display(), WebhookSerializer)

    @extend_schema(request=WebhookCreate, responses={201: NewWebhookSerializer}, operation_id="webhooks_create")
    def post(self, request: Request, project_id: UUID) -> Response:
        """Create a webhook. Only this response contains its secret."""
        project = get_project(request, project_id)
        made = webhooks.create(Actor.from_api(request), project, **parse_body(WebhookCreate, request))
        return Response(NewWebhookSerializer(made).data, 201)


class WebhookPreview(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PreviewQuery], responses=WebhookPreviewSerializer, operation_id="webhooks_preview")
    def get(self, request: Request, project_id: UUID) -> Response:
        """Show what a webhook in this format would be sent of an event, for team admins."""
        project = get_project(request, project_id)
        permissions.require(Actor.from_api(request), project.team, Role.ADMIN)
        query = parse(request, PreviewQuery)
        preview = webhook_previews.preview(Actor.from_api(request), project, query["format"], query["event"])
        return Response(query | {"payload": preview.payload})


class WebhookDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=WebhookSerializer, operation_id="webhooks_show")
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Show a webhook."""
        return Response(WebhookSerializer(get_webhook(request, webhook_id)).data)

    @extend_schema(request=WebhookUpdate, responses=WebhookSerializer, operation_id="webhooks_update")
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change a webhook: the fields that are sent; `active` pauses and resumes the webhook."""
        webhook = get_webhook(request, webhook_id)
        return Response(
            WebhookSerializer(
                webhooks.update(Actor.from_api(request), webhook, **parse_body(WebhookUpdate, request))
            ).data
        )

    @extend_schema(responses={204: None}, operation_id="webhooks_delete")
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete a webhook with its delivery log."""
        webhooks.delete(Actor.from_api(request), get_webhook(request, webhook_id))
        return Response(status=204)


class WebhookTest(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={202: DeliverySerializer}, operation_id="webhooks_test")
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a `webhook.test` event to this webhook, once."""
        delivery = webhooks.test(Actor.from_api(request), get_webhook(request, webhook_id))
        return Response(DeliverySerializer(delivery).data, 202)


class WebhookSecret(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses=NewWebhookSerializer, operation_id="webhooks_renew_secret")
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Generate a new secret. Only this response contains it."""
        webhook = webhooks.renew_secret(Actor.from_api(request), get_webhook(request, webhook_id))
        return Response(NewWebhookSerializer(webhook).data)


class DeliveryList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[CursorQuery], responses=cursor_page_of(DeliverySerializer), operation_id="webhooks_deliveries"
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """List the deliveries of a webhook with their responses, newest first."""
        deliveries = get_webhook(request, webhook_id).deliveries.for_display()
        return page_by_cursor(request, deliveries, "-id", DeliverySerializer, most=MAX_DELIVERIES)


class DeliveryRedeliver(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={202: DeliverySerializer}, operation_id="webhook_deliveries_redeliver")
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send a delivery again, with the same `webhook-id`."""
        visible = Delivery.objects.visible_to(request.user).select_related("event", "webhook__project__team")
        delivery = webhooks.redeliver(Actor.from_api(request), get_or_missing(visible, "Delivery", delivery_id))
        return Response(DeliverySerializer(delivery).data, 202)


class InboxList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[CursorQuery], responses=InboxSerializer, operation_id="inbox_list")
    def get(self, request: Request) -> Response:
        """List the items of your inbox, newest first."""
        row, next_cursor = cursor_page(request, InboxItem.objects.visible_to(request.user).for_display(), "-id")
        items = InboxItemSerializer(proposal_notices.attach(row), many=True).data
        return Response({"items": items, "next_cursor": next_cursor, "unread": inbox.unread(request.user)})


class InboxMark(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=InboxRead, responses=UnreadSerializer, operation_id="inbox_read")
    def post(self, request: Request) -> Response:
        """Mark items of your inbox as read, by id or all of them."""
        inbox.mark_read(Actor.from_api(request), parse_body(InboxRead, request).get("ids"))
        return Response({"unread": inbox.unread(request.user)})


class InboxDigest(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=DigestSerializer, operation_id="inbox_digest")
    def get(self, request: Request) -> Response:
        """Show how often you get a digest by e-mail."""
        return Response({"frequency": digests.frequency_of(request.user)})

    @extend_schema(request=DigestSerializer, responses=DigestSerializer, operation_id="inbox_digest_choose")
    def put(self, request: Request) -> Response:
        """Choose how often you get a digest by e-mail."""
        frequency = parse_body(DigestSerializer, request)["frequency"]
        digests.choose(Actor.from_api(request), frequency)
        return Response({"frequency": frequency})


class WatchList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[PageQuery], responses=page_of(WatchSerializer), operation_id="watches_list")
    def get(self, request: Request) -> Response:
        """List your watches."""
        return paginate(request, Watch.objects.visible_to(request.user).for_display(), WatchSerializer)

    @extend_schema(
        request=WatchCreate, responses={200: WatchSerializer, 201: WatchSerializer}, operation_id="watches_create"
    )
    def post(self, request: Request) -> Response:
        """Watch a team, a project or an artifact (201), or change how you watch it (200)."""
        data = parse_body(WatchCreate, request)
        watched = watches.watch(Actor.from_api(request), **_target(request, data), **data)
        row = Watch.objects.for_display().get(pk=watched.watch.pk)
        return Response(WatchSerializer(row).data, 201 if watched.created else 200)


class WatchDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="watches_delete")
    def delete(self, request: Request, watch_id: UUID) -> Response:
        """Stop watching."""
        watches.unwatch(Actor.from_api(request), get_or_missing(request.user.watches, "Watch", watch_id))
        return Response(status=204)


def get_webhook(request: Request, webhook_id: UUID) -> Webhook:
    """404 for users who cannot see the project, 403 for those who are not an admin of its team."""
    webhook = get_or_missing(Webhook.objects.visible_to(request.user).for_display(), "Webhook", webhook_id)
    permissions.require(Actor.from_api(request), webhook.project.team, Role.ADMIN)
    return webhook


def _target(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """The team, or the project and artifact, to watch, removed from the data."""
    if "team" in data:
        return {"scope": get_team(request, data.pop("team"))}
    if "project" in data:
        return {"scope": Project.objects.visible_to(request.user).find(data.pop("project"))}
    visible = Artifact.objects.visible_to(request.user).select_related("project__team")
    artifact = get_or_missing(visible, "Artifact", data.pop("artifact"))
    return {"scope": artifact.project, "artifact": artifact}
