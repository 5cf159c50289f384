"""What a large file is composed of: pieces that other files of the project may share."""

from django.db import models
from uuid_utils.compat import uuid7

# Of one file. Its rows stay few however large it is: the larger the file, the larger its pieces.
MAX_EXTENTS = 8_192


class Extent(models.Model):
    """One piece of a composed blob: the pieces of a whole, in the order of their numbers, are its bytes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    whole = models.ForeignKey("artifacts.Blob", on_delete=models.CASCADE, related_name="extents", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="From 0 on, without gaps.")
    piece = models.ForeignKey(
        "artifacts.Blob", on_delete=models.PROTECT, related_name="uses", help_text="A blob that is in one object."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["whole", "number"], name="extent_number_unique"),
            models.CheckConstraint(condition=~models.Q(whole=models.F("piece")), name="extent_is_not_its_whole"),
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.whole_id}"
