"""The nouns of accounts."""

from accounts.models.key import ApiKey, Scope
from accounts.models.team import Membership, Role, Team
from accounts.models.user import User

__all__ = ["ApiKey", "Membership", "Role", "Scope", "Team", "User"]
