"""A move that waits for a second person: where the alias should go, and where it was when that was proposed."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from core import long_values
from projects.models.project import Project


class ProposalQuerySet(models.QuerySet["AliasProposal"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(artifact__project__in=Project.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(state=AliasProposal.State.OPEN)

    def for_display(self) -> Self:
        people = ("proposed_by", "decided_by")
        rows = self.select_related("from_version", "to_version", "artifact__project__team", *people)
        return long_values.defer(rows, "from_version", "to_version", "artifact", "artifact__project")


class AliasProposal(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, related_name="alias_proposals", db_index=False
    )
    alias = models.CharField(max_length=128)
    from_version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, null=True, related_name="+",
        help_text="Where the alias was; null: it did not exist.",
    )  # fmt: skip
    to_version = models.ForeignKey(
        "artifacts.ArtifactVersion",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        help_text="Null: the alias is to go.",
    )
    is_rollback = models.BooleanField(null=True, help_text="Back to the version before; unknown of old proposals.")
    reason = models.TextField(blank=True, default="")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    comment = models.TextField(blank=True, default="", help_text="Of who decided.")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "alias"], condition=Q(state="open"), name="proposal_one_open"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "approved", "rejected", "withdrawn"]), name="proposal_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="open") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="proposal_decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["artifact", "state", "-id"], name="proposal_by_state")]

    def __str__(self) -> str:
        return f"{self.alias}: {self.before or 'nowhere'} → {self.after or 'nowhere'} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def before(self) -> str | None:
        return self.from_version.version if self.from_version else None

    @property
    def after(self) -> str | None:
        return self.to_version.version if self.to_version else None
