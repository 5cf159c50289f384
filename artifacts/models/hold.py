"""That something above this app needs bytes or a version: they stay for as long as it has a hold on them."""

from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from uuid_utils.compat import uuid7

from projects.models.project import Project, Visibility


class BlobHold(models.Model):
    """Somebody needs these bytes, as a file of a version does. They are garbage once it and all others are deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    blob = models.ForeignKey("artifacts.Blob", on_delete=models.PROTECT, related_name="holds")

    def __str__(self) -> str:
        return f"A hold on {self.blob_id}"


class VersionHoldQuerySet(models.QuerySet["VersionHold"]):
    def protecting(self, *versions: UUID) -> Self:
        """Those for which none of these versions can be deleted, the oldest first."""
        return self.filter(version__in=versions, is_protecting=True).order_by("id")

    def with_visibility(self) -> Self:
        """Each with whether everybody who sees the version sees what refers to it, as `is_visible`."""
        same = Q(project=F("version__artifact__project")) | Q(project__visibility=Visibility.INTERNAL)
        return self.annotate(is_visible=ExpressionWrapper(same, models.BooleanField()))


class VersionHold(models.Model):
    """Something refers to this version. Where it is protecting, the version is not deleted before it is gone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="holds", db_index=False
    )
    # Of what refers to it. A project is deleted row by row, the holds of its records among them.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    label = models.CharField(max_length=300, help_text="What refers to it, as a sentence names it.")
    is_protecting = models.BooleanField(default=True)

    objects = VersionHoldQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["version", "id"], name="version_hold_by_version")]

    def __str__(self) -> str:
        return self.label
