"""References: versions of artifacts that a record's data names."""

from django.db import models
from uuid_utils.compat import uuid7

from hierarchies.models.record import Record


class RecordReference(models.Model):
    """The data of the record has `artifact://…` at the pointer, which meant this version when it was saved."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the record.
    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="references", db_index=False)
    pointer = models.CharField(max_length=1024, blank=True, default="")
    requested_as = models.CharField(max_length=100, help_text="A version such as `v3`, or an alias.")
    version_hold = models.OneToOneField("artifacts.VersionHold", on_delete=models.CASCADE, related_name="reference")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "pointer"], name="record_reference_unique")]

    def __str__(self) -> str:
        return f"{self.record_id}#{self.pointer}"
