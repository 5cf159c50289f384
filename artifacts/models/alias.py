"""A name for a version that matters, and the record of every place it has pointed at."""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Value
from uuid_utils.compat import uuid7

from accounts.actor import Channel
from accounts.models.key import ApiKey
from accounts.models.team import Team
from artifacts import validators
from artifacts.models.alias_sort_key import AliasSortKeyField
from artifacts.models.folded_alias import FoldedAlias
from artifacts.models.version_tag import tag_lines
from core import long_values
from projects.models.project import Project

if TYPE_CHECKING:
    from artifacts.models.artifact import Artifact
    from artifacts.models.rule import AliasRule


# What a record tells of may go, and the record stays as it is.
_REMEMBERED: dict[str, Any] = {
    "on_delete": models.DO_NOTHING, "db_constraint": False, "db_index": False, "null": True, "related_name": "+",
}  # fmt: skip


class AliasQuerySet(models.QuerySet["ArtifactAlias"]):
    def for_display(self) -> Self:
        """With all that one line of a list shows."""
        return long_values.defer(self.select_related("version", "created_by"), "version")

    def beginning_with(self, text: str) -> Self:
        """Those that begin with the text, in any case, by the index that finds them, the last one first."""
        # The database folds both: SQLite leaves letters that are not ASCII as they are.
        first, end = FoldedAlias(Value(text)), FoldedAlias(Value(f"{text}\U0010ffff"))
        rows = self.alias(folded=FoldedAlias("alias")).filter(folded__gte=first, folded__lt=end)
        return rows.order_by("-folded", "-artifact_id")

    def with_version(self) -> Self:
        """With all that is shown of one alias and its version, whose artifact is at hand."""
        rows = self.select_related("version__run", "version__created_by", "created_by")
        return long_values.defer(rows.annotate(tag_lines=tag_lines(OuterRef("version"))), "version__run")

    def covered_by(self, *rules: "AliasRule") -> Self:
        """Those that one of the rules protects."""
        covered = Q(pk__in=[])
        for rule in rules:
            scope = {"artifact__project__team": rule.team_id, "artifact__project": rule.project_id}
            scope["artifact"] = rule.artifact_id
            matches = Q(alias__regex=rule.regex) if rule.covers_many else Q(alias=rule.pattern)
            covered |= Q(matches, **{column: pk for column, pk in scope.items() if pk})
        return self.filter(covered)

    def within(self, scope: Team | Project) -> Self:
        """Those of all artifacts of a project or a team."""
        return self.filter(**{"artifact__project__team" if isinstance(scope, Team) else "artifact__project": scope})

    def with_last_change(self) -> Self:
        """Each with number and moment of its last change, as `last_change_number` and `last_change_at`."""
        last = AliasChange.objects.of(OuterRef("artifact"), OuterRef("alias"))
        return self.annotate(
            last_change_number=Subquery(last.values("number")[:1]),
            last_change_at=Subquery(last.values("created_at")[:1]),
        )


class ChangeQuerySet(models.QuerySet["AliasChange"]):
    def of(self, artifact: "Artifact | UUID", alias: str) -> Self:
        """The changes of one alias, the last one first."""
        return self.filter(artifact=artifact, alias=alias).order_by("-number")

    def newest_first(self) -> Self:
        """Of all aliases of an artifact, in a total order in which no alias comes before itself."""
        return self.order_by("-created_at", "-alias", "-number")

    def before(self, change: "AliasChange") -> Self:
        """Those that come after the change in the order of `newest_first`."""
        earlier = Q(alias__lt=change.alias) | Q(alias=change.alias, number__lt=change.number)
        # Said twice, so that an index finds where to begin.
        by_time = Q(created_at__lte=change.created_at)
        return self.filter(by_time, Q(created_at__lt=change.created_at) | earlier)


class ArtifactAlias(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, related_name="alias_set", db_index=False
    )
    version = models.ForeignKey("artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="aliases")
    alias = models.CharField(max_length=128)
    sort_key = AliasSortKeyField(default=b"", max_length=1200)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AliasQuerySet.as_manager()

    class Meta:
        ordering = ["sort_key"]
        verbose_name_plural = "artifact aliases"
        constraints = [
            models.UniqueConstraint(fields=["artifact", "alias"], name="alias_unique"),
            models.CheckConstraint(condition=Q(alias__regex=validators.LABEL), name="alias_is_valid"),
        ]
        indexes = [
            models.Index(fields=["alias", "artifact"], name="alias_by_name"),
            models.Index(fields=["artifact", "sort_key"], name="alias_in_order"),
            # For searches, where people type the beginning: 100,000 aliases were read for each word.
            models.Index(FoldedAlias("alias"), "artifact", name="alias_by_beginning"),
        ]

    def __str__(self) -> str:
        return self.alias


class AliasChange(models.Model):
    """One assignment or removal of an alias. Rows are only ever added: a trigger refuses everything else.

    A row outlives all that it tells of, so it holds names and numbers beside the ids, and no constraint ties the ids.
    Whoever alters this table on SQLite, where that makes a new one, has to make the triggers again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.DO_NOTHING, db_constraint=False, related_name="alias_changes",
        db_index=False,
    )  # fmt: skip
    artifact_name = models.CharField(max_length=400, help_text="`team/project/name` as it was.")
    alias = models.CharField(max_length=128)
    # Clocks of two processes may disagree; the order of the moves must not.
    number = models.PositiveIntegerField(help_text="The nth change of this alias.")
    from_version = models.ForeignKey("artifacts.ArtifactVersion", **_REMEMBERED)
    from_number = models.PositiveIntegerField(null=True)
    to_version = models.ForeignKey("artifacts.ArtifactVersion", **_REMEMBERED)
    to_number = models.PositiveIntegerField(null=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **_REMEMBERED)
    changed_by_name = models.CharField(max_length=64, blank=True, default="")
    key = models.ForeignKey(ApiKey, **_REMEMBERED)
    key_name = models.CharField(max_length=100, blank=True, default="")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    reason = models.TextField(blank=True, default="")
    is_rollback = models.BooleanField(null=True, help_text="Back to the version before; unknown of old changes.")
    proposal = models.ForeignKey("artifacts.AliasProposal", **_REMEMBERED)
    created_at = models.DateTimeField(help_text="Never before that of the change before.")

    objects = ChangeQuerySet.as_manager()

    class Meta:
        # By the id: an order by the artifact itself would leave out those whose artifact is gone.
        ordering = ["artifact_id", "alias", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "alias", "number"], name="alias_change_number_unique"),
            models.CheckConstraint(
                condition=Q(from_number__isnull=False) | Q(to_number__isnull=False), name="alias_change_is_a_change"
            ),
            models.CheckConstraint(
                condition=Q(from_version__isnull=True, from_number__isnull=True)
                | Q(from_version__isnull=False, from_number__isnull=False),
                name="alias_change_from_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(to_version__isnull=True, to_number__isnull=True)
                | Q(to_version__isnull=False, to_number__isnull=False),
                name="alias_change_to_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["artifact", "-created_at"], name="alias_change_by_time")]

    def __str__(self) -> str:
        return f"{self.alias}: {self.before or 'nowhere'} → {self.after or 'nowhere'}"

    @property
    def before(self) -> str | None:
        """`v3`, or None where the alias did not exist before."""
        return None if self.from_number is None else f"v{self.from_number}"

    @property
    def after(self) -> str | None:
        return None if self.to_number is None else f"v{self.to_number}"
