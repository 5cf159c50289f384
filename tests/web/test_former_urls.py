"""The URL of what was renamed leads to its page of today, for those who see it."""

import pytest

from accounts import teams
from accounts.actor import Actor
from artifacts import artifacts
from artifacts.models import Artifact
from projects import projects
from projects.models import Run
from tests.artifacts.client import log
from tests.conftest import HTMX


@pytest.fixture
def renamed(alice, acme, project, artifact, v1) -> Artifact:
    artifact = artifacts.update(Actor(alice), artifact, name="rows")
    projects.update(Actor(alice), project, name="trial")
    teams.update(Actor(alice), acme, name="umbrella")
    return artifact


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/teams/acme", "/teams/umbrella"),
        ("/ACME/demo", "/umbrella/trial"),
        ("/acme/demo/artifacts", "/umbrella/trial/artifacts"),
        ("/umbrella/demo/runs/brisk-otter-1", "/umbrella/trial/runs/brisk-otter-1"),
        ("/acme/demo/artifacts/dataset/data", "/umbrella/trial/artifacts/dataset/rows"),
        ("/umbrella/trial/artifacts/dataset/data/v1", "/umbrella/trial/artifacts/dataset/rows/v1"),
        (
            "/acme/demo/artifacts/dataset/data/v1/files/one.txt?raw=1",
            "/umbrella/trial/artifacts/dataset/rows/v1/files/one.txt?raw=1",
        ),
        ("/acme/demo/artifacts/dataset/data/aliases", "/umbrella/trial/artifacts/dataset/rows/aliases"),
    ],
)
def test_old_urls_lead_to_the_page(browser, vera, mallory, renamed, run, old, new, headers):
    response = browser(vera).get(old, headers=headers)
    assert (response.status_code, response["Location"]) == (307, new)
    assert browser(vera).get(new, headers=headers).status_code == 200
    assert browser(mallory).get(old, headers=headers).status_code == 404


def test_a_form_that_was_open_meanwhile_is_carried_out(browser, bob, renamed):
    sent = {"name": "rows", "description": "Rows.", "tags": "", "metadata": "{}", "auto_latest": "on"}
    response = browser(bob).post("/acme/demo/artifacts/dataset/data/edit", sent, follow=True)

    assert response.redirect_chain[0] == ("/umbrella/trial/artifacts/dataset/rows/edit", 307)
    renamed.refresh_from_db()
    assert renamed.description == "Rows."


@pytest.mark.parametrize(
    "url",
    [
        "/acme/demo/artifacts/dataset/none",
        "/acme/none",
        "/teams/none",
        "/acme/demo/artifacts/dataset/data/v9",
        "/none/demo",
    ],
)
def test_what_is_nowhere_is_not_found(browser, vera, renamed, url):
    assert browser(vera).get(url, follow=True).status_code == 404


def test_nothing_is_not_found_twice(browser, vera, project, artifact, v1):
    Run.objects.all().delete()
    for url in ("/acme/demo/runs/none", "/acme/demo/artifacts/dataset/data/v9"):
        assert browser(vera).get(url).status_code == 404


def test_the_page_of_a_refusal_says_what_has_the_name(browser, alice, bob, project, artifact):
    log(bob, artifact, {"a": b"a"})
    artifacts.update(Actor(bob), artifact, name="rows")
    sent = {"project": str(project.pk), "name": "data", "type": "model", "description": "", "tags": ""}
    page = browser(bob).post("/artifacts/new", sent, headers=HTMX)

    assert page.status_code == 409
    assert "was%20renamed%20to%20%27rows%27" in page["X-Refusal"]


def test_a_plus_of_old_clients_leads_to_the_name_with_spaces(browser, alice, acme):
    projects.create(Actor(alice), acme, "my first try")
    client = browser(alice)
    for path in ("", "/runs", "/artifacts"):
        response = client.get(f"/acme/my+first+try{path}")
        assert response.status_code in (302, 307)
        assert response["Location"] == f"/acme/my%20first%20try{path}"
        assert client.get(response["Location"]).status_code == 200
    projects.create(Actor(alice), acme, "my+first+try")
    assert client.get("/acme/my+first+try").status_code == 200
