"""What lies in the large folders of a finalized version. Folders themselves are no rows, but prefixes of paths."""

from django.db import models
from uuid_utils.compat import uuid7

from artifacts.models.path_fields import PathField


class FolderSummary(models.Model):
    """Of a folder with so many files that counting them takes time; `path` ends with a slash, or is "" for the root.

    Each folder in a folder with very many entries has one too, which is `listed_in` it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="folders", db_index=False
    )
    path = PathField(max_length=1024, blank=True)
    entry_count = models.PositiveIntegerField(help_text="Files and folders that lie in it directly.")
    file_count = models.PositiveIntegerField(help_text="All files below it.")
    total_size = models.BigIntegerField(help_text="Bytes of all files below it.")
    reference_count = models.PositiveIntegerField(default=0, help_text="How many of its files are references.")
    referenced_size = models.BigIntegerField(default=0, help_text="Bytes of its references.")

    listed_in = PathField(
        max_length=1024, null=True, help_text="The folder that it is in, where that is sorted by an index; else null."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="folder_path_unique")]
        indexes = [
            models.Index(
                fields=["version", "listed_in", "total_size", "path"],
                name="folder_by_size",
                condition=models.Q(listed_in__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.path or "/"
