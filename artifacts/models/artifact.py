"""Artifacts: a named series of versions in a project."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Subquery
from django.urls import reverse
from django.utils.functional import cached_property
from uuid_utils.compat import uuid7

from accounts.models.former_name import FormerName
from accounts.models.team import Membership
from accounts.models.user import User
from artifacts import validators
from artifacts.models.alias import ArtifactAlias
from core import bounded_count, long_values
from projects.models.project import Project

# So many artifacts are looked up sooner one by one than a list of all is read.
_FEW = 1_000


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    def visible_to(self, user: Any) -> Self:
        # A check of each artifact: for a list of projects, SQLite sorts all of their artifacts to show the first page.
        return self.filter(Exists(Project.objects.visible_to(user).filter(pk=OuterRef("project"))))

    def with_role_of(self, user: User | None) -> Self:
        """Each with the user's role in its team as `role`; None for who is not in it."""
        mine = Membership.objects.filter(team=OuterRef("project__team"), user=user)
        return self.annotate(role=Subquery(mine.values("role")))

    def named(self, project: Project, name: str) -> "Artifact | None":
        """The artifact of that name in the project, or else the one that had it until it was renamed."""
        return self.filter(project=project, name=name).first() or self._formerly(project, name)

    def _formerly(self, project: Project, name: str) -> "Artifact | None":
        holder = FormerName.objects.holder(project.pk, name)
        return self.filter(pk=holder).first() if holder else None

    def with_tag(self, tag: str) -> Self:
        return self._with_any(ArtifactTag.objects.filter(tag=tag))

    def with_alias(self, alias: str) -> Self:
        return self._with_any(ArtifactAlias.objects.filter(alias=alias))

    def _with_any(self, rows: models.QuerySet[Any]) -> Self:
        """Those that have one of the rows. One query, which finds out whether there are few.

        Of few, SQLite begins with them; of many, with the artifacts, in the order of the list.
        """
        rows = rows.order_by()
        if rows[: _FEW + 1].count() <= _FEW:
            return self.filter(pk__in=rows.values("artifact"))
        return self.filter(Exists(rows.filter(artifact=OuterRef("pk"))))

    def filter_by(self, *, tag: str = "", alias: str = "", **columns: Any) -> Self:
        """Those that match each filter that is not empty; `columns` are compared for equality.

        A former name finds too what was renamed.
        """
        project, name = columns.get("project"), columns.pop("name", "")
        rows = self.filter(**{column: value for column, value in columns.items() if value})
        if name and project:
            former = FormerName.objects.holder(project.pk, name)
            rows = rows.filter(pk=former) if former else rows.filter(name=name)
        elif name:
            rows = rows.filter(Q(name=name) | Q(pk__in=FormerName.objects.holders(name=name)))
        rows = rows.with_tag(tag) if tag else rows
        return rows.with_alias(alias) if alias else rows

    def sorted_by(self, column: str) -> Self:
        """By a column, descending with `-` before it, then by name: the order of the indexes.

        By `project` they are in the order of `team/project/name`: those changed last, as many as are counted, for no
        index has the names of projects. One query, which finds the last of them.
        """
        sign = "-" if column.startswith("-") else ""
        if column.removeprefix("-") == "project":
            # As a subquery, PostgreSQL would look up each of them once more.
            limit = bounded_count.COUNT_LIMIT
            last = list(self.order_by("-updated_at").values_list("updated_at", flat=True)[limit - 1 : limit])
            rows = self.filter(updated_at__gte=last[0]) if last else self
            return rows.order_by(f"{sign}project__team__name", f"{sign}project__name", f"{sign}name", "pk")
        return self.order_by(column, f"{sign}name", "pk")

    def for_head(self) -> Self:
        """With all that pages show of it but its tags, and its aliases, which `aliases.excerpts` attaches."""
        return long_values.defer(self.select_related("project__team", "created_by"), "project")

    def with_tags(self) -> Self:
        """The same with its tags. Two queries."""
        return self.for_head().prefetch_related("tag_set")

    def for_display(self) -> Self:
        """With the aliases of its newest version as well, for `newest_names`."""
        # Each alias looks up its own artifact: for a join, a database may scan all artifacts.
        own = self.model.objects.order_by().filter(pk=OuterRef("artifact"), versions__number=F("latest_version_number"))
        newest = ArtifactAlias.objects.filter(version=Subquery(own.values("versions")[:1])).order_by("sort_key")
        return self.with_tags().prefetch_related(Prefetch("alias_set", queryset=newest, to_attr="newest_aliases"))


