"""A metric of a long history, thinned: what charts are drawn from."""

from django.db import models
from uuid_utils.compat import uuid7

from projects.models import Run


class RunSeries(models.Model):
    """Every `stride`-th number that the key had, at most 2,000 of them."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=512)
    count = models.PositiveIntegerField(help_text="How many numbers there were.")
    stride = models.PositiveIntegerField(default=1)
    points = models.BinaryField(help_text="Line, step, runtime, timestamp and value of each point, compressed by zlib.")

    class Meta:
        verbose_name_plural = "run series"
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="run_series_unique")]

    def __str__(self) -> str:
        return self.key
