"""Users. They are deactivated, never deleted, so that their objects keep their creator."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models, transaction
from django.db.models.functions import Lower
from uuid_utils.compat import uuid7

from accounts.models.team import Team
from accounts.validators import OWNER_NAME, validate_not_reserved, validate_owner_name


class UserManager(DjangoUserManager["User"]):
    """Creates a personal team with every user that is a person, also from Django admin and `createsuperuser`."""

    def _create_user(self, username: str, email: str | None, password: str | None, **columns: Any) -> "User":
        with transaction.atomic():
            user = super()._create_user(username, email, password, **columns)
            if not user.is_service_account:
                Team.objects.create_personal(user)
        return user


class User(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(
        max_length=64,
        validators=[validate_owner_name, validate_not_reserved],
        help_text="Also the name of the user's personal team.",
    )

    is_service_account = models.BooleanField(
        default=False, editable=False, help_text="For programs: belongs to one team, and cannot sign in."
    )
    first_steps_hidden_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since then home has no list of first steps."
    )

    objects = UserManager()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["username"], name="user_username_unique", violation_error_message="This name is taken."
            ),
            models.UniqueConstraint(
                Lower("username"), name="user_username_folded", violation_error_message="This name is taken."
            ),
            models.CheckConstraint(condition=models.Q(username__regex=OWNER_NAME), name="user_username_form"),
        ]

    @property
    def personal_team(self) -> Team:
        """The team of the same name. One query."""
        return Team.objects.get(is_personal=True, created_by=self)

    @property
    def default_team(self) -> Team:
        """The team of names that say none: the personal one, or the only one of a service account. One query."""
        if not self.is_service_account:
            return self.personal_team
        return Team.objects.filter(memberships__user=self).earliest("memberships__created_at")
