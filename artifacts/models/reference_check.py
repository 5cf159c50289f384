"""Versions whose references are to be checked: a row is there from the request to the end of the check."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7


class ReferenceCheckQuerySet(models.QuerySet["ReferenceCheck"]):
    def waiting(self, now: datetime) -> Self:
        """Those that no worker is at, in the order of their turns; who died at one has until its time is over."""
        return self.filter(Q(busy_until=None) | Q(busy_until__lte=now)).order_by("turn_at", "id")

    def running(self, now: datetime) -> Self:
        return self.filter(busy_until__gt=now)


class ReferenceCheck(models.Model):
    """Large versions take several turns, between which others have theirs; `position` is where the next goes on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="reference_checks", db_index=False
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    requested_at = models.DateTimeField(default=timezone.now)
    turn_at = models.DateTimeField(default=timezone.now, help_text="Since when it waits for its next turn.")
    busy_until = models.DateTimeField(null=True, help_text="Until then a worker is at it, or has died.")
    position = models.UUIDField(null=True, help_text="The last file that was checked.")
    checked_count = models.PositiveIntegerField(default=0)
    found = models.JSONField(default=dict, help_text="How many references became what, and the first of them.")

    objects = ReferenceCheckQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version"], name="reference_check_unique")]
        indexes = [models.Index(fields=["turn_at"], name="reference_check_by_turn")]

    def __str__(self) -> str:
        return f"references of {self.version_id}"
