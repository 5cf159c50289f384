"""Manifests that clients send before they commit a draft: lists of its files."""

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7


class ManifestUpload(models.Model):
    """One manifest of a draft. Its rows and its bytes go when the draft is committed."""

    class Kind(models.TextChoices):
        FULL = "full", "All files"
        PATCH = "patch", "The files of one of several writers"
        INCREMENTAL = "incremental", "The files that a base has not"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="manifest_uploads")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.FULL)
    base = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    object = models.ForeignKey(
        "artifacts.StoredObject", on_delete=models.CASCADE, null=True, related_name="manifest_uploads",
        help_text="Null until its md5 is stated.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["full", "patch", "incremental"]), name="manifest_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"A manifest of {self.version_id}"
