"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from notifications.models import Delivery, Webhook
from projects.models import Project


def get_webhook(request: HttpRequest, project: Project, webhook_id: UUID) -> Webhook:
    webhook = get_object_or_404(Webhook.objects.select_related("created_by"), project=project, pk=webhook_id)
    webhook.project = project
    return webhook


def get_delivery(webhook: Webhook, delivery_id: UUID) -> Delivery:
    row = Delivery.objects.select_related("event").prefetch_related("attempts")
    delivery = get_object_or_404(row, webhook=webhook, pk=delivery_id)
    delivery.webhook = webhook
    return delivery
