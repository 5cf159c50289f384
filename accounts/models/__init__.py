"""Models of users, teams, API keys, invitations, former names, and of failed sign-ins."""

from accounts.models.former_name import SERVER, FormerName
from accounts.models.invitation import Invitation
from accounts.models.key import ApiKey, Scope
from accounts.models.role import Role
from accounts.models.sign_in_limit import SignInLimit
from accounts.models.team import Membership, Team
from accounts.models.user import User

__all__ = ["SERVER", "ApiKey", "FormerName", "Invitation", "Membership", "Role", "Scope", "SignInLimit", "Team", "User"]
