"""What people do to be told of what happens."""

import re
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from accounts.actor import Actor
from accounts.models import Team
from artifacts import validators
from artifacts.models import Artifact
from core import row_limits
from notifications import errors
from notifications.models import Watch
from projects.models import Project


class Watched(NamedTuple):
    """A watch, and whether it is a new one."""

    watch: Watch
    created: bool


@transaction.atomic
def watch(
    actor: Actor, scope: Team | Project, artifact: Artifact | None = None, *, pattern: str = "*", by_email: bool = False
) -> Watched:
    """Watch all projects of a team that the user is in, or one project, or, if it is given, one artifact of that.

    The user must see it. Who watches it already changes how.

    The pattern is of the aliases that matter. Only `*` covers events that are about no alias. Raises `Invalid`,
    `TooManyWatches`.
    """
    if not re.match(validators.ALIAS_PATTERN, pattern):
        raise errors.Invalid(
            "A pattern consists of letters, digits, dots, underscores, hyphens, * and ?, as aliases do."
        )
    rows, watched = Watch.objects.filter(user=actor.user), target(scope, artifact)
    if not rows.filter(**watched).exists():
        limit = settings.WATCHES_A_PERSON
        refusal = errors.TooManyWatches(f"You watch {limit:,} things, which is the limit: unwatch some of them.")
        row_limits.require_room(actor.user, rows, limit, refusal)
    row, created = Watch.objects.update_or_create(
        user=actor.user, **watched, defaults={"pattern": pattern, "by_email": by_email}
    )
    return Watched(row, created)


def target(scope: Team | Project, artifact: Artifact | None = None) -> dict[str, Any]:
    """The columns that say what is watched."""
    is_team = isinstance(scope, Team)
    return {"team": scope if is_team else None, "project": None if is_team else scope, "artifact": artifact}


def unwatch(actor: Actor, watch: Watch) -> None:
    """Stop watching. Only one's own."""
    if watch.user_id != actor.user.pk:
        raise errors.Denied("This watch belongs to another user.")
    watch.delete()
