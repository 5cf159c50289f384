"""Which run logged the contents of a version that was there already."""

from django.db import models
from uuid_utils.compat import uuid7


class RunOutput(models.Model):
    """A run that logged what a version had already. The run that made the version is in the version's own row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey("projects.Run", on_delete=models.CASCADE, related_name="outputs", db_index=False)
    version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="outputs")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["run", "version"], name="output_unique")]

    def __str__(self) -> str:
        return f"{self.run_id} logged {self.version_id}"
