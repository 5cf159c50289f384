"""Who gets what is unread in the inbox as one e-mail a day, or a week. No row: none."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class DigestQuerySet(models.QuerySet["Digest"]):
    def due(self, now: datetime) -> Self:
        """The longest due first."""
        return self.filter(next_at__lte=now).order_by("next_at")


class Digest(models.Model):
    class Frequency(models.TextChoices):
        DAILY = "daily", "Daily"
        WEEKLY = "weekly", "Weekly"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="digest"
    )
    frequency = models.CharField(max_length=10, choices=Frequency)
    covered_until = models.DateTimeField(help_text="What came into the inbox until then has been sent.")
    next_at = models.DateTimeField(help_text="When the next one is due, or is tried again.")
    attempts = models.PositiveIntegerField(default=0, help_text="Of the one that is due.")

    objects = DigestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(frequency__in=["daily", "weekly"]), name="digest_frequency_is_known")
        ]
        indexes = [models.Index(fields=["next_at"], name="digest_due")]

    def __str__(self) -> str:
        return f"{self.frequency} to {self.user}"
