"""One event on its way to one webhook, and each attempt to bring it there."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone
from uuid_utils.compat import uuid7

from core import long_values
from events.models import Event
from notifications import message_formats
from notifications.models.webhook import Webhook
from notifications.webhook_events import WEBHOOK_TEST
from projects.models.project import Project


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(webhook__project__in=Project.objects.visible_to(user))

    def due(self, now: datetime) -> Self:
        """What is to be sent now, the oldest event first. To a webhook that is not live only tests are."""
        live = Q(webhook__active=True, webhook__paused_at=None) | Q(event__kind=WEBHOOK_TEST.name)
        return self.filter(live, state=Delivery.State.PENDING, next_attempt_at__lte=now).order_by("event_id")

    def annotate_newest(self, webhooks: models.QuerySet[Webhook]) -> models.QuerySet[Webhook]:
        """The webhooks, each with `last_state` and `last_at` of the newest delivery, None where there was none."""
        newest = self.filter(webhook=OuterRef("pk")).order_by("-id")
        return webhooks.annotate(
            last_state=Subquery(newest.values("state")[:1]), last_at=Subquery(newest.values("created_at")[:1])
        )

    def annotate_attempts(self) -> Self:
        """Each with the number of all its attempts as `attempts_made`, and what the last one came to: `last_status`,
        the status of the response, or else `last_error`.
        """
        own = Attempt.objects.filter(delivery=OuterRef("pk"))
        last = own.order_by("-id")
        return self.annotate(
            attempts_made=Subquery(own.order_by().values("delivery").annotate(made=Count("pk")).values("made")),
            last_status=Subquery(last.values("status_code")[:1]),
            last_error=Subquery(last.values("error")[:1]),
        )

    def for_display(self) -> Self:
        rows = self.select_related("event", "webhook__project__team").prefetch_related("attempts")
        return long_values.defer(rows, "webhook__project")


class Delivery(models.Model):
    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempt_count = models.PositiveIntegerField(default=0, help_text="Attempts since it was last asked for.")
    next_attempt_at = models.DateTimeField(default=timezone.now, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="delivery_unique"),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["delivered", "failed"], next_attempt_at__isnull=True, finished_at__isnull=False),
                name="delivery_waits_or_is_over",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}: {self.state}"

    def get_absolute_url(self) -> str:
        return reverse("webhook-delivery", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name, of a delivery whose webhook, project and team are loaded."""
        return [*self.webhook.url_args, str(self.pk)]

    @property
    def payload(self) -> dict[str, Any]:
        """What is sent, as JSON, in the format of the webhook."""
        return message_formats.payload(self.event, self.webhook.format)

    @property
    def body(self) -> bytes:
        return message_formats.body(self.event, self.webhook.format)

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING

    @property
    def last_attempt(self) -> "Attempt | None":
        """Of a delivery that was loaded `for_display`."""
        attempts = list(self.attempts.all())
        return attempts[-1] if attempts else None


class Attempt(models.Model):
    """What was sent once, and what came back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    headers = models.JSONField(help_text="Of the request, as sent.")
    status_code = models.PositiveIntegerField(null=True, help_text="Null: no answer came.")
    response = models.TextField(blank=True, default="", help_text="The beginning of the answer's body.")
    error = models.CharField(max_length=300, blank=True, default="")
    duration_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status_code or self.error}"

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300
