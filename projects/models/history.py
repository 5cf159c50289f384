"""The history of a run: what it logged step by step, in batches of rows."""

from django.db import models
from uuid_utils.compat import uuid7


class HistoryBatch(models.Model):
    """Some consecutive rows of a run, which are numbered from 0 in the order in which they arrived."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the run.
    run = models.ForeignKey("projects.Run", on_delete=models.CASCADE, related_name="history_batches", db_index=False)
    # The number after that of the last row.
    end_row = models.PositiveIntegerField()
    row_count = models.PositiveIntegerField()
    first_step = models.BigIntegerField(help_text="The smallest step of the rows.")
    last_step = models.BigIntegerField(help_text="The largest step of the rows.")
    size = models.PositiveIntegerField(help_text="Bytes of the rows as JSON.")
    rows = models.JSONField()

    class Meta:
        verbose_name_plural = "history batches"
        constraints = [models.UniqueConstraint(fields=["run", "end_row"], name="history_batch_end_unique")]

    @property
    def first_row(self) -> int:
        return self.end_row - self.row_count


class HistoryWriter(models.Model):
    """A process that logs into a run, and how many of its rows have been received: a repeated request adds none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey("projects.Run", on_delete=models.CASCADE, related_name="history_writers", db_index=False)
    writer = models.UUIDField()
    row_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "writer"], name="history_writer_unique")]
