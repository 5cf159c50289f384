"""Home: projects with counts and last activity, and what was logged in them lately."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor
from accounts.models import User
from artifacts import artifacts
from artifacts.aliases import aliases, proposals, protection
from artifacts.models import Artifact, ArtifactVersion
from projects import projects, runs
from projects.models import Project, Visibility
from tests.conftest import HTMX


def logged(user, artifact: Artifact, number: int = 1, **columns) -> ArtifactVersion:
    """A finalized version without files, as far as lists know."""
    Artifact.objects.filter(pk=artifact.pk).update(
        latest_version_number=number, last_assigned_number=number, version_count=number
    )
    columns = {"finalized_at": timezone.now(), "state": "finalized", "created_by": user} | columns
    return ArtifactVersion.objects.create(artifact=artifact, number=number, storage_path="x", **columns)


def test_it_shows_my_projects_and_internal_ones(browser, alice, bob, project, mallory):
    projects.create(Actor(mallory), mallory.personal_team, "open", visibility=Visibility.INTERNAL)
    projects.create(Actor(mallory), mallory.personal_team, "hers")
    page = browser(bob).get("/").content.decode()

    assert 'href="/acme/demo"' in page
    assert 'href="/mallory/open"' in page
    assert "hers" not in page


def test_it_counts_and_orders_by_activity(browser, alice, bob, project):
    busy = projects.create(Actor(alice), project.team, "busy")
    for name in ("one", "two", "three"):
        artifacts.create(Actor(alice), busy, name, "model")
    runs.start(Actor(bob), busy)
    Project.objects.update(updated_at=timezone.now() - timedelta(days=40))
    Artifact.objects.update(updated_at=timezone.now() - timedelta(hours=3))
    busy.runs.update(heartbeat_at=timezone.now() - timedelta(hours=2))
    response = browser(alice).get("/")

    assert [project.name for project in response.context["page"]] == ["busy", "demo"]
    counts = response.context["counts"]
    assert counts == {busy.pk: ("3", "1"), project.pk: ("0", "0")}
    assert "2 h ago" in response.content.decode()


def test_it_shows_what_was_logged_lately(browser, alice, project, mallory):
    models = [artifacts.create(Actor(alice), project, f"model-{n}", "model") for n in range(12)]
    for artifact in models:
        logged(alice, artifact)
    secret = projects.create(Actor(mallory), mallory.personal_team, "hers")
    logged(mallory, artifacts.create(Actor(mallory), secret, "secret", "model"))
    recent = browser(alice).get("/").context["recent"]

    assert [version.artifact.name for version in recent] == [f"model-{n}" for n in range(11, 1, -1)]


def test_it_lists_the_newest_version_of_every_artifact(browser, alice, project):
    ranker, data = (artifacts.create(Actor(alice), project, name, "model") for name in ("ranker", "data"))
    logged(alice, data)
    for number in range(1, 15):
        logged(alice, ranker, number)
    artifacts.update(Actor(alice), data, description="Only words")

    assert [str(version) for version in browser(alice).get("/").context["recent"]] == ["ranker:v14", "data:v1"]


def test_its_part_is_the_list(browser, alice, project):
    part = browser(alice).get("/", headers=HTMX).content.decode()

    assert "<html" not in part and "/acme/demo" in part
    assert "Recently logged" not in part


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=dem", ["demo"]),
        ("search=100%25", []),
        ("team=acme", ["demo"]),
        ("team=ALICE", ["mine"]),
        ("team=nowhere", []),
        ("page=99", ["mine", "demo"]),
        ("page=x&search=", ["mine", "demo"]),
    ],
)
def test_it_filters(browser, alice, project, query, names):
    projects.create(Actor(alice), alice.personal_team, "mine")

    assert [project.name for project in browser(alice).get(f"/?{query}").context["page"]] == names


def test_a_new_user_sees_what_to_do(browser, mallory):
    page = browser(mallory).get("/").content.decode()

    assert "No projects yet" in page
    assert "import wanllmdb as wandb" in page
    assert "/projects/new" in page


def test_first_steps_are_ticked_until_the_first_log(browser, alice, bob, project):
    client = browser(bob)
    page = client.get("/").content.decode()
    assert "first-steps-title" in page and 'class="done"' not in page
    key, _ = keys.create(Actor(bob), "laptop")
    assert client.get("/").content.decode().count('class="done"') == 1
    key.record_use()
    assert client.get("/").content.decode().count('class="done"') == 2

    logged(bob, artifacts.create(Actor(bob), project, "data", "dataset"))
    assert "first-steps-title" not in client.get("/").content.decode()
    client = browser(alice)
    assert client.post("/home/first-steps/hide")["Location"] == "/"
    assert "first-steps-title" not in client.get("/").content.decode()


def test_it_shows_proposals_to_who_may_decide(browser, alice, bob, vera, mallory, acme, project):
    artifact = artifacts.create(Actor(bob), project, "ranker", "model")
    version = logged(bob, artifact)
    protection.create(Actor(alice), acme, "production", role="admin")
    carol = User.objects.create_user("carol")
    acme.memberships.create(user=carol, role="editor")
    found = {alias: proposals.propose(Actor(bob), artifact, alias, version) for alias in ("production", "best")}

    seen = {
        user.username: {row.alias for row in browser(user).get("/").context["proposals"]}
        for user in (alice, bob, carol, vera, mallory)
    }
    assert seen == {"alice": {"production", "best"}, "bob": set(), "carol": {"best"}, "vera": set(), "mallory": set()}
    page = browser(alice).get("/").content.decode()
    assert f"#proposal-{found['best'].pk}" in page
    proposals.approve(Actor(alice), found["best"])
    assert browser(carol).get("/").context["proposals"] == []


def test_it_shows_what_is_in_production_in_my_teams(browser, alice, vera, mallory, project):
    theirs = projects.create(Actor(mallory), mallory.personal_team, "open", visibility=Visibility.INTERNAL)
    for user, where in ((alice, project), (mallory, theirs)):
        artifact = artifacts.create(Actor(user), where, "ranker", "model")
        aliases.move(Actor(user), artifact, "production", logged(user, artifact))
    client = browser(vera)
    assert 'hx-get="/home/production"' in client.get("/").content.decode()
    for headers in ({}, HTMX):
        page = client.get("/home/production", headers=headers)
        assert [row.artifact.project for row in page.context["in_production"]] == [project]
        assert 'href="/acme/demo/artifacts/model/ranker/v1"' in page.content.decode()


def test_it_costs_the_same_with_many(browser, alice, bob, acme, django_assert_max_num_queries):
    for number in range(60):
        project = projects.create(Actor(alice), acme, f"project-{number}", description="<script>alert(1)</script>")
        artifact = artifacts.create(Actor(bob), project, "data", "dataset")
        aliases.move(Actor(bob), artifact, "production", logged(bob, artifact))
        proposals.propose(Actor(alice), artifact, "best", artifact.versions.get())
    client = browser(bob)

    with django_assert_max_num_queries(12):
        page = client.get("/").content.decode()
    assert "1–50 of 60 projects" in page
    assert "<script>alert" not in page


def test_a_visitor_signs_in_first(browser, project):
    assert browser().get("/")["Location"] == "/login?next=/"
