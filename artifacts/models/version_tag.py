"""Tags of versions; a table of their own, so that lists filter by an index on every database."""

from django.db import models
from django.db.models import OuterRef
from uuid_utils.compat import uuid7

from core.compiled_queries import StringAgg


class VersionTag(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="tag_set", db_index=False
    )
    tag = models.CharField(max_length=128)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["version", "tag"], name="version_tag_unique")]
        indexes = [models.Index(fields=["tag", "version"], name="version_tag_by_tag")]

    def __str__(self) -> str:
        return self.tag


def tag_lines(version: OuterRef) -> StringAgg:
    """The tags of a version as lines, for a query that finds it."""
    return StringAgg(VersionTag.objects.filter(version=version).order_by("id"), "tag")
