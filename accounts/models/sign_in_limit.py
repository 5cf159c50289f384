"""How many sign-ins have failed lately: by name and address, by address, by name, by device."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7


class SignInLimitQuerySet(models.QuerySet["SignInLimit"]):
    def forgotten(self, before: datetime) -> "SignInLimitQuerySet":
        """Those whose last failure was before that time."""
        return self.filter(last_failed_at__lt=before)

    def lock_or_create(self, keys: list[str]) -> dict[str, "SignInLimit"]:
        """The rows of these keys, locked until the transaction ends; those that are not there are created."""
        rows = [SignInLimit(key=key) for key in sorted(keys)]
        # Writing the key over itself locks a row that is there, and no other transaction can delete it in between.
        self.bulk_create(rows, update_conflicts=True, unique_fields=["key"], update_fields=["key"])
        return {row.key: row for row in self.filter(key__in=keys)}


class SignInLimit(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # A keyed hash of what is counted: people type their passwords into the wrong field.
    key = models.CharField(max_length=64)
    failures = models.PositiveIntegerField(default=0)
    last_failed_at = models.DateTimeField(default=timezone.now)
    free_at = models.DateTimeField(null=True, help_text="When the next attempt may be made; null: at any time.")

    objects = SignInLimitQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="sign_in_limit_key_unique")]
        indexes = [models.Index(fields=["last_failed_at"], name="sign_in_limit_by_age")]

    def __str__(self) -> str:
        return f"{self.failures} since {self.last_failed_at}"

    def recent_failures(self, since: datetime) -> int:
        return self.failures if self.last_failed_at >= since else 0

    def seconds_left(self, now: datetime) -> int:
        """How long the next attempt has to wait, in whole seconds."""
        return 0 if self.free_at is None else max(0, -((now - self.free_at) // timedelta(seconds=1)))
