"""Collections with links: what a team has, and what a layout has to stand.

`manage.py shell` runs `fill` where there are the projects of the browser tests.
"""

from django.db import transaction

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, links
from artifacts.models import Artifact
from harness.long_names import COLLECTION, DATASET, MODEL, PROJECT, TEAM, long
from projects.models import Project

COLLECTIONS, ALIASES = 60, 40


@transaction.atomic
def fill() -> None:
    alice = Actor(User.objects.get(username="alice"), Channel.WEB)
    usual, crowded = (
        Project.objects.get(team__name=team, name=name) for team, name in (("acme", "recommender"), (TEAM, PROJECT))
    )
    _collection(alice, usual, "shortlist", "ranker", "Rankers that passed the **holdout**.", ["holdout", "ranking"])
    _collection(alice, usual, "ratings", "interactions", "What the rankers may be trained on.", [])
    artifacts.create(alice, usual, "candidates", "model", kind=Artifact.Kind.COLLECTION)
    tags = [f"tag-{number}" for number in range(15)] + [long("tag", 64)]
    made = _collection(alice, crowded, COLLECTION, MODEL, long("about", 300), tags)
    newest = made.versions.order_by("-number").first().linked_version
    links.link(alice, newest, made, aliases=[long(f"stage_{number:02}", 100) for number in range(ALIASES)])
    for number in range(COLLECTIONS):
        name = f"{number:02}_{COLLECTION}"[:128]
        kept = artifacts.create(alice, crowded, name, "dataset", kind=Artifact.Kind.COLLECTION, tags=tags[-3:])
        source = crowded.artifacts.get(name=DATASET).versions.finalized().first()
        links.link(alice, source, kept, aliases=["production", "staging", long("customer", 100)])


def _collection(alice: Actor, project: Project, name: str, source: str, description: str, tags: list[str]) -> Artifact:
    """With a link to each finalized version of the artifact that is called `source`."""
    origin = project.artifacts.get(name=source)
    about = {"description": description, "tags": tags, "kind": Artifact.Kind.COLLECTION}
    made = artifacts.create(alice, project, name, origin.type, **about)
    for number, version in enumerate(origin.versions.finalized().order_by("number")):
        aliases = {1: ["production"], 2: ["staging"]}.get(number, [])
        links.link(alice, version, made, aliases=aliases)
    return made
