"""Records: nodes of a hierarchy, each with JSON data. The database itself keeps their levels."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.urls import reverse
from django.utils import timezone
from uuid_utils.compat import uuid7

from core.composite_foreign_keys import CompositeForeignKey
from hierarchies import ulids
from hierarchies.models.hierarchy import Hierarchy
from hierarchies.models.ulid_field import UlidField
from hierarchies.validators import MAX_LEVEL

# Bytes of JSON that are in the row itself. What is longer is in the object store.
MAX_ROW_DATA = 64 * 2**10


class RecordQuerySet(models.QuerySet["Record"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(hierarchy__in=Hierarchy.objects.visible_to(user))

    def with_tag(self, tag: str) -> Self:
        return self.filter(Exists(RecordTag.objects.filter(record=OuterRef("pk"), tag=tag)))

    def roots(self) -> Self:
        return self.filter(parent__isnull=True)

    def for_display(self) -> Self:
        """With all that is shown of it, in two queries."""
        return self.select_related("created_by").prefetch_related("payloads__blob_hold__blob")


class Record(models.Model):
    id = UlidField(primary_key=True, default=ulids.new, editable=False)
    # An index of each kind below begins with the hierarchy.
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="records", db_index=False)
    # The composite key below refers to the same row, and to its hierarchy and level as well.
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    level = models.PositiveSmallIntegerField(default=0, editable=False)
    parent_level = models.GeneratedField(
        expression=Case(When(level__gt=0, then=F("level") - 1)),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )
    type = models.CharField(max_length=64, blank=True, default="")
    data = models.JSONField(default=dict, blank=True, help_text="Of data over 64 KiB, the small members.")
    data_size = models.PositiveIntegerField(default=2, editable=False, help_text="Bytes of the whole data as JSON.")
    tags = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False, db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RecordQuerySet.as_manager()
    LONG_VALUES = ("data",)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(id__regex=ulids.PATTERN), name="record_id_is_ulid"),
            models.CheckConstraint(condition=Q(level__gte=0, level__lte=MAX_LEVEL), name="record_level_in_bounds"),
            models.CheckConstraint(
                condition=Q(parent__isnull=True, level=0) | Q(parent__isnull=False, level__gt=0),
                name="record_root_is_level_0",
            ),
            models.UniqueConstraint(fields=["hierarchy", "id", "level"], name="record_level_unique"),
            # So no cycle can be stored either: around it, levels would grow for ever.
            CompositeForeignKey(
                relation="parent",
                fields=["hierarchy", "parent", "parent_level"],
                to_fields=["hierarchy", "id", "level"],
                name="record_is_below_its_parent",
            ),
        ]
        indexes = [
            models.Index(fields=["hierarchy", "parent", "id"], name="record_by_parent"),
            models.Index(fields=["hierarchy", "level", "id"], name="record_by_level"),
            models.Index(fields=["hierarchy", "created_at", "id"], name="record_by_age"),
            models.Index(fields=["hierarchy", "type", "id"], name="record_by_type", condition=~Q(type="")),
        ]

    def __str__(self) -> str:
        return self.pk

    def get_absolute_url(self) -> str:
        return reverse("record", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name; the hierarchy must be loaded with its project and team, or this is a query."""
        return [*self.hierarchy.url_args, self.pk]

    @property
    def has_stored_data(self) -> bool:
        """Whether the whole data is in the object store, and only its small members in `data`."""
        return self.data_size > MAX_ROW_DATA


class RecordTag(models.Model):
    """A tag of a record, which the record has in `tags` too: here lists find it by an index on every database."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="tag_set", db_index=False)
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="+", db_index=False)
    tag = models.CharField(max_length=128)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "tag"], name="record_tag_unique")]
        indexes = [models.Index(fields=["hierarchy", "tag", "record"], name="record_tag_by_tag")]

    def __str__(self) -> str:
        return self.tag
