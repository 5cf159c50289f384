"""How much there is on a level of a hierarchy, as a worker counted it last."""

from django.db import models
from uuid_utils.compat import uuid7

from hierarchies.models.hierarchy import Hierarchy


class LevelTotal(models.Model):
    """To sum a million records takes seconds, so nobody who asks waits for it: pages and metrics read this row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the hierarchy.
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="level_totals", db_index=False)
    level = models.PositiveSmallIntegerField()
    record_count = models.IntegerField()
    data_size = models.BigIntegerField(help_text="Bytes of the data as JSON.")
    payload_size = models.BigIntegerField(help_text="Bytes of payloads, also of those that others have too.")
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["level"]
        constraints = [models.UniqueConstraint(fields=["hierarchy", "level"], name="level_total_unique")]

    def __str__(self) -> str:
        return f"level {self.level}: {self.record_count:,}"
