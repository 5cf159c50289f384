"""The last heartbeat of the workers."""

from django.db import models
from uuid_utils.compat import uuid7


class WorkerHeartbeat(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64)
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "artifacts_pulse"
        verbose_name = "heartbeat"
        constraints = [models.UniqueConstraint(fields=["name"], name="pulse_name_unique")]

    def __str__(self) -> str:
        return self.name
