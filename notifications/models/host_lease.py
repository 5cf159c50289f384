"""Which host a worker is sending to: one worker at a time, so that a slow one holds up no more than one of them."""

from django.db import models


class HostLease(models.Model):
    name = models.CharField(
        max_length=300, primary_key=True, help_text="`host:port` of a receiver, or the mail server."
    )
    holder = models.UUIDField(editable=False)
    busy_until = models.DateTimeField(help_text="By then the worker must be through, or have died.")

    def __str__(self) -> str:
        return self.name
