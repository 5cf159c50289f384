"""A project: its tabs, and making, changing and deleting one."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from artifacts import activity, artifacts
from artifacts.models import Artifact
from projects import projects, runs
from projects.models import Project, Visibility
from tests.conftest import HTMX
from tests.web.test_home_page import logged

TABS = ("/acme/demo", "/acme/demo/artifacts", "/acme/demo/runs", "/acme/demo/members")
FORMS = ("/acme/demo/settings", "/acme/demo/delete")


@pytest.fixture
def open_project(project) -> Project:
    Project.objects.filter(pk=project.pk).update(visibility=Visibility.INTERNAL)
    return project


@pytest.mark.parametrize("url", TABS)
def test_members_see_every_tab(browser, project, vera, url, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(url).content.decode()

    assert f'<a href="{url}" aria-current="page"' in page
    assert "New artifact" not in page
    assert "/acme/demo/settings" not in page


@pytest.mark.parametrize("url", [*TABS, *FORMS])
def test_strangers_see_nothing(browser, project, mallory, url):
    assert browser(mallory).get(url).status_code == 404


def test_an_internal_project_is_visible_without_its_members(browser, open_project, mallory):
    page = browser(mallory).get("/acme/demo").content.decode()

    assert "<dt>Your role</dt><dd>none</dd>" in page
    assert "/acme/demo/members" not in page
    assert browser(mallory).get("/acme/demo/members").status_code == 404
    assert browser(mallory).get("/acme/demo/settings").status_code == 403
    assert browser(mallory).post("/acme/demo/delete").status_code == 403


@pytest.mark.parametrize("url", FORMS)
def test_viewers_change_nothing(browser, project, vera, url):
    sent = {"name": "taken-over", "visibility": "internal"}

    assert browser(vera).get(url).status_code == 403
    assert browser(vera).post(url, sent).status_code == 403
    project.refresh_from_db()
    assert project.name == "demo"


def test_artifacts_are_counted_by_type(project, alice, acme):
    elsewhere = projects.create(Actor(alice), acme, "elsewhere")
    artifacts.create(Actor(alice), elsewhere, "a", "code")
    assert activity.counts_by_type(project) == []
    # Other clients bring types of their own.
    Artifact.objects.bulk_create(
        Artifact(project=project, name=f"{type}-{number}", type=type)
        for type, count in (("model", 3), ("dataset", 2), ("run_table", 1))
        for number in range(count)
    )
    assert activity.counts_by_type(project) == [("dataset", "2"), ("model", "3"), ("run_table", "1")]


def test_types_of_the_wandb_client_lead_to_their_artifacts_and_style_nothing(browser, project, vera):
    types = {"a": "my results", "b": "visually-hidden", "c": "model"}
    Artifact.objects.bulk_create(Artifact(project=project, name=name, type=type) for name, type in types.items())
    client = browser(vera)
    overview = client.get("/acme/demo").content.decode()
    assert re.findall('class="(type[^"]*)"', overview) == ["type model", "type", "type"]

    url = re.search(r'href="(/acme/demo/artifacts\?type=my[^"]*)"', overview)[1]
    response = client.get(url)
    assert [artifact.name for artifact in response.context["page"]] == ["a"]
    assert "<option selected>my results</option>" in response.content.decode()


def test_types_are_counted_by_an_index_and_no_further_than_lists(project):
    rows = (Artifact(project=project, name=f"a-{number}", type="model") for number in range(10_002))
    Artifact.objects.bulk_create([*rows, Artifact(project=project, name="b", type="code")])
    with CaptureQueriesContext(connection) as queries:
        assert activity.counts_by_type(project) == [("code", "1"), ("model", "10,000+")]
    [query] = queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{query['sql']}")
        steps = [str(line[-1]) for line in cursor.fetchall()]
    assert len([step for step in steps if "artifact_by_type" in step]) >= 2, steps
    assert not [step for step in steps if re.search("SCAN (artifacts|own)|Seq Scan on artifacts", step)], steps


def test_the_overview_shows_its_artifacts_and_runs(browser, project, alice, bob):
    for name, type in [("a", "model"), ("b", "model"), ("c", "dataset")]:
        logged(alice, artifacts.create(Actor(alice), project, name, type))
    run = runs.start(Actor(bob), project, tags=["<i>"], display_name="<b>try</b>")
    projects.update(Actor(alice), project, description="**Ratings** <script>alert(1)</script>")
    response = browser(alice).get("/acme/demo")

    assert response.context["types"] == [("dataset", "1"), ("model", "2")]
    page = response.content.decode()
    assert f"/acme/demo/runs/{run.name}" in page
    assert "<strong>Ratings</strong>" in page
    assert "/acme/demo/artifacts/dataset/c/v1" in page
    assert not any(tag in page for tag in ("<script>alert", "<i>", "<b>try"))


def test_an_empty_project_says_what_to_do(browser, project, alice):
    page = browser(alice).get("/acme/demo").content.decode()

    assert "Nothing logged yet" in page
    assert "wandb.init(project=&quot;demo&quot;, entity=&quot;acme&quot;)" in page


def test_a_new_project(browser, acme, bob):
    client = browser(bob)
    form = client.get("/projects/new?team=acme", headers=HTMX).content.decode()
    assert '<option value="acme" selected>' in form and "<html" not in form

    response = client.post("/projects/new", {"team": "acme", "name": "fresh", "visibility": "internal"})
    assert response["Location"] == "/acme/fresh"
    assert Project.objects.get(name="fresh").visibility == Visibility.INTERNAL


@pytest.mark.parametrize("team", ["acme", "alice", "nowhere"])
def test_a_viewer_makes_none_for_the_team(browser, acme, vera, team):
    response = browser(vera).post("/projects/new", {"team": team, "name": "fresh", "visibility": "private"})

    assert response.status_code == 422
    assert not Project.objects.filter(name="fresh").exists()


def test_a_name_that_is_not_available_is_refused(browser, project, alice):
    for name, status in [("demo", 409), ("has/slash", 400), ("what?", 400)]:
        sent = {"team": "acme", "name": name, "visibility": "private"}
        response = browser(alice).post("/projects/new", sent, headers=HTMX)
        assert response.status_code == status
        assert response["X-Refusal"]


def test_an_editor_is_not_offered_to_open_a_private_project(browser, project, alice, bob):
    page = browser(bob).get("/acme/demo/settings").content.decode()
    assert "Only an admin of the team" in page and 'value="internal"' not in page
    assert 'value="internal"' in browser(alice).get("/acme/demo/settings").content.decode()

    sent = {"name": "renamed", "description": "", "visibility": "internal"}
    response = browser(bob).post("/acme/demo/settings", sent)
    assert response.status_code == 422 and "Only an admin of the team" in response.content.decode()
    project.refresh_from_db()
    assert (project.name, project.visibility) == ("demo", "private")
    assert browser(bob).post("/acme/demo/settings", sent | {"visibility": "private"}).status_code == 302


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_settings_change(browser, project, alice, headers):
    sent = {"name": "renamed", "description": "Words", "visibility": "internal"}
    response = browser(alice).post("/acme/demo/settings", sent, headers=headers)

    assert (response.get("HX-Redirect") or response["Location"]) == "/acme/renamed/settings"
    project.refresh_from_db()
    assert (project.name, project.description, project.visibility) == ("renamed", "Words", "internal")


def test_deleting_takes_the_name_typed_out(browser, project, alice, bob):
    assert browser(bob).post("/acme/demo/delete", {"name": "acme/demo"}).status_code == 403
    client = browser(alice)
    refused = client.post("/acme/demo/delete", {"name": "demo"}, headers=HTMX)
    assert refused.status_code == 422
    assert Project.objects.exists()

    assert client.post("/acme/demo/delete", {"name": "acme/demo"})["Location"] == "/"
    assert not Project.objects.exists()


def test_members_are_the_team_s(browser, project, alice):
    page = browser(alice).get("/acme/demo/members").content.decode()

    assert "have access to all its projects" in page
    assert "/teams/acme/invite?back=/acme/demo/members" in page


@pytest.mark.parametrize(
    "url", ["/api/nothing", "/api/v1/nothing/at/all", "/static/x", "/teams/acme/x/y", "/static", "/favicon.ico"]
)
def test_reserved_names_are_no_teams(browser, alice, url):
    assert browser(alice).get(url).status_code == 404
