"""When a part of the system that no request meets was heard of last."""

from django.db import models
from uuid_utils.compat import uuid7


class Pulse(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "heartbeat"
        constraints = [models.UniqueConstraint(fields=["name"], name="pulse_name_unique")]

    def __str__(self) -> str:
        return self.name
