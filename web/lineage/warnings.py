"""What dialogs say before something goes that others were made from."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from artifacts.lineage import impact
from artifacts.models import Artifact, ArtifactVersion
from core.bounded_count import format_count
from web.lineage import lookups, texts


class ImpactWarning(NamedTuple):
    """A sentence, and the page that says more; the first of what is downstream, by texts and URLs, and the rest."""

    message: str
    url: str
    links: list[tuple[str, str]]
    more: str


def of_versions(
    user: Any, versions: Sequence[ArtifactVersion], artifact: Artifact, *, listed: int = 0
) -> ImpactWarning | None:
    """Of versions of an artifact with its project and team; None where nothing was made from them.

    `listed` is how many of what was made from them the warning names.
    """
    versions = list(dict.fromkeys(versions))
    for version in versions:
        version.artifact = artifact
    if not versions:
        return None
    url = _selected_url(versions) if len(versions) > 1 else reverse("version-impact", args=versions[0].url_args)
    return _warning(user, versions, texts.several(map(str, versions), "versions"), url, listed)


def of_artifacts(user: Any, artifacts: Sequence[Artifact], *, listed: int = 0) -> ImpactWarning | None:
    """The same of all versions of these artifacts. One query more."""
    if not artifacts:
        return None
    name = texts.several((artifact.name for artifact in artifacts), "artifacts")
    return _warning(user, lookups.newest_versions(artifacts), name, _selected_url(artifacts), listed)


def _warning(
    user: Any, roots: Collection[ArtifactVersion], name: str, url: str, listed: int = 0
) -> ImpactWarning | None:
    page = impact.page(user, roots, limit=listed) if roots else None
    if page is None or not page.summary:
        return None
    summary = page.summary
    links = [(row.title, row.thing.get_absolute_url()) for row in page.results]
    more = summary.versions + summary.runs - len(links)
    return ImpactWarning(
        f"Downstream of {name}: {texts.affected(summary)}.", url, links, format_count(more) if more else ""
    )


def _selected_url(items: Iterable[Artifact | ArtifactVersion]) -> str:
    return f"{reverse('selected-impact')}?{urlencode([('item', item.pk) for item in items])}"
