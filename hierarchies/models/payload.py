"""Payloads: what of a record's data is not in its row but in the object store."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts.models import Blob
from hierarchies.models.record import Record

MAX_REPR_LENGTH = 200


class RecordPayload(models.Model):
    """The bytes of the value at `pointer` (RFC 6901) in the data of a record; of all of it where that is empty."""

    class Kind(models.TextChoices):
        DATA = "data", "JSON data"
        OBJECT = "object", "Python object"
        FRAME = "frame", "Data frame"
        BYTES = "bytes", "Bytes"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the record.
    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="payloads", db_index=False)
    pointer = models.CharField(max_length=1024, blank=True, default="")
    content_type = models.CharField(max_length=255)
    size = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    type = models.CharField(max_length=255, blank=True, default="", help_text="The class of the object.")
    module = models.CharField(max_length=255, blank=True, default="", help_text="The module of its class.")
    repr = models.CharField(max_length=MAX_REPR_LENGTH, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="", help_text="Why it is not JSON.")
    signature = models.CharField(max_length=255, blank=True, default="", help_text="Of who pickled it.")
    blob_hold = models.OneToOneField("artifacts.BlobHold", on_delete=models.PROTECT, related_name="payload")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["pointer"]
        constraints = [
            models.UniqueConstraint(fields=["record", "pointer"], name="payload_pointer_unique"),
            models.CheckConstraint(
                condition=Q(kind__in=["data", "object", "frame", "bytes"]), name="payload_kind_is_known"
            ),
            models.CheckConstraint(condition=~Q(kind="data") | Q(pointer=""), name="payload_data_is_whole"),
            models.CheckConstraint(condition=Q(size__gte=0), name="payload_size_is_natural"),
        ]

    def __str__(self) -> str:
        return f"{self.record_id}#{self.pointer}"

    @property
    def blob(self) -> Blob:
        """Its bytes; hold and blob must be loaded, or these are two queries."""
        return self.blob_hold.blob
