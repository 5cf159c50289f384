"""A file of a version: a path, and its bytes or its reference."""

from typing import Self

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.urls import reverse
from uuid_utils.compat import uuid7

from artifacts import file_kinds
from artifacts.models.blob import Blob
from artifacts.models.path_fields import PathField, SortKeyField
from artifacts.models.reference_state import ReferenceState
from artifacts.models.version import ArtifactVersion
from core import straight_deletes

# Bytes. Images are not made smaller for lists.
MAX_PICTURE = 2 * 2**20


class FileQuerySet(models.QuerySet["ArtifactFile"]):
    def of(self, version: ArtifactVersion) -> Self:
        """Those of the contents of a version. Each comes with this version, also where it is a link: what is made of
        a file, such as its URL, then names the link, which the reader sees.
        """
        rows = self.filter(version=version.contents_id)
        # As a related manager of Django 5.2 does.
        rows._known_related_objects = {self.model._meta.get_field("version"): {version.contents_id: version}}
        return rows

    def under(self, prefix: str) -> Self:
        """Files whose path starts with the prefix, found by the index on (version, path)."""
        return self.filter(path__gte=prefix, path__lt=prefix + "\U0010ffff") if prefix else self

    def neighbours(self, file: "ArtifactFile") -> tuple["ArtifactFile | None", "ArtifactFile | None"]:
        """The files before and after one, in the order of the file table."""
        before = self.filter(sort_key__lt=file.sort_key).order_by("-sort_key").first()
        return before, self.filter(sort_key__gt=file.sort_key).order_by("sort_key").first()

    def unidentified(self) -> Self:
        """References without an identity that no worker has asked for one yet."""
        return self.filter(reference_identity="", reference_reason=None)

    def delete_and_touch(self) -> None:
        """Delete these files. The grace of their bytes begins now: somebody may be reading them still."""
        Blob.objects.filter(files__in=self).touch()
        # Django's own `delete` would first load each of them, because downloads refer to files.
        apps.get_model("artifacts", "ArtifactDownload").objects.filter(file__in=self).update(file=None)
        straight_deletes.delete(self)


class ArtifactFile(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # `version.files` are those of its contents, which of a link are another version's.
    version = models.ForeignKey(
        ArtifactVersion, on_delete=models.CASCADE, related_name="own_files", related_query_name="files", db_index=False
    )
    path = PathField(max_length=1024)
    sort_key = SortKeyField(max_length=3000, editable=False, default="")
    name = models.CharField(max_length=1024)
    size = models.BigIntegerField()
    mime_type = models.CharField(max_length=255)
    is_executable = models.BooleanField(default=False, help_text="On the disk that it came from, for its owner.")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="files")
    # The columns of a reference are null of a file whose bytes are stored here.
    reference_uri = models.CharField(max_length=2048, null=True)
    reference_identity = models.CharField(
        max_length=400, null=True, help_text="Such as `etag:…`, `sha256:…`, `md5:…`; empty where none was recorded."
    )
    reference_version_id = models.CharField(
        max_length=1024, null=True, help_text="The object's version in its store; empty where there is none."
    )
    reference_state = models.CharField(max_length=16, choices=ReferenceState.choices, null=True)
    reference_checked_at = models.DateTimeField(null=True)
    reference_digest = models.CharField(
        max_length=2048, null=True, help_text="What the wandb client tells its contents by: an ETag, an md5, the URI."
    )
    reference_extra = models.JSONField(null=True, help_text="What the wandb client keeps beside it.")
    reference_reason = models.CharField(
        max_length=200, null=True, help_text="Why the last attempt to check it found nothing out; null otherwise."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FileQuerySet.as_manager()

    class Meta:
        ordering = ["path"]
        indexes = [
            models.Index(fields=["version", "sort_key"], name="file_by_sort_key"),
            models.Index(
                fields=["version", "reference_state", "id"],
                name="file_by_reference_state",
                condition=Q(reference_uri__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["version", "path"], name="file_path_unique"),
            models.CheckConstraint(condition=Q(size__gte=0), name="file_size_is_natural"),
            models.CheckConstraint(condition=~Q(path=""), name="file_path_is_not_empty"),
            models.CheckConstraint(
                condition=Q(blob__isnull=False, reference_uri__isnull=True)
                | Q(blob__isnull=True, reference_uri__isnull=False),
                name="file_is_blob_or_reference",
            ),
            models.CheckConstraint(
                condition=Q(
                    reference_uri__isnull=True,
                    reference_identity__isnull=True,
                    reference_version_id__isnull=True,
                    reference_state__isnull=True,
                    reference_checked_at__isnull=True,
                )
                | Q(
                    reference_uri__isnull=False,
                    reference_identity__isnull=False,
                    reference_version_id__isnull=False,
                    reference_state__in=["unchecked", "unchanged", "changed", "missing", "denied"],
                ),
                name="file_reference_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.path

    def get_absolute_url(self) -> str:
        return reverse("file-page", args=self.url_args)

    @property
    def kind(self) -> str:
        """`Parquet`, `YAML`: what people call files of this name, or of the type that was given with it."""
        return file_kinds.name_of(self.name, self.mime_type)

    @property
    def is_reference(self) -> bool:
        """Whether its bytes are elsewhere, at `reference_uri`."""
        return self.reference_uri is not None

    @property
    def is_picture(self) -> bool:
        """Whether it is shown as a small picture in a list: an image by its name, of a size that lists can afford."""
        is_here = self.blob is not None and self.blob.has_arrived
        return is_here and self.size <= MAX_PICTURE and file_kinds.is_raster_image(self.name)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name, of a file whose version, artifact, project and team are loaded."""
        return [*self.version.url_args, self.path]
