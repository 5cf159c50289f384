"""What an alias could be called: as others in the project are, as people usually do, or as the next version."""

import re
from collections import Counter
from typing import NamedTuple

from django.db import models

from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias

COMMON = (validators.LATEST, "production", "staging", "stable", "best", "candidate")
FIRST_VERSIONS = ("v0.1.0", "v1.0.0")
MAX_IN_USE = 20
# What is looked at, however much there is: the project's artifacts that changed last, their aliases, this one's newest.
_ARTIFACTS = 100
_ALIASES = 2000
_OWN = 1000

# Read by the database, too.
_VERSION_LIKE = r"^v?[0-9]+\.[0-9]+\.[0-9]+"
_SEMANTIC = re.compile(
    r"(?P<v>v?)(?P<major>0|[1-9][0-9]{0,8})\.(?P<minor>0|[1-9][0-9]{0,8})\.(?P<patch>0|[1-9][0-9]{0,8})(?P<pre>-.+)?"
)


class SuggestionReason(models.TextChoices):
    IN_USE = "in use"
    COMMON = "common"
    NEXT_VERSION = "next version"


class Suggestion(NamedTuple):
    alias: str
    why: SuggestionReason


def suggest(artifact: Artifact, typed: str = "") -> list[Suggestion]:
    """Aliases that begin with what was typed, then those that hold it; all of them where nothing was.

    First those in use in the project: the ones that this artifact lacks, then its own, which would move; each the most
    used first. Then the common ones that it lacks. Then what follows its highest semantic version. Three queries.
    """
    own = set(artifact.alias_set.order_by("-id").values_list("alias", flat=True)[:_OWN])
    in_use = _in_use(artifact, typed)
    suggestions = [
        Suggestion(alias, SuggestionReason.IN_USE) for alias in sorted(in_use, key=own.__contains__)[:MAX_IN_USE]
    ]
    suggestions += [Suggestion(alias, SuggestionReason.COMMON) for alias in COMMON if alias not in own]
    suggestions += [
        Suggestion(alias, SuggestionReason.NEXT_VERSION) for alias in _next_versions(own) if alias not in own
    ]
    return _matching(suggestions, typed.casefold())


def _in_use(artifact: Artifact, typed: str) -> list[str]:
    """The names in use in the project, the most used first, but for versions: each artifact counts its own."""
    recent = Artifact.objects.filter(project=artifact.project_id).order_by("-updated_at").values_list("pk", flat=True)
    rows = ArtifactAlias.objects.filter(artifact__in=[artifact.pk, *recent[:_ARTIFACTS]])
    rows = rows.exclude(alias__regex=_VERSION_LIKE)
    if typed:
        rows = rows.filter(alias__icontains=typed)
    counted = Counter(rows.order_by("artifact_id", "alias").values_list("alias", flat=True)[:_ALIASES])
    return sorted(counted, key=lambda alias: (-counted[alias], alias))


def _next_versions(own: set[str]) -> tuple[str, ...]:
    """What can follow the highest of these: the next patch, minor and major, or the release of a release candidate."""
    versions = [match for alias in own if (match := _SEMANTIC.fullmatch(alias))]
    if not versions:
        return FIRST_VERSIONS
    last = max(versions, key=_rank)
    major, minor, patch, is_release = _rank(last)
    following = [(major, minor, patch + 1 if is_release else patch), (major, minor + 1, 0), (major + 1, 0, 0)]
    return tuple(last["v"] + ".".join(map(str, numbers)) for numbers in following)


def _rank(version: re.Match[str]) -> tuple[int, int, int, bool]:
    return int(version["major"]), int(version["minor"]), int(version["patch"]), version["pre"] is None


def _matching(suggestions: list[Suggestion], typed: str) -> list[Suggestion]:
    distinct: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        distinct.setdefault(suggestion.alias, suggestion)
    matching = [suggestion for suggestion in distinct.values() if typed in suggestion.alias.casefold()]
    return sorted(matching, key=lambda suggestion: not suggestion.alias.casefold().startswith(typed))
