"""What people do to be told of what happens."""

import re
from typing import NamedTuple

from accounts.actor import Actor
from artifacts import validators
from artifacts.models import Artifact
from notifications import errors
from notifications.models import Watch
from projects.models import Project


class Watched(NamedTuple):
    """A watch, and whether it is a new one."""

    watch: Watch
    created: bool


def watch(
    actor: Actor, project: Project, artifact: Artifact | None = None, *, pattern: str = "*", by_email: bool = False
) -> Watched:
    """Watch a project or, if it is given, one artifact of it, which the user must see; or change how it is watched.

    The pattern is of the aliases that matter. Only `*` covers events that are about no alias. Raises `Invalid`.
    """
    if not re.match(validators.ALIAS_PATTERN, pattern):
        raise errors.Invalid(
            "A pattern consists of letters, digits, dots, underscores, hyphens, * and ?, as aliases do."
        )
    row, created = Watch.objects.update_or_create(
        user=actor.user, project=project, artifact=artifact, defaults={"pattern": pattern, "by_email": by_email}
    )
    return Watched(row, created)


def unwatch(actor: Actor, watch: Watch) -> None:
    """Stop watching. Only one's own."""
    if watch.user_id != actor.user.pk:
        raise errors.Denied("This watch belongs to another user.")
    watch.delete()
