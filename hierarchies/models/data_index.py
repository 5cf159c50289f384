"""An index on a member of the data of a hierarchy's records, which an admin asked for."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from hierarchies.models.hierarchy import Hierarchy


class DataIndexQuerySet(models.QuerySet["DataIndex"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(hierarchy__in=Hierarchy.objects.visible_to(user))

    def unbuilt(self) -> Self:
        return self.filter(state=DataIndex.State.PENDING)


class DataIndex(models.Model):
    """The row is the wish; a worker builds the index in the database, and drops one whose row is gone."""

    class State(models.TextChoices):
        PENDING = "pending", "Being built"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hierarchy = models.ForeignKey(Hierarchy, on_delete=models.CASCADE, related_name="data_indexes")
    path = models.CharField(max_length=256, help_text="Keys from the outside in, such as `metrics.accuracy`.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    error = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    built_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)

    objects = DataIndexQuerySet.as_manager()

    class Meta:
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["hierarchy", "path"], name="data_index_unique"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "ready", "failed"]), name="data_index_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.path
