"""Who logs rows without numbering the lines of the run."""

from django.db import models
from uuid_utils.compat import uuid7

from projects.models import Run


class HistoryWriter(models.Model):
    """A process that logs into a run, and how many of its rows have been received: a repeated request adds none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    writer = models.UUIDField()
    row_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "writer"], name="tracking_writer_unique")]
