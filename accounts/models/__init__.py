"""Models of users, teams, API keys, invitations, and of failed sign-ins."""

from accounts.models.invitation import Invitation
from accounts.models.key import ApiKey, Scope
from accounts.models.sign_in_limit import SignInLimit
from accounts.models.team import Membership, Role, Team
from accounts.models.user import User

__all__ = ["ApiKey", "Invitation", "Membership", "Role", "Scope", "SignInLimit", "Team", "User"]