class Artifact(models.Model):
    """A named series of versions. Those of a collection are links: their files are those of other versions."""

    class Kind(models.TextChoices):
        ARTIFACT = "artifact", "Artifact"
        COLLECTION = "collection", "Collection"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="artifacts", db_index=False)
    name = models.CharField(max_length=128)
    type = models.CharField(max_length=128)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.ARTIFACT, editable=False)
    description = models.TextField(blank=True, default="")
    metadata = models.JSONField(blank=True, default=dict)
    auto_latest = models.BooleanField(default=True, help_text="`latest` follows the newest finalized version.")
    version_count = models.PositiveIntegerField(default=0, editable=False, help_text="Finalized versions.")
    latest_version_number = models.PositiveIntegerField(
        null=True, editable=False, help_text="The newest finalized version."
    )
    latest_size = models.BigIntegerField(
        default=0, editable=False, help_text="Bytes of the newest finalized version; 0 where there is none."
    )
    first_number = models.PositiveSmallIntegerField(
        default=1,
        editable=False,
        help_text="Of its first version: 0 of a collection, and where the wandb client made it.",
    )
    last_assigned_number = models.PositiveIntegerField(
        null=True, editable=False, help_text="The last number handed out."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ArtifactQuerySet.as_manager()
    LONG_VALUES = ("description", "metadata")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="artifact_name_unique"),
            models.CheckConstraint(
                condition=Q(name__regex=validators.ARTIFACT_NAME),
                name="artifact_name_is_valid",
                violation_error_message=validators.ARTIFACT_NAME_RULE,
            ),
            models.CheckConstraint(condition=Q(type__regex=validators.LABEL), name="artifact_type_is_valid"),
            models.CheckConstraint(condition=Q(kind__in=["artifact", "collection"]), name="artifact_kind_is_known"),
            models.CheckConstraint(
                condition=Q(latest_version_number__isnull=True)
                | Q(last_assigned_number__isnull=False, latest_version_number__lte=F("last_assigned_number")),
                name="artifact_latest_is_handed_out",
            ),
        ]
        indexes = [
            # Lists that are read by cursor: of 100,000 artifacts SQLite read half to find those of a small project.
            models.Index(fields=["project", "id"], name="artifact_project_newest"),
            models.Index(fields=["project", "-updated_at"], name="artifact_recent"),
            models.Index(fields=["-updated_at"], name="artifact_recent_anywhere"),
            models.Index(fields=["project", "type", "name"], name="artifact_by_type"),
            # For lists over all projects.
            models.Index(fields=["name"], name="artifact_by_name"),
            models.Index(fields=["type", "name"], name="artifact_by_type_anywhere"),
            models.Index(fields=["type", "-updated_at"], name="artifact_recent_of_type"),
            models.Index(fields=["version_count", "name"], name="artifact_by_version_count"),
            models.Index(fields=["latest_size", "name"], name="artifact_by_size"),
            # Collections are few among all artifacts.
            models.Index(fields=["kind", "name"], name="artifact_by_kind"),
            models.Index(fields=["kind", "-updated_at"], name="artifact_recent_of_kind"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("artifact", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name, of an artifact whose project and team are loaded."""
        return [*self.project.url_args, self.type, self.name]

    @property
    def is_collection(self) -> bool:
        return self.kind == self.Kind.COLLECTION

    @property
    def latest_version(self) -> str | None:
        return None if self.latest_version_number is None else f"v{self.latest_version_number}"

    @property
    def full_name(self) -> str:
        return f"{self.project.full_name}/{self.name}"

    @cached_property
    def tags(self) -> list[str]:
        return [row.tag for row in self.tag_set.all()]

    @cached_property
    def newest_names(self) -> list[str]:
        """The aliases of the newest finalized version, of an artifact that was loaded `for_display`."""
        return [row.alias for row in self.newest_aliases]


class ArtifactTag(models.Model):
    """A tag of an artifact; a table of its own, so that lists filter by an index on every database."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="tag_set", db_index=False)
    tag = models.CharField(max_length=128)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["artifact", "tag"], name="artifact_tag_unique")]
        indexes = [models.Index(fields=["tag", "artifact"], name="artifact_tag_by_tag")]

    def __str__(self) -> str:
        return self.tag
