"""An address of another program that is told what happens in a project."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf
from django.urls import reverse
from uuid_utils.compat import uuid7

from core import encryption, long_values
from events.models import Event
from notifications.message_formats import WebhookFormat
from projects.models.project import Project


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def visible_to(self, user: Any) -> Self:
        """Those of projects that the user sees. To be shown one, the user must also be an admin of its team."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def live(self) -> Self:
        """Those that send: neither switched off nor paused."""
        return self.filter(active=True, paused_at=None)

    def annotate_order(self) -> Self:
        """Each with what it is sorted by: `title_key`, and `state_rank`, less for one that is better."""
        states = [When(active=False, then=3), When(paused_at__isnull=False, then=2), When(failures__gt=0, then=1)]
        title = Coalesce(NullIf("description", Value("")), F("url"))
        return self.annotate(title_key=Lower(title), state_rank=Case(*states, default=0))

    def for_display(self) -> Self:
        return long_values.defer(self.select_related("project__team", "created_by"), "project")


class Webhook(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=2000)
    format = models.CharField(max_length=10, choices=WebhookFormat, default=WebhookFormat.GENERIC)
    description = models.CharField(max_length=200, blank=True, default="")
    events = models.JSONField(help_text="The kinds of events that it is told of.")
    encrypted_secret = models.TextField(
        editable=False, help_text="Signs what is sent: `whsec_`, and 32 bytes in base64, encrypted."
    )
    active = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0, help_text="Deliveries given up since the last that arrived.")
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=300, blank=True, default="")
    busy_until = models.DateTimeField(null=True, help_text="Until then one worker alone sends to it.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(format__in=WebhookFormat.values), name="webhook_format_is_known"),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True, pause_reason="")
                | (Q(paused_at__isnull=False) & ~Q(pause_reason="")),
                name="webhook_pause_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name, of a webhook whose project and team are loaded."""
        return [*self.project.url_args, str(self.pk)]

    @property
    def secret(self) -> str:
        """Raises `Undecryptable` where it was encrypted under a secret key that is gone."""
        return encryption.decrypt(self.encrypted_secret)

    @secret.setter
    def secret(self, value: str) -> None:
        self.encrypted_secret = encryption.encrypt(value)

    @property
    def is_signed(self) -> bool:
        """Whether its receiver verifies signatures: chats do not, they trust whoever knows the URL."""
        return self.format == WebhookFormat.GENERIC

    @property
    def is_live(self) -> bool:
        return self.active and self.paused_at is None

    def subscribes_to(self, event: Event) -> bool:
        """Whether it is to be told of the event: of no kind that was not chosen, and of nothing before its time."""
        return event.kind in self.events and self.created_at <= event.created_at
