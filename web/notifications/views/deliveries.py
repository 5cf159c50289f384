"""What was sent to a webhook, and sending it again."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import Actor
from accounts.models import Role
from notifications import webhooks
from web import rendering
from web.notifications.lookups import get_delivery, get_webhook
from web.projects.lookups import get_project


@login_required
@require_safe
def delivery_page(request: HttpRequest, team: str, project: str, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    delivery = get_delivery(webhook, delivery_id)
    context = {"project": project, "webhook": webhook, "delivery": delivery, "back": webhook.get_absolute_url()}
    return rendering.render_page(
        request, "notifications/delivery.html", context | {"attempts": list(delivery.attempts.all())[::-1]}
    )


@login_required
@require_POST
def redeliver(request: HttpRequest, team: str, project: str, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    webhook = get_webhook(request, project, webhook_id)
    webhooks.redeliver(Actor.from_page(request), get_delivery(webhook, delivery_id))
    return rendering.redirect_with_message(request, "Delivery queued again.", webhook)
