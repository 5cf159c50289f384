"""The nouns of accounts."""

from accounts.models.key import ApiKey
from accounts.models.team import Membership, Role, Team
from accounts.models.user import User

__all__ = ["ApiKey", "Membership", "Role", "Team", "User"]
