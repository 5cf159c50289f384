"""What is owed to the object store: bytes that no row needs any more, until they are gone."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7


class PendingDeletionQuerySet(models.QuerySet["PendingDeletion"]):
    def due(self, now: datetime) -> Self:
        return self.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "id")

    def failed(self) -> Self:
        """Those that the store did not carry out when it was last asked."""
        return self.filter(failures__gt=0)


class PendingDeletion(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=1400)
    is_prefix = models.BooleanField(default=False, help_text="Everything whose key begins so.")
    upload_id = models.CharField(max_length=1024, blank=True, default="", help_text="A multipart upload to abort.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0, help_text="Attempts since the last one that succeeded.")
    last_error = models.TextField(blank=True, default="")

    objects = PendingDeletionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="pending_deletion_key_unique"),
            models.CheckConstraint(condition=~models.Q(key=""), name="pending_deletion_has_key"),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], name="pending_deletion_due")]

    def __str__(self) -> str:
        return self.key
