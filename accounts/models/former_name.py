"""Names that a team, a project or an artifact had until it was renamed or deleted."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models.role import Role

# In place of a scope: teams and users share one namespace, which is the server's.
SERVER = UUID(int=0)


class FormerNameQuerySet(models.QuerySet["FormerName"]):
    def of(self, scopes: UUID | Iterable[UUID], name: str) -> Self:
        """All that ever had the name in these scopes, and have it no longer; the last one first."""
        scopes = [scopes] if isinstance(scopes, UUID) else scopes
        return self.filter(scope__in=scopes, name=name).order_by("-freed_at", "-id")

    def in_time(self) -> Self:
        """Those that still keep their name from others: it leads to them, or is for those who may take it back."""
        return self.filter(is_reserved=True, freed_at__gt=timezone.now() - settings.FORMER_NAME_LIFE)

    def holders(self, **name: str) -> Self:
        """The ids of what is found by such a former name, in whatever scope; `name="x"` or `name__icontains="x"`."""
        return self.in_time().filter(**name).values("holder")

    def holder(self, scope: UUID, name: str) -> UUID | None:
        """What the name still leads to: the id of what had it last. It may have been deleted since."""
        return self.of(scope, name).in_time().values_list("holder", flat=True).first()


class FormerName(models.Model):
    """One row for each name that something had. It outlives all that it refers to, so no constraint ties the ids.

    For some time the name is reserved. After that the row stays as long as the numbers of versions have to go on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    scope = models.UUIDField(help_text="The project of an artifact, the team of a project; zeros for a team.")
    name = models.CharField(max_length=128, help_text="Of a team in lower case.")
    holder = models.UUIDField(help_text="What had the name.")
    last_assigned_number = models.PositiveIntegerField(
        null=True, help_text="Of an artifact: the last number of a version by then."
    )
    is_reserved = models.BooleanField(default=True, help_text="For FORMER_NAME_LIFE_SECONDS nobody else can take it.")
    role = models.CharField(
        max_length=10, choices=Role, blank=True, default="",
        help_text="The least role that may use the name of something deleted again.",
    )  # fmt: skip
    freed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    freed_at = models.DateTimeField(default=timezone.now)

    objects = FormerNameQuerySet.as_manager()

    class Meta:
        ordering = ["-freed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["scope", "name", "holder"], name="former_name_unique"),
            models.CheckConstraint(condition=models.Q(role__in=["", *Role.values]), name="former_name_role_known"),
            models.CheckConstraint(condition=~models.Q(name=""), name="former_name_is_a_name"),
        ]
        indexes = [models.Index(fields=["holder"], name="former_name_by_holder")]

    def __str__(self) -> str:
        return self.name

    @property
    def reserved_until(self) -> datetime:
        return self.freed_at + settings.FORMER_NAME_LIFE

    @property
    def is_in_time(self) -> bool:
        """As `in_time` has it."""
        return self.is_reserved and self.reserved_until > timezone.now()
