"""Which version was derived from which, without a run."""

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7


class VersionSource(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="sources", db_index=False
    )
    source = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="derivations", db_index=False
    )
    requested_as = models.CharField(
        max_length=128, blank=True, default="", help_text="How it was asked for: an alias, or a version such as `v3`."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "source"], name="version_source_unique"),
            models.CheckConstraint(condition=~Q(version=F("source")), name="version_is_not_its_own_source"),
        ]
        indexes = [models.Index(fields=["source", "id"], name="version_source_by_source")]

    def __str__(self) -> str:
        return f"{self.version_id} was derived from {self.source_id}"
