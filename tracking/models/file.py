"""A file that a run saved: media, tables, code, its configuration."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts import file_kinds
from artifacts.models import StoredObject
from projects.models import Run


class RunFileQuerySet(models.QuerySet["RunFile"]):
    def arrived(self) -> Self:
        """Those that can be downloaded."""
        return self.filter(object__isnull=False)

    def expected(self) -> Self:
        """Those for which bytes may have been sent."""
        return self.filter(upload__isnull=False).select_related("upload")


class RunFile(models.Model):
    """Its bytes are those of `object`. While others are sent to take their place, those arrive at `upload`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=1024)
    size = models.BigIntegerField(default=0)
    md5 = models.CharField(max_length=32, blank=True, default="", help_text="In hex; empty where it is not known.")
    mime_type = models.CharField(max_length=255)
    object = models.ForeignKey(StoredObject, on_delete=models.CASCADE, null=True, related_name="run_files")
    upload = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="run_uploads")
    begun_at = models.DateTimeField(default=timezone.now, help_text="When the last upload was begun.")
    updated_at = models.DateTimeField(default=timezone.now, help_text="When its bytes arrived.")

    objects = RunFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="run_file_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="run_file_has_name"),
        ]
        indexes = [
            models.Index(fields=["begun_at"], condition=Q(upload__isnull=False), name="run_file_expected"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("run-file", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What the URL of its page names, of a file whose run, project and team are loaded."""
        return [*self.run.url_args, self.name]

    @property
    def kind(self) -> str:
        """As `ArtifactFile.kind`."""
        return file_kinds.name_of(self.base_name, self.mime_type)

    @property
    def folder(self) -> str:
        """With a slash at its end; empty for a file that is in none."""
        return self.name[: self.name.rfind("/") + 1]

    @property
    def base_name(self) -> str:
        return self.name.rpartition("/")[2]
