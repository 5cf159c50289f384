"""Projects: each belongs to a team and contains runs and artifacts."""

import secrets
from typing import TYPE_CHECKING, Any, Self, Union
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.functions import Left
from django.urls import reverse
from uuid_utils.compat import uuid7

from accounts.models.former_name import FormerName
from accounts.models.role import Role
from accounts.models.team import Membership, Team
from core import errors, long_values
from projects.validators import NAME, validate_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models.user import User


class Visibility(models.TextChoices):
    """Who sees a project besides its team: nobody, or everyone who can sign in."""

    PRIVATE = "private", "Private"
    INTERNAL = "internal", "Internal"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        """Projects of the user's teams, and internal ones of any team."""
        if not user.is_authenticated:
            return self.none()
        # A subquery, not a join: a join with OR would give a project once for each member of its team.
        teams = Membership.objects.filter(user=user).values("team")
        return self.filter(models.Q(team__in=teams) | models.Q(visibility=Visibility.INTERNAL))

    def editable_by(self, user: Union["User", "AnonymousUser"]) -> Self:
        """Projects of teams where the user is at least editor."""
        if not user.is_authenticated:
            return self.none()
        roles = [role for role in Role if role.covers(Role.EDITOR)]
        return self.filter(team__in=Membership.objects.filter(user=user, role__in=roles).values("team"))

    def with_role_of(self, user: "User") -> Self:
        """Each with the user's role in its team as `role`; None for who is not in it."""
        memberships = Membership.objects.filter(team=models.OuterRef("team"), user=user)
        return self.annotate(role=models.Subquery(memberships.values("role")[:1]))

    def with_excerpt(self) -> Self:
        """Each with the beginning of its description as `excerpt`, instead of all of it."""
        return long_values.defer(self.annotate(excerpt=Left("description", long_values.EXCERPT_LENGTH)), "")

    def by_full_name(self, full_name: str) -> Self:
        """The project called `team/name`; none for a text that is not of this form."""
        team, slash, name = full_name.partition("/")
        return self.filter(team__in=Team.objects.by_name(team), name=name) if slash else self.none()

    def by_any_name(self, full_name: str) -> Self:
        """The same, or the one that `named` finds by a former name."""
        project = self.named(full_name)
        return self.filter(pk=project.pk) if project else self.none()

    def named(self, full_name: str) -> "Project | None":
        """The project called `team/name`, or else the one that was until it or its team was renamed; with its team."""
        rows = self.select_related("team")
        return rows.by_full_name(full_name).first() or rows._formerly(full_name)

    def _formerly(self, full_name: str) -> "Project | None":
        team_name, _, name = full_name.partition("/")
        team = Team.objects.named(team_name)
        if team is None:
            return None
        holder = FormerName.objects.holder(team.pk, name)
        return self.filter(team=team, name=name).first() or (self.filter(pk=holder).first() if holder else None)

    def filter_by(
        self, *, ordering: str = "-id", team: str = "", name: str = "", search: str = "", **columns: Any
    ) -> Self:
        """Those of the team, with a part of name or description, and with these values of columns, in that order.

        Teams and projects are found by their former names too.
        """
        rows = self.filter(**columns)
        holder = Team.objects.named(team) if team else None
        if team:
            rows = rows.filter(team=holder)
        if name and holder:
            former = FormerName.objects.holder(holder.pk, name)
            rows = rows.filter(pk=former) if former else rows.filter(name=name)
        elif name:
            rows = rows.filter(models.Q(name=name) | models.Q(pk__in=FormerName.objects.holders(name=name)))
        if search:
            rows = rows.filter(
                models.Q(name__icontains=search)
                | models.Q(description__icontains=search)
                | models.Q(pk__in=FormerName.objects.holders(name__icontains=search))
            )
        # The id makes the order total.
        return rows.order_by(ordering, "-id")

    def find(self, reference: str | UUID) -> "Project":
        """The project of that id or `team/name`, which may be a former one, among these. Raises `Missing`."""
        pk = as_uuid(reference)
        project = self.filter(pk=pk).select_related("team").first() if pk else self.named(str(reference))
        if project is None:
            what = "Project not found: it was deleted" if pk else f"Project '{reference}' not found"
            raise errors.Missing(f"{what}, or you don't have access.")
        return project


def random_serial() -> int:
    """A number of 31 bits, not 0."""
    return secrets.randbelow(2**31 - 1) + 1


class Project(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the team.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects", db_index=False)
    name = models.CharField(max_length=128, validators=[validate_name])
    description = models.TextField(blank=True)
    # What the official client knows it by where it wants a number.
    serial = models.PositiveIntegerField(default=random_serial, editable=False)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()
    LONG_VALUES = ("description",)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "name"], name="project_name_unique"),
            models.UniqueConstraint(fields=["serial"], name="project_serial_unique"),
            models.CheckConstraint(condition=models.Q(name__regex=NAME), name="project_name_form"),
            models.CheckConstraint(
                condition=models.Q(visibility__in=Visibility.values), name="project_visibility_known"
            ),
        ]
        indexes = [models.Index(fields=["visibility"], name="project_visibility")]

    def __str__(self) -> str:
        return self.full_name

    def get_absolute_url(self) -> str:
        return reverse("project", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name; the team must be loaded, or this is a query."""
        return [*self.team.url_args, self.name]

    @property
    def full_name(self) -> str:
        """`team/name`, as people write it; the team must be loaded, or this is a query."""
        return f"{self.team.name}/{self.name}"

    def users_with_access(self) -> models.QuerySet["User"]:
        """The active users who see it: the inverse of `visible_to`."""
        users = get_user_model().objects.filter(is_active=True)
        if self.visibility == Visibility.INTERNAL:
            return users
        return users.filter(pk__in=Membership.objects.filter(team=self.team_id).values("user"))


def as_uuid(reference: str | UUID) -> UUID | None:
    """The reference as an id, or None. Only the usual form with dashes is one: other texts may be names."""
    try:
        return UUID(str(reference)) if len(str(reference)) == 36 else None
    except ValueError:
        return None
