"""Somebody's wish to be told what happens in all projects of a team, in one, or to one artifact of it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Concat, Lower
from uuid_utils.compat import uuid7

from accounts.models.team import Membership, Team
from artifacts.models.artifact import Artifact
from core import long_values
from events.models import Event
from projects.models.project import Project


class WatchQuerySet(models.QuerySet["Watch"]):
    def visible_to(self, user: Any) -> Self:
        """The user's own, of what the user may still see."""
        teams = Team.objects.visible_to(user).values("pk")
        return self.filter(Q(project__in=Project.objects.visible_to(user)) | Q(team__in=teams), user=user)

    def matching(self, events: Iterable[Event]) -> Self:
        """Those of the events' projects as a whole, of their artifacts, and of their teams by who is in them.

        The projects of the events are at hand.
        """
        events = list(events)
        artifacts = {event.artifact_id for event in events if event.artifact_id}
        projects = {event.project_id for event in events}
        teams = {event.project.team_id for event in events}
        is_member = Exists(Membership.objects.filter(team=OuterRef("team"), user=OuterRef("user")))
        of_projects = Q(Q(artifact=None) | Q(artifact__in=artifacts), project__in=projects)
        return self.filter(of_projects | Q(is_member, team__in=teams))

    def annotate_watched_teams(self, teams: models.QuerySet[Team], user: Any) -> models.QuerySet[Team]:
        """The teams, each with `is_watched`: whether the user watches all of its projects."""
        return teams.annotate(is_watched=Exists(self.filter(user=user, team=OuterRef("pk"))))

    def annotate_watched_projects(self, projects: models.QuerySet[Project], user: Any) -> models.QuerySet[Project]:
        """The projects, each with `is_watched`: whether the user watches it as a whole."""
        own = self.filter(user=user, project=OuterRef("pk"), artifact=None)
        return projects.annotate(is_watched=Exists(own))

    def annotate_watched_artifacts(self, artifacts: models.QuerySet[Artifact], user: Any) -> models.QuerySet[Artifact]:
        """The artifacts, each with `is_watched`: whether the user watches just this one."""
        return artifacts.annotate(is_watched=Exists(self.filter(user=user, artifact=OuterRef("pk"))))

    def for_display(self) -> Self:
        rows = self.select_related("team", "project__team", "artifact__project__team")
        return long_values.defer(rows, "project", "artifact", "artifact__project")

    def with_target_name(self) -> Self:
        """Each with `target_name`, to sort by: that of the team, its project and its artifact, whatever their case."""
        team = Coalesce("team__name", "project__team__name")
        name = Concat(team, Value("/"), "project__name", Value("/"), "artifact__name")
        return self.annotate(target_name=Lower(name))


class Watch(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="watches", db_index=False)
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, related_name="watches", help_text="All projects of the team."
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="watches")
    # Goes with its artifact by a receiver. No constraint: a cascade would load each row.
    artifact = models.ForeignKey(
        Artifact,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="watches",
        help_text="Null: the whole project, or the team.",
    )
    pattern = models.CharField(
        max_length=100, default="*", help_text="Of the aliases that matter; `*` stands for any characters, `?` for one."
    )
    by_email = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WatchQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "watches"
        constraints = [
            models.UniqueConstraint(fields=["user", "artifact"], name="watch_unique_of_artifact"),
            models.UniqueConstraint(
                fields=["user", "project"], condition=Q(artifact=None), name="watch_unique_of_project"
            ),
            models.UniqueConstraint(fields=["user", "team"], name="watch_unique_of_team"),
            models.CheckConstraint(
                condition=Q(team=None, project__isnull=False) | Q(team__isnull=False, project=None, artifact=None),
                name="watch_of_team_or_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} watches {self.pattern}"

    @property
    def full_name(self) -> str:
        """`team`, `team/project` or `team/project/name`, of a watch that was loaded `for_display`."""
        if self.team:
            return self.team.name
        return f"{self.project.full_name}/{self.artifact.name}" if self.artifact else self.project.full_name

    def covers(self, event: Event) -> bool:
        """Whether an event of its project or team matters, which is not from before its time.

        One about no alias matters to who watches everything.
        """
        is_of_artifact = self.artifact_id in (None, event.artifact_id)
        return is_of_artifact and self.created_at <= event.created_at and fnmatchcase(event.alias, self.pattern)
