"""What was sent to a webhook, and sending it again."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.web import pages
from notifications import webhooks
from notifications.web.finding import find_delivery, find_managed_project, find_webhook


@login_required
@require_safe
def delivery_page(request: HttpRequest, team: str, project: str, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    found = find_managed_project(request, team, project)
    webhook = find_webhook(request, found, webhook_id)
    delivery = find_delivery(webhook, delivery_id)
    context = {"project": found, "webhook": webhook, "delivery": delivery, "back": webhook.get_absolute_url()}
    return pages.answer(request, "notifications/delivery.html", context | {"tries": list(delivery.tries.all())[::-1]})


@login_required
@require_POST
def redeliver(request: HttpRequest, team: str, project: str, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    found = find_managed_project(request, team, project)
    webhook = find_webhook(request, found, webhook_id)
    webhooks.redeliver(request.user, find_delivery(webhook, delivery_id))
    return pages.done(request, "Delivery queued again.", webhook.get_absolute_url())
