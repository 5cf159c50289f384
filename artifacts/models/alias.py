"""A name for a version that matters, and the record of every place it has pointed at."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from accounts.models import ApiKey
from accounts.origin import Face
from artifacts import names


class AliasQuerySet(models.QuerySet["ArtifactAlias"]):
    def for_display(self) -> Self:
        return self.select_related("version", "created_by")

    def with_version(self) -> Self:
        """`for_display`, and with all that is shown of the version, its artifact aside."""
        whole = self.select_related("created_by", "version__run", "version__created_by")
        return whole.defer("version__run__config", "version__run__summary").prefetch_related("version__aliases")


class ArtifactAlias(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, related_name="alias_set", db_index=False
    )
    version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="aliases")
    alias = models.CharField(max_length=100)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AliasQuerySet.as_manager()

    class Meta:
        ordering = ["alias"]
        verbose_name_plural = "artifact aliases"
        constraints = [
            models.UniqueConstraint(fields=["artifact", "alias"], name="alias_unique"),
            models.CheckConstraint(condition=Q(alias__regex=names.ALIAS), name="alias_is_valid"),
        ]
        indexes = [models.Index(fields=["alias", "artifact"], name="alias_by_name")]

    def __str__(self) -> str:
        return self.alias


class AliasChange(models.Model):
    """One assignment or removal of an alias. Rows are only ever added."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, related_name="alias_changes", db_index=False
    )
    alias = models.CharField(max_length=100)
    # Clocks of two processes may disagree; the order of the moves must not.
    number = models.PositiveIntegerField(help_text="The nth change of this alias.")
    from_version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, null=True, related_name="+")
    to_version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, null=True, related_name="+")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    face = models.CharField(max_length=16, choices=Face.choices)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["artifact", "alias", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "alias", "number"], name="alias_change_number_unique"),
            models.CheckConstraint(
                condition=Q(from_version__isnull=False) | Q(to_version__isnull=False), name="alias_change_is_a_change"
            ),
        ]
        indexes = [models.Index(fields=["artifact", "-created_at"], name="alias_change_by_time")]

    def __str__(self) -> str:
        return f"{self.alias}: {self.from_version_id} → {self.to_version_id}"
