"""How long records are kept, and the archives of those that went."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from core.bounded_count import COUNT_LIMIT
from hierarchies.models.hierarchy import Hierarchy

# As many days as a date can be counted back by.
MAX_DAYS = 36_500


class RetentionRuleQuerySet(models.QuerySet["RetentionRule"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(hierarchy__in=Hierarchy.objects.visible_to(user))


class RetentionRule(models.Model):
    """What of a level goes: what is beyond the newest `keep_last` of its parent, and older than so many days.

    With both, a record goes only when both say so. Without a level it is for all levels that have no rule of their own.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="retention_rules")
    level = models.IntegerField(null=True, blank=True, help_text="Empty for all levels without a rule of their own.")
    keep_last = models.IntegerField(
        null=True,
        blank=True,
        help_text="How many of each parent stay, the newest ones; on level 0, of all.",
    )
    older_than_days = models.IntegerField(null=True, blank=True, help_text="Younger records stay.")
    archive = models.BooleanField(default=True, help_text="Write what goes to the object store before it is deleted.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    applied_at = models.DateTimeField(null=True, editable=False, help_text="When a worker last looked at it.")
    # For one worker alone until then, so that two do not archive the same records.
    busy_until = models.DateTimeField(null=True, editable=False)

    objects = RetentionRuleQuerySet.as_manager()

    class Meta:
        ordering = ["level", "id"]
        constraints = [
            models.UniqueConstraint(fields=["hierarchy", "level"], name="retention_level_unique"),
            models.UniqueConstraint(
                fields=["hierarchy"], condition=Q(level__isnull=True), name="retention_default_unique"
            ),
            models.CheckConstraint(
                condition=Q(level__isnull=True) | Q(level__gte=0, level__lte=63), name="retention_level_is_one"
            ),
            models.CheckConstraint(
                condition=Q(keep_last__isnull=False) | Q(older_than_days__isnull=False), name="retention_says_what_goes"
            ),
            models.CheckConstraint(
                condition=Q(keep_last__isnull=True) | Q(keep_last__gte=1, keep_last__lte=COUNT_LIMIT),
                name="retention_keep_last_is_sane",
            ),
            models.CheckConstraint(
                condition=Q(older_than_days__isnull=True) | Q(older_than_days__gte=1, older_than_days__lte=MAX_DAYS),
                name="retention_age_is_sane",
            ),
        ]

    def __str__(self) -> str:
        """As people say it: `level 2: beyond the newest 3, older than 30 days`."""
        where = "other levels" if self.level is None else f"level {self.level}"
        return f"{where}: {self.what_goes}"

    @property
    def what_goes(self) -> str:
        beyond = [] if self.keep_last is None else [f"beyond the newest {self.keep_last:,}"]
        days = self.older_than_days
        older = [] if days is None else [f"older than {days:,} day{'' if days == 1 else 's'}"]
        return ", ".join(beyond + older)


class RecordArchive(models.Model):
    """Records that retention deleted, as JSON Lines in the object store, from which they can be restored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The index below begins with the hierarchy.
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="archives", db_index=False)
    blob_hold = models.OneToOneField("artifacts.BlobHold", on_delete=models.PROTECT, related_name="record_archive")
    record_count = models.IntegerField()
    payload_count = models.IntegerField()
    size = models.BigIntegerField(help_text="Bytes of the file and of the payloads that it holds.")
    levels = models.JSONField(help_text="How many records of each level.")
    created_at = models.DateTimeField(auto_now_add=True)
    restored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["hierarchy", "id"], name="record_archive_newest")]

    def __str__(self) -> str:
        return f"{self.record_count:,} records of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def key(self) -> str:
        """Where the file is in the object store; hold, blob and object must be loaded, or these are three queries."""
        return self.blob_hold.blob.object.key


class ArchivedPayload(models.Model):
    """Bytes of an archived record that are too many for the file: they stay where they are, and the file names them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    archive = models.ForeignKey(RecordArchive, on_delete=models.CASCADE, related_name="payloads")
    blob_hold = models.OneToOneField("artifacts.BlobHold", on_delete=models.PROTECT, related_name="archived_payload")

    def __str__(self) -> str:
        return f"{self.archive_id}#{self.pk}"
