"""Models of users, teams, API keys, invitations and former names."""

from accounts.models.former_name import SERVER, FormerName
from accounts.models.invitation import Invitation
from accounts.models.key import ApiKey, Scope
from accounts.models.role import Role
from accounts.models.team import Membership, Team
from accounts.models.user import User

__all__ = ["SERVER", "ApiKey", "FormerName", "Invitation", "Membership", "Role", "Scope", "Team", "User"]
