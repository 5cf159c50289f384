"""A place outside that a team's references may point into, and how to read there."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from uuid_utils.compat import uuid7

from accounts.models.team import Team


class ReadsAs(models.TextChoices):
    """With whose credentials the server reads in a store."""

    STORE = "store", "Credentials of this store"
    SERVER = "server", "The server's own credentials"
    NOBODY = "nobody", "No credentials: the data is public"


class ExternalStoreQuerySet(models.QuerySet["ExternalStore"]):
    def visible_to(self, user: Any) -> Self:
        """Those of the teams that the user is in."""
        return self.filter(team__in=Team.objects.visible_to(user).values("pk"))


class ExternalStore(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="external_stores", db_index=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=1100, help_text="Such as `s3://bucket/folder`: it covers what lies under it.")
    endpoint = models.CharField(
        max_length=2000, blank=True, default="", help_text="The URL of the store; empty for the cloud's own."
    )
    region = models.CharField(max_length=64, blank=True, default="")
    account = models.CharField(max_length=24, blank=True, default="", help_text="Of Azure: the storage account.")
    encrypted_credentials = models.TextField(
        blank=True, default="", editable=False, help_text="A JSON object, encrypted; empty with the server's own."
    )
    uses_server_credentials = models.BooleanField(default=False, editable=False)
    is_operated = models.BooleanField(
        default=False, editable=False, help_text="An operator of the server made it: its endpoint may be private."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ExternalStoreQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="external_store_name_unique"),
            models.UniqueConstraint(fields=["team", "prefix"], name="external_store_prefix_unique"),
            models.CheckConstraint(
                condition=Q(uses_server_credentials=False) | Q(encrypted_credentials=""),
                name="external_store_has_one_kind_of_credentials",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("external-store-edit", args=[self.team.name, self.pk])

    @property
    def has_credentials(self) -> bool:
        """Whether it has credentials of its own; they are never shown."""
        return bool(self.encrypted_credentials)

    @property
    def reads_as(self) -> str:
        """As `ReadsAs` has it: with whose credentials the server reads there."""
        if self.uses_server_credentials:
            return ReadsAs.SERVER
        return ReadsAs.STORE if self.encrypted_credentials else ReadsAs.NOBODY
