"""What somebody new does first: make a key, sign in with it, log an artifact."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Exists, QuerySet

from accounts.models import ApiKey, Team, User
from artifacts.models import ArtifactVersion


class FirstSteps(NamedTuple):
    """Which of them are done."""

    has_key: bool
    has_used_key: bool
    has_logged: bool


def annotate(teams: QuerySet[Team], user: User) -> QuerySet[Team]:
    """The user's teams, with what `of` needs, which is asked for once and not for each. No further query."""
    if user.first_steps_hidden_at is not None:
        return teams
    keys = ApiKey.objects.filter(user=user)
    versions = ArtifactVersion.objects.finalized().filter(created_by=user)
    return teams.annotate(
        has_key=Exists(keys), has_used_key=Exists(keys.exclude(last_used_at=None)), has_logged=Exists(versions)
    )


def of(user: User, teams: Sequence[Team]) -> FirstSteps | None:
    """Of teams with `annotate`, of which a user has at least one. None once something is logged, or they are hidden."""
    if user.first_steps_hidden_at is not None or not teams or teams[0].has_logged:
        return None
    return FirstSteps(teams[0].has_key, teams[0].has_used_key, teams[0].has_logged)
