"""The dialogs that ask whether to delete something say what goes with it, and offer nothing that is forbidden."""

import re

import pytest

from accounts.actor import Actor
from artifacts.aliases import aliases, protection
from artifacts.lineage import usages
from artifacts.models import Artifact, ArtifactAlias
from projects import projects, runs
from tests.artifacts.client import log
from tests.conftest import HTMX

URL = "/acme/demo/artifacts/dataset/data"
FACT = re.compile(r"<dt>([^<]+)</dt>\s*<dd>(.*?)</dd>", re.S)


def dialog(client, url: str) -> str:
    response = client.get(url, headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


def facts(text: str) -> dict[str, list[str]]:
    return {label: re.sub(r"<[^>]+>", "|", value).replace("|", " ").split() for label, value in FACT.findall(text)}


@pytest.fixture
def built(alice, bob, mallory, artifact, other, v1, v2, run, project) -> Artifact:
    """v2 is used by a run that logged `other:v1`, and by one of a project that bob does not see."""
    aliases.move(Actor(bob), artifact, "candidate", v2)
    usages.use(Actor(bob), run, "data:v2")
    log(bob, other, {"weights": b"w"})
    other.versions.update(run=run)
    hers = projects.create(Actor(mallory), mallory.personal_team, "hers")
    v2.usages.create(run=runs.start(Actor(mallory), hers))
    return artifact


def test_that_of_a_version(browser, alice, bob, built, run):
    client = browser(bob)
    text = dialog(client, f"{URL}/v2/delete")
    assert facts(text) == {
        "Aliases": ["candidate"], "latest": ["moves", "to", "v1"], "Downstream": [run.name, "other:v1"],
    }  # fmt: skip
    assert "Also delete its aliases: candidate" in text and re.search(r'class="danger">Delete</button>', text)

    protection.create(Actor(alice), built.project, "cand*")
    text = dialog(client, f"{URL}/v2/delete")
    assert "protected by the rule cand* in project acme/demo. Move it to another version first." in text
    assert "delete_aliases" not in text and "<button" not in text and "Close" in text
    refused = client.post(f"{URL}/v2/delete", {"delete_aliases": "on"}, headers=HTMX)
    assert refused.status_code == 403 and "Move%20it" in refused["X-Refusal"]


def test_that_of_a_version_with_many_aliases(browser, bob, built, v2):
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=built, version=v2, alias=f"v{number}.0.0") for number in range(40)
    )
    text = dialog(browser(bob), f"{URL}/v2/delete")
    assert "Also delete its 41 aliases" in text and "and 33 more" in text


def test_that_of_an_artifact(browser, alice, bob, built, run):
    rule = protection.create(Actor(alice), built, "candidate")
    text = dialog(browser(bob), f"{URL}/delete")
    assert "it is deleted with the artifact. Only an admin of team &#x27;acme&#x27; can do this." in text
    assert "would be deleted with it: only an admin" in text
    assert "<button" not in text and 'name="name"' not in text
    assert browser(bob).post(f"{URL}/delete", {"name": "data"}, headers=HTMX).status_code == 403

    text = dialog(browser(alice), f"{URL}/delete")
    assert facts(text) == {
        "Aliases": ["candidate", "latest"], "Rules": str(rule).split(), "Downstream": [run.name, "other:v1"],
    }  # fmt: skip
    assert "2 versions" in text and re.search(r'class="danger">Delete</button>', text)


def test_that_of_a_project(browser, alice, built, acme, django_assert_max_num_queries):
    for pattern in ("lat*", "latest", "production", "v?", "x*"):
        protection.create(Actor(alice), acme, pattern)
    client = browser(alice)
    client.get("/")
    with django_assert_max_num_queries(14):
        text = dialog(client, "/acme/demo/delete")
    assert facts(text) == {"Protected aliases": ["data:latest", "other:latest"]}
    assert "Artifacts: 2, runs: 1." in text


def test_that_of_a_team(browser, alice, project):
    text = dialog(browser(alice), "/teams/acme/delete")
    assert "still has 1 project: delete them first" in text and "<button" not in text
    assert facts(text) == {"Projects": ["demo"]}
    projects.delete(Actor(alice), project)
    assert re.search(r'class="danger">Delete</button>', dialog(browser(alice), "/teams/acme/delete"))
