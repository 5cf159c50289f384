"""Invitations into teams: a link for whoever has it, or to one user by name, who accepts or declines.

Of a link only a hash of its token is kept; it is shown once, when the invitation is created.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models.role import Role
from accounts.models.team import Team
from accounts.validators import validate_owner_name

if TYPE_CHECKING:
    from accounts.models.user import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Those that can still be used."""
        return self.filter(used_at=None, expires_at__gt=timezone.now())

    def visible_to(self, user: "User") -> "InvitationQuerySet":
        """Those by name that are for the user, or to a team that the user manages."""
        managed = Team.objects.filter(memberships__user=user, memberships__role=Role.ADMIN)
        own = Q(pk__in=self.pending_for(user).values("pk"))
        return self.open().filter(own | Q(team__in=managed), digest=None)

    def pending_for(self, user: "User") -> "InvitationQuerySet":
        """Those by name that this user can accept or decline, of teams whose admins still invite."""
        inviting = Team.objects.filter(memberships__user=models.OuterRef("created_by"), memberships__role=Role.ADMIN)
        may_invite = models.Exists(inviting.filter(pk=models.OuterRef("team"))) | Q(created_by__is_staff=True)
        return self.open().filter(may_invite, invitee=user, created_by__is_active=True)


class Invitation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role)
    email = models.EmailField(blank=True, help_text="Whom it is for, if one person alone.")
    digest = models.CharField(max_length=64, null=True, editable=False, help_text="Of the token of a link.")
    username = models.CharField(
        max_length=64, blank=True, default="", validators=[validate_owner_name], help_text="Of the user it is for."
    )
    # Null also where no user has the name, or who has it declined: whoever invites learns nothing by that.
    invitee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", editable=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, editable=False)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="invitation_digest_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(
                condition=Q(used_at=None, used_by=None) | Q(used_at__isnull=False, used_by__isnull=False),
                name="invitation_use_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(digest__isnull=False, username="", invitee=None) | Q(digest=None) & ~Q(username=""),
                name="invitation_link_or_name",
            ),
            models.UniqueConstraint(
                fields=["team", "username"],
                condition=Q(used_at=None) & ~Q(username=""),
                name="invitation_of_name_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.team}"

    @property
    def role_in_words(self) -> str:
        """What one is invited as: `an editor`."""
        role = self.get_role_display().lower()
        return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()
