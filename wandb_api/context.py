"""Who asks, and what one request may cost."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from accounts import errors
from accounts.actor import Actor
from accounts.models import Scope
from core.query_hooks import QueryHook
from wandb_api import registries

if TYPE_CHECKING:
    from accounts.models import Team, User

# Where runs go whose program names no project.
_NO_PROJECT = "uncategorized"
# Rows that one document may be answered with, over all its lists.
MAX_ROWS = 50_000
MAX_PAGE = 10_000
# Queries of the database that one document may cost; the client's own cost up to 20.
MAX_READS = 200


class NotSignedIn(Exception):
    """The request has no valid API key, and asks for more than whether it has one."""


@dataclass
class Context:
    """One request: its actor, if it has a valid key, and the URL that people open this server at."""

    caller: Actor | None
    base_url: str
    rows: int = field(default=0)
    reads: int = field(default=0)

    def __post_init__(self) -> None:
        # Whatever resolver is added, what it reads is counted.
        self.query_hook = QueryHook(self.count_reads)

    @cached_property
    def registry_team(self) -> "Team | None":
        """The team that is the organization of everybody, where there is one."""
        return registries.find_team()

    @property
    def actor(self) -> Actor:
        """Raises `NotSignedIn`."""
        if self.caller is None:
            raise NotSignedIn
        return self.caller

    @property
    def user(self) -> "User":
        """Raises `NotSignedIn`."""
        user = self.actor.user
        assert user is not None
        return user

    @property
    def default_entity(self) -> str:
        """The team of what names none: the caller's own, or that of a service account. Raises `NotSignedIn`."""
        user = self.user
        return user.default_team.name if user.is_service_account else user.username

    def full_name(self, entity: str | None, project: str | None) -> str:
        """`team/project`, where clients leave out what goes without saying. Raises `NotSignedIn`."""
        return f"{entity or self.default_entity}/{project or _NO_PROJECT}"

    def require_write(self) -> None:
        """Raise `ReadOnlyKey` for a key that may only read."""
        key = self.actor.key
        if key is not None and key.scope == Scope.READ:
            raise errors.ReadOnlyKey(f"The key '{key.name}' is read-only: use a key with read & write access.")

    def count_reads(self, count: int = 1) -> None:
        """Count queries, or calls of the object store, against what the document may cost. Raises `Invalid`."""
        self.reads += count
        if self.reads > MAX_READS:
            raise errors.Invalid(f"The document takes over {MAX_READS} queries to answer: ask for less at once.")

    def page_size(self, first: int | None, default: int = 50) -> int:
        """How many rows a list gives at most, counted against what the document may cost.

        Raises `Invalid` for a size that is not positive, and for a document that asks for too much.
        """
        size = min(default if first is None else first, MAX_PAGE)
        if size < 0:
            raise errors.Invalid("A page has a positive size.")
        self.rows += size
        if self.rows > MAX_ROWS:
            raise errors.Invalid(f"The query asks for over {MAX_ROWS:,} rows: ask for smaller pages.")
        return size
