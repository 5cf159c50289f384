"""What members of a team may do."""

from django.db import models


class Role(models.TextChoices):
    """The role of a member, weakest first; each includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, needed: "Role") -> bool:
        """Whether this role is at least `needed`."""
        return self.rank >= needed.rank
