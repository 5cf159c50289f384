"""What lies in the large folders of a finalized version. Folders themselves are no rows, but prefixes of paths."""

from django.db import models
from uuid_utils.compat import uuid7

from artifacts.models.path_fields import PathField


class FolderSummary(models.Model):
    """Of a folder with so many files that counting them takes time; `path` ends with a slash, or is "" for the root."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="folder_path_unique")]

    def __str__(self) -> str:
        return self.path or "/"
