"""Something that happened in a project, kept so that everybody who listens gets to know of it."""

import json
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from projects.models import Project


class Kind(models.TextChoices):
    ALIAS_CREATED = "alias.created", "Alias created"
    ALIAS_MOVED = "alias.moved", "Alias moved"
    ALIAS_DELETED = "alias.deleted", "Alias deleted"
    VERSION_FINALIZED = "version.finalized", "Version finalized"
    VERSION_DELETED = "version.deleted", "Version deleted"
    ALIAS_PROPOSED = "alias.proposed", "Move proposed"
    ALIAS_APPROVED = "alias.approved", "Proposed move approved"
    ALIAS_REJECTED = "alias.rejected", "Proposed move rejected"
    # Of webhooks themselves: nobody chooses to hear of them.
    WEBHOOK_TEST = "webhook.test", "Webhook tested"
    WEBHOOK_PAUSED = "webhook.paused", "Webhook paused"


# What a webhook can be told of.
SUBSCRIBABLE_EVENTS = [kind for kind in Kind if not kind.startswith("webhook.")]


class EventQuerySet(models.QuerySet["Event"]):
    def waiting(self) -> Self:
        """Those that nobody has been told of yet, the oldest first."""
        return self.filter(announced_at=None).order_by("id")


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=32, choices=Kind)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Not a key to another table: what it tells of may be gone.
    artifact_id = models.UUIDField(null=True, editable=False)
    alias = models.CharField(max_length=100, blank=True, default="")
    data = models.JSONField(help_text="What is sent, as JSON.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    tell = models.JSONField(default=list, help_text="Ids of people to be told whether or not they watch.")
    created_at = models.DateTimeField(default=timezone.now)
    announced_at = models.DateTimeField(null=True, help_text="Since then it is known who is to be told.")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(kind__in=Kind.values), name="event_kind_is_known")]
        indexes = [
            models.Index(fields=["id"], condition=Q(announced_at=None), name="event_waiting"),
            models.Index(fields=["project", "-id"], name="event_of_project"),
            models.Index(fields=["created_at"], name="event_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.alias}".strip()

    @property
    def message_id(self) -> str:
        """The same for everybody who is told, and however often."""
        return f"msg_{self.pk.hex}"

    @property
    def payload(self) -> dict[str, Any]:
        """As Standard Webhooks say: what happened, when, and all about it."""
        return {"type": self.kind, "timestamp": self.created_at.isoformat(), "data": self.data}

    @property
    def body(self) -> bytes:
        """The payload as it is sent and signed: the same bytes each time."""
        return json.dumps(self.payload, ensure_ascii=False, separators=(",", ":")).encode()
