"""Models of users, teams, API keys and invitations."""

from accounts.models.invitation import Invitation
from accounts.models.key import ApiKey, Scope
from accounts.models.team import Membership, Role, Team
from accounts.models.user import User

__all__ = ["ApiKey", "Invitation", "Membership", "Role", "Scope", "Team", "User"]
