"""Collections with links: what a team has, and what a layout has to stand.

`manage.py shell` runs `fill` where there are the projects of the browser tests.
"""

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, links
from artifacts.models import Artifact, ArtifactVersion
from harness.long_names import COLLECTION, PROJECT, TEAM, long
from projects.models import Project

COLLECTIONS, LINKS, ALIASES = 12, 40, 40


@transaction.atomic
def fill() -> None:
    alice = Actor(User.objects.get(username="alice"), Channel.WEB)
    usual, crowded = (
        Project.objects.get(team__name=team, name=name) for team, name in (("acme", "recommender"), (TEAM, PROJECT))
    )
    # Links are downstream of what they link: that has a lineage of its own.
    first, second = _versions(alice, usual, "summarizer", 2)
    picks = _collection(alice, usual, "picks", "model", "Models that passed the **holdout**.", ["holdout"])
    links.link(alice, first, picks)
    links.link(alice, second, picks, aliases=["production"])
    _collection(alice, usual, "candidates", "model", "", [])
    _fill_crowded(alice, crowded)


def _fill_crowded(alice: Actor, project: Project) -> None:
    sources = _versions(alice, project, long("source", 128), LINKS, long("about", 300))
    tags = [f"tag-{number}" for number in range(15)] + [long("tag", 64)]
    whole = _collection(alice, project, COLLECTION, "model", long("about", 300), tags)
    for number, source in enumerate(sources):
        links.link(alice, source, whole, aliases=["production"] if number == 1 else [])
    links.link(alice, sources[-1], whole, aliases=[long(f"stage_{number:02}", 100) for number in range(ALIASES)])
    for number in range(COLLECTIONS):
        other = _collection(alice, project, f"{number:02}_{COLLECTION}"[:128], "model", "", tags[-3:])
        links.link(alice, sources[0], other, aliases=["production", "staging", long("customer", 100)])


def _collection(alice: Actor, project: Project, name: str, type: str, description: str, tags: list[str]) -> Artifact:
    about = {"description": description, "tags": tags, "kind": Artifact.Kind.COLLECTION}
    return artifacts.create(alice, project, name, type, **about)


def _versions(alice: Actor, project: Project, name: str, count: int, description: str = "") -> list[ArtifactVersion]:
    """The versions of a new model, without files."""
    artifact = artifacts.create(alice, project, name, "model")
    versions = [
        ArtifactVersion(
            artifact=artifact, number=number, state="finalized", integrity="verified", description=description,
            storage_path=f"artifacts/{artifact.pk}/v{number}/", created_by=alice.user, finalized_at=timezone.now(),
            digest=f"{number:064x}",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    counted = {"version_count": count, "latest_version_number": count, "last_assigned_number": count}
    Artifact.objects.filter(pk=artifact.pk).update(**counted)
    return ArtifactVersion.objects.bulk_create(versions)
