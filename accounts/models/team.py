"""Teams and their members."""

from typing import TYPE_CHECKING, Union

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from uuid_utils.compat import uuid7

from accounts.models.former_name import SERVER, FormerName
from accounts.models.role import Role
from accounts.validators import OWNER_NAME, validate_not_reserved, validate_owner_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models.user import User


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: Union["User", "AnonymousUser"]) -> "TeamQuerySet":
        """Teams the user is a member of, each with the user's role in it as `role`."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user).annotate(role=models.F("memberships__role"))

    def editable_by(self, user: Union["User", "AnonymousUser"]) -> "TeamQuerySet":
        """Teams where the user is at least editor."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(memberships__user=user, memberships__role__in=[Role.EDITOR, Role.ADMIN])

    def by_name(self, name: str) -> "TeamQuerySet":
        """The team of that name, case-insensitive."""
        return self.alias(folded_name=Lower("name")).filter(folded_name=name.lower())

    def named(self, name: str) -> "Team | None":
        """The team of that name, or else the one that had it until it was renamed."""
        return self.by_name(name).first() or self._formerly(name)

    def _formerly(self, name: str) -> "Team | None":
        holder = FormerName.objects.holder(SERVER, name.lower())
        return self.filter(pk=holder).first() if holder else None

    def create_personal(self, user: "User") -> "Team":
        """The user's personal team, of the same name, with the user as its admin."""
        with transaction.atomic():
            team = self.create(name=user.username, is_personal=True, created_by=user)
            team.memberships.create(user=user, role=Role.ADMIN)
        return team


class Team(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, validators=[validate_owner_name, validate_not_reserved])
    display_name = models.CharField(max_length=200, blank=True)
    is_personal = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), name="team_name_unique", violation_error_message="This name is taken."
            ),
            models.UniqueConstraint(
                fields=["created_by"], condition=models.Q(is_personal=True), name="team_personal_unique"
            ),
            models.CheckConstraint(condition=models.Q(name__regex=OWNER_NAME), name="team_name_form"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("team-page", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name."""
        return [self.name]

    def is_personal_of(self, user: "User") -> bool:
        """Whether it is this user's personal team."""
        return self.is_personal and self.created_by_id == user.pk


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the team.
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
