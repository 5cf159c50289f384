"""A rule that protects aliases: which names, where, and who may move them."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from accounts.models.role import Role
from accounts.models.team import Team
from artifacts import validators
from core import long_values
from projects.models.project import Project

if TYPE_CHECKING:
    from artifacts.models.artifact import Artifact

SCOPES = ("team", "project", "artifact")


class RuleQuerySet(models.QuerySet["AliasRule"]):
    def visible_to(self, user: Any) -> Self:
        """Rules of the teams that the user is in, and of what lies in projects that the user sees."""
        projects = Project.objects.visible_to(user)
        of_team = Q(team__in=Team.objects.visible_to(user).values("pk"))
        return self.filter(of_team | Q(project__in=projects) | Q(artifact__project__in=projects))

    def covering(self, artifact: "Artifact") -> Self:
        """Those of the artifact, of its project and of its team, whose `project` must be loaded."""
        project = artifact.project
        return self.filter(Q(artifact=artifact) | Q(project=project) | Q(team=project.team_id))

    def within(self, scope: Team | Project) -> Self:
        """All that can cover an alias in the scope."""
        if isinstance(scope, Team):
            return self.filter(Q(team=scope) | Q(project__team=scope) | Q(artifact__project__team=scope))
        return self.filter(Q(team=scope.team_id) | Q(project=scope) | Q(artifact__project=scope))

    def for_display(self) -> Self:
        rows = self.select_related("team", "project__team", "artifact__project__team", "created_by")
        return long_values.defer(rows, "project", "artifact", "artifact__project")


class AliasRule(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="alias_rules")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="alias_rules")
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, null=True, blank=True, related_name="alias_rules"
    )
    pattern = models.CharField(max_length=100, help_text="An alias; `*` stands for any characters, `?` for one.")
    role = models.CharField(
        max_length=10, choices=[(role.value, role.label) for role in (Role.EDITOR, Role.ADMIN)], default=Role.ADMIN,
        help_text="The least role that may move such an alias.",
    )  # fmt: skip
    needs_approval = models.BooleanField(default=False, help_text="A second person of that role has to approve.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["pattern", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=False, project__isnull=True, artifact__isnull=True)
                | Q(team__isnull=True, project__isnull=False, artifact__isnull=True)
                | Q(team__isnull=True, project__isnull=True, artifact__isnull=False),
                name="rule_has_one_place",
            ),
            models.CheckConstraint(condition=Q(pattern__regex=validators.ALIAS_PATTERN), name="rule_pattern_is_valid"),
            models.CheckConstraint(condition=Q(role__in=[Role.EDITOR, Role.ADMIN]), name="rule_role_is_known"),
            models.UniqueConstraint(fields=["team", "pattern"], name="rule_unique_in_team"),
            models.UniqueConstraint(fields=["project", "pattern"], name="rule_unique_in_project"),
            models.UniqueConstraint(fields=["artifact", "pattern"], name="rule_unique_in_artifact"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern} in {self.scope}"

    @property
    def scope(self) -> str:
        """`team acme`, `project acme/demo` or `artifact acme/demo/model`, of a rule that was loaded `for_display`."""
        if self.team:
            return f"team {self.team.name}"
        return f"project {self.project.full_name}" if self.project else f"artifact {self.artifact.full_name}"

    @property
    def owner(self) -> Team:
        """The team whose admins decide about the rule."""
        if self.team:
            return self.team
        return self.project.team if self.project else self.artifact.project.team

    @property
    def regex(self) -> str:
        """The pattern as a database reads it."""
        parts = {".": r"\.", "*": ".*", "?": "."}
        return rf"\A{''.join(parts.get(letter, letter) for letter in self.pattern)}\Z"

    @property
    def covers_many(self) -> bool:
        """Whether the pattern is more than one name."""
        return not set(self.pattern).isdisjoint("*?")

    def covers(self, alias: str) -> bool:
        return fnmatchcase(alias, self.pattern)
