"""The tags of versions: changed by whoever holds the version's row."""

from collections.abc import Iterable

from artifacts import errors, validators
from artifacts.models import ArtifactVersion, VersionTag
from core.validators import MAX_TAGS


def put(version: ArtifactVersion, tags: Iterable[str]) -> None:
    """Let the version have these tags, and no others. Raises `Invalid`."""
    wanted = validators.check_tags(tags)
    has = set(version.tag_set.values_list("tag", flat=True))
    version.tag_set.exclude(tag__in=wanted).delete()
    VersionTag.objects.bulk_create(VersionTag(version=version, tag=tag) for tag in wanted if tag not in has)


def change(version: ArtifactVersion, added: Iterable[str], removed: Iterable[str]) -> None:
    """Add some and remove others, whatever others do to the rest meanwhile. Raises `Invalid`."""
    added = validators.check_tags(added)
    version.tag_set.filter(tag__in=list(removed)).delete()
    has = set(version.tag_set.values_list("tag", flat=True))
    new = [tag for tag in added if tag not in has]
    if len(has) + len(new) > MAX_TAGS:
        raise errors.Invalid(f"A version has at most {MAX_TAGS} tags: remove some first.")
    VersionTag.objects.bulk_create(VersionTag(version=version, tag=tag) for tag in new)
