"""Hierarchies: trees of records in a project, with a label for each level."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from uuid_utils.compat import uuid7

from hierarchies import validators
from projects.models.project import Project


class Access(models.TextChoices):
    """Who reads and writes besides people of the project."""

    PROJECT = "project", "Who sees the project"
    PUBLIC = "public", "Everyone may read, without signing in"
    OPEN = "open", "Everyone may read, and on this machine write, without signing in"


class Operation(models.TextChoices):
    """What can be switched off."""

    CREATE = "create", "Create"
    UPDATE = "update", "Update and move"
    DELETE = "delete", "Delete"
    LIST = "list", "List"
    READ = "read", "Read"
    TREE = "tree", "Tree"
    EXPAND = "expand", "Expand"
    DOWNLOAD = "download", "Download"
    IMPORT = "import", "Import"
    EXPORT = "export", "Export"


class HierarchyQuerySet(models.QuerySet["Hierarchy"]):
    def visible_to(self, user: Any) -> Self:
        """Those of projects that the user sees, and those that everyone may read."""
        return self.filter(Q(project__in=Project.objects.visible_to(user)) | ~Q(access=Access.PROJECT))

    def for_display(self) -> Self:
        """With all that is shown of it."""
        return self.select_related("project__team", "created_by").defer("project__description")


class Hierarchy(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the project.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="hierarchies", db_index=False)
    name = models.CharField(max_length=128, validators=[validators.validate_name])
    description = models.TextField(blank=True, default="")
    level_labels = models.JSONField(
        blank=True,
        default=dict,
        validators=[validators.validate_level_labels],
        help_text='Such as {"0": "experiment"}.',
    )
    enforce_levels = models.BooleanField(default=False, help_text="Refuse records on levels without a label.")
    access = models.CharField(max_length=10, choices=Access, default=Access.PROJECT)
    permissions = models.JSONField(
        blank=True, default=dict, validators=[validators.validate_permissions],
        help_text='Operations that are switched off are false: {"delete": false}.',
    )  # fmt: skip
    record_count = models.PositiveIntegerField(default=0, editable=False)
    created_totals = models.JSONField(
        default=dict, editable=False, help_text="By level how many records and bytes of data were ever made."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = HierarchyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "hierarchies"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="hierarchy_name_unique"),
            models.CheckConstraint(condition=Q(name__regex=validators.NAME), name="hierarchy_name_form"),
            models.CheckConstraint(
                condition=Q(access__in=["project", "public", "open"]), name="hierarchy_access_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("hierarchy", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name; project and team must be loaded, or this is a query."""
        return [*self.project.url_args, self.name]

    @property
    def full_name(self) -> str:
        """`team/project/name`; project and team must be loaded, or this is a query."""
        return f"{self.project.full_name}/{self.name}"

    def label_of(self, level: int) -> str:
        """What records on this level are called: `level 3` where it has no label."""
        return self.level_labels.get(str(level)) or f"level {level}"

    def is_on(self, operation: str) -> bool:
        """Whether the operation is not switched off."""
        return self.permissions.get(operation, True) is not False

    def count_created(self, level: int, records: int, size: int) -> None:
        """Add to what was ever made on the level; the caller holds the row's lock, and saves it."""
        made = self.created_totals.setdefault(str(level), {"records": 0, "bytes": 0})
        made["records"] += records
        made["bytes"] += size

    @property
    def levels(self) -> list[int]:
        """Those with a label, from the root."""
        return sorted(map(int, self.level_labels))
