"""A stream of a run, and how far it has come."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from projects.models import Run, State

# Workers write the chunks of a stream to the object store once there are more of them, or once the run has ended and
# they have so many bytes: less than that is in better hands as a row than as an object.
MAX_CHUNKS = 64
MIN_OBJECT_BYTES = 2**16
# A history that is longer has thinned series, which may be so many lines behind while the run goes on.
MAX_PLAIN_LINES = 10_000
SERIES_LAG = 5_000


class Stream(models.TextChoices):
    HISTORY = "history", "History"
    EVENTS = "events", "System metrics"
    CONSOLE = "console", "Console"


class RunStreamQuerySet(models.QuerySet["RunStream"]):
    def compactable(self) -> Self:
        """Those of which chunks in the database can go to the object store."""
        ended = Q(run__finished_at__isnull=False) | Q(run__state=State.CRASHED)
        return self.filter(Q(chunk_count__gt=MAX_CHUNKS) | ended, pending_size__gte=MIN_OBJECT_BYTES)

    def unsampled(self) -> Self:
        """Histories whose series are so far behind that workers extend them."""
        ended = Q(run__finished_at__isnull=False) | Q(run__state=State.CRASHED)
        lags = Q(line_count__gt=F("series_end") + SERIES_LAG) | ended & Q(line_count__gt=F("series_end"))
        return self.filter(lags, stream=Stream.HISTORY, line_count__gt=MAX_PLAIN_LINES)


class RunStream(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="streams", db_index=False)
    stream = models.CharField(max_length=8, choices=Stream)
    line_count = models.PositiveIntegerField(default=0, help_text="The number after that of the last line.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the lines.")
    chunk_count = models.PositiveIntegerField(default=0, help_text="Chunks whose lines are in the database.")
    pending_size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the lines in the database.")
    revision = models.PositiveIntegerField(default=0, help_text="How often lines that were there were replaced.")
    series_end = models.PositiveIntegerField(default=0, help_text="The number after the last line in the series.")
    keys = models.JSONField(default=dict, help_text="Of a history: what its keys have for values.")

    objects = RunStreamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "stream"], name="run_stream_unique"),
            models.CheckConstraint(condition=Q(stream__in=Stream.values), name="run_stream_known"),
        ]
        indexes = [
            models.Index(fields=["run"], condition=Q(pending_size__gte=MIN_OBJECT_BYTES), name="run_stream_pending"),
            models.Index(fields=["run"], condition=Q(line_count__gt=MAX_PLAIN_LINES), name="run_stream_long"),
        ]

    def __str__(self) -> str:
        return self.get_stream_display()
