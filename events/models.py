"""Something that happened in a project, kept so that everybody who listens gets to know of it."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from events import kinds
from projects.models.project import Project


class EventQuerySet(models.QuerySet["Event"]):
    def unannounced(self) -> Self:
        """Those that nobody has been told of yet, the oldest first."""
        return self.filter(announced_at=None).order_by("id")


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Asked for anew each time: the kinds are known once all apps are ready.
    kind = models.CharField(max_length=32, choices=kinds.choices)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Not a key to another table: what it tells of may be gone.
    artifact_id = models.UUIDField(null=True, editable=False)
    alias = models.CharField(max_length=128, blank=True, default="")
    run_id = models.UUIDField(null=True, editable=False, help_text="Of an alert.")
    data = models.JSONField(help_text="What is sent, as JSON.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    recipients = models.JSONField(default=list, help_text="Ids of people to be told whether or not they watch.")
    created_at = models.DateTimeField(default=timezone.now)
    announced_at = models.DateTimeField(null=True, help_text="Since then it is known who is to be told.")

    objects = EventQuerySet.as_manager()

    class Meta:
        db_table = "notifications_event"
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(kind__regex=kinds.NAME), name="event_kind_is_valid")]
        indexes = [
            models.Index(fields=["id"], condition=Q(announced_at=None), name="event_waiting"),
            models.Index(fields=["project", "-id"], name="event_of_project"),
            models.Index(fields=["created_at"], name="event_by_age"),
            models.Index(fields=["actor", "-id"], name="event_of_actor"),
            models.Index(fields=["run_id", "created_at"], condition=Q(run_id__isnull=False), name="event_of_run"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.alias}".strip()

    def get_absolute_url(self) -> str:
        """The path of the page that showed it when it happened."""
        return kinds.get(self.kind).url(self)

    @property
    def message(self) -> str:
        """What happened, in a sentence without a full stop, on one line whatever names and reasons hold."""
        return " ".join(kinds.get(self.kind).message(self).split())

    @property
    def details(self) -> str:
        """What was said beside that, as prose: the reason of a change, the text of an alert; empty if nothing was."""
        return str(self.data.get("reason") or self.data.get("text") or "").strip()

    @property
    def message_id(self) -> str:
        """The same for everybody who is told, and however often."""
        return f"msg_{self.pk.hex}"

    @property
    def payload(self) -> dict[str, Any]:
        """As Standard Webhooks say: what happened, when, and all about it."""
        return {"type": self.kind, "timestamp": self.created_at.isoformat(), "data": self.data}
