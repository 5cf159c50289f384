"""Consecutive lines of a stream, in the database or, once a worker has moved them, in the object store."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from artifacts.models import StoredObject
from projects.models import Run
from tracking.models.stream import Stream


class RunChunkQuerySet(models.QuerySet["RunChunk"]):
    def of(self, run: Run, stream: Stream) -> Self:
        """The chunks of a stream, in the order of their lines."""
        return self.filter(run=run, stream=stream).order_by("end_line")

    def overlapping(self, start: int, stop: int) -> Self:
        """Those with a line from number `start` up to `stop`."""
        return self.filter(end_line__gt=start, first_line__lt=stop)


class RunChunk(models.Model):
    """Lines are numbered from 0; those of two chunks never overlap. A chunk is never changed: another one replaces it.

    So who has read its row can rely on what it read as long as the row is there.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False)
    stream = models.CharField(max_length=8, choices=Stream)
    first_line = models.PositiveIntegerField()
    end_line = models.PositiveIntegerField(help_text="The number after that of the last line.")
    first_step = models.BigIntegerField(null=True, help_text="The smallest step of the lines, if any has one.")
    last_step = models.BigIntegerField(null=True, help_text="The largest step of the lines.")
    size = models.PositiveIntegerField(help_text="Bytes of the lines.")
    body = models.BinaryField(null=True, help_text="The lines, compressed by zlib, while they are in the database.")
    object = models.ForeignKey(StoredObject, on_delete=models.CASCADE, null=True, related_name="run_chunks")

    objects = RunChunkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "stream", "end_line"], name="run_chunk_end_unique"),
            models.CheckConstraint(condition=Q(end_line__gt=F("first_line")), name="run_chunk_has_lines"),
            models.CheckConstraint(
                condition=Q(body__isnull=False, object=None) | Q(body=None, object__isnull=False),
                name="run_chunk_is_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.first_line}–{self.end_line - 1}"

    @property
    def line_count(self) -> int:
        return self.end_line - self.first_line
