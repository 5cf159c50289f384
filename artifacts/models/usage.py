"""Which run used which version."""

from django.db import models
from uuid_utils.compat import uuid7


class ArtifactUsage(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey("projects.Run", on_delete=models.CASCADE, related_name="usages", db_index=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="usages", db_index=False
    )
    requested_as = models.JSONField(
        default=list, blank=True, help_text="How it was asked for: aliases, or versions such as `v3`."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["run", "version"], name="usage_unique")]
        # The newest of a version, of which there can be a million.
        indexes = [models.Index(fields=["version", "id"], name="usage_by_version")]

    def __str__(self) -> str:
        return f"{self.run_id} used {self.version_id}"
