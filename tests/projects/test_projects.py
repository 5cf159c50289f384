"""Projects: who sees them, who changes them."""

from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.test import Client

from accounts import errors
from accounts.actor import Actor
from accounts.models import Role, Scope
from projects import projects, runs
from projects.models import Project, Run, Visibility

WIDE_NAMES = [".hidden", "-dash", "_under", "two words", "ümlaut", "日本 1", "a&b=c;d@e+f", "...", "{x}", "x" * 128]
WIDE_NAMES += ["\N{ROCKET}", "\u2764\ufe0f", "\U0001f469\u200d\U0001f52c lab"]
ODD_NAMES = [
    "", " ", ".", "..", " ahead", "behind ", "a/b", "a\\b", "a#b", "a?b", "50%", "a:b", "end\n", "two\nlines", "a\tb",
    "a\0b", "\u202egnp.exe", "x" * 129, "a\u200bb", "\u3164", "\ufeffa", "a\u00a0b", "soft\u00adhyphen", "a\u200d",
    "a\ufe0f",
]  # fmt: skip


def test_an_editor_makes_a_project(acme, bob):
    project = projects.create(Actor(bob), acme, "vision", description="Eyes.")

    assert project.full_name == "acme/vision"
    assert (project.visibility, project.created_by) == (Visibility.PRIVATE, bob)


def test_viewers_and_strangers_make_none(acme, vera, mallory):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            projects.create(Actor(user), acme, "vision")


def test_a_name_is_used_once_a_team(acme, project, alice):
    with pytest.raises(errors.NameTaken):
        projects.create(Actor(alice), acme, "demo")
    assert projects.create(Actor(alice), alice.personal_team, "demo").full_name == "alice/demo"

    other = projects.create(Actor(alice), acme, "other")
    with pytest.raises(errors.NameTaken):
        projects.update(Actor(alice), other, name="demo")


@pytest.mark.parametrize("name", WIDE_NAMES)
def test_names_of_the_official_client_are_taken(acme, alice, api, name):
    project = projects.create(Actor(alice), acme, name)
    run = runs.start(Actor(alice), project, name=name)

    assert Project.objects.visible_to(alice).find(f"acme/{name}") == project
    client = Client()
    client.force_login(alice)
    for page in (project, run):
        assert client.get(page.get_absolute_url()).status_code == 200
    found = api(alice).get("/api/v1/runs", {"project": f"acme/{name}", "name": name}).json()["items"]
    assert [item["id"] for item in found] == [str(run.pk)]


def test_each_project_has_a_number_of_its_own(acme, alice):
    numbers = {projects.create(Actor(alice), acme, name).serial for name in ("one", "two", "three")}

    assert len(numbers) == 3 and all(0 < number < 2**31 for number in numbers)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_refused(acme, alice, api, name):
    with pytest.raises(errors.Invalid):
        projects.create(Actor(alice), acme, name)
    assert api(alice).post("/api/v1/projects", {"team": "acme", "name": name}).status_code == 400


def test_a_name_that_an_earlier_rule_allowed_keeps_nothing_else_from_being_changed(project, alice):
    run = runs.start(Actor(alice), project)
    earlier = "a\u00a0b"
    Project.objects.filter(pk=project.pk).update(name=earlier)
    Run.objects.filter(pk=run.pk).update(name=earlier)
    project, run = Project.objects.get(pk=project.pk), Run.objects.for_change().get(pk=run.pk)

    # A form sends the name along.
    projects.update(Actor(alice), project, name=earlier, description="Eyes.")
    runs.update(Actor(alice), run, summary={"loss": 1})

    project.refresh_from_db()
    run.refresh_from_db()
    assert (project.name, project.description, run.name, run.summary) == (earlier, "Eyes.", earlier, {"loss": 1})
    with pytest.raises(errors.Invalid):
        projects.update(Actor(alice), project, name="c\u00a0d")


def test_the_database_refuses_what_the_verb_does(project):
    with pytest.raises(IntegrityError), errors.refuse():
        Project.objects.filter(pk=project.pk).update(name="two: words")
    with pytest.raises(IntegrityError), errors.refuse():
        Project.objects.filter(pk=project.pk).update(visibility="public")


def test_a_project_is_seen_by_its_team_alone_unless_internal(project, alice, vera, mallory):
    visible = Project.objects.visible_to
    assert project in visible(alice) and project in visible(vera)
    assert project not in visible(mallory)

    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    assert list(visible(mallory)) == [project]
    assert list(visible(alice)) == [project]


def test_editors_alone_edit(project, alice, bob, vera, mallory):
    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    editable = Project.objects.editable_by
    assert project in editable(alice) and project in editable(bob)
    assert project not in editable(vera) and project not in editable(mallory)
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            projects.update(Actor(user), project, description="Mine.")


def test_a_project_is_looked_up_by_id_or_name(project, alice, mallory):
    visible = Project.objects.visible_to(alice)
    for reference in (project.pk, str(project.pk), "acme/demo", "ACME/demo"):
        assert visible.find(reference) == project
    for reference in ("demo", "acme/Demo", "acme/demo/", "/demo", "acme", str(uuid4()), "", "x" * 500):
        with pytest.raises(errors.Missing):
            visible.find(reference)
    with pytest.raises(errors.Missing):
        Project.objects.visible_to(mallory).find(project.pk)


def test_a_project_is_made_where_there_is_none(acme, bob, project):
    assert projects.get_or_create(Actor(bob), "acme/demo") == project
    assert projects.get_or_create(Actor(bob), str(project.pk)) == project

    assert projects.get_or_create(Actor(bob), "acme/new").full_name == "acme/new"
    assert projects.get_or_create(Actor(bob), "own").full_name == "bob/own"
    assert projects.get_or_create(Actor(bob), "own") == bob.personal_team.projects.get()


def test_a_project_is_not_made_where_one_may_not(acme, project, alice, vera, mallory):
    with pytest.raises(errors.Denied):
        projects.get_or_create(Actor(vera), "acme/new")
    for reference in ("acme/new", "acme/demo", "nobody/new", str(project.pk), str(uuid4())):
        with pytest.raises(errors.Missing):
            projects.get_or_create(Actor(mallory), reference)
    with pytest.raises(errors.Invalid):
        projects.get_or_create(Actor(alice), "acme/two: words")


def test_admins_alone_delete_and_take_the_runs_with_it(project, alice, bob):
    runs.start(Actor(bob), project)
    with pytest.raises(errors.Denied):
        projects.delete(Actor(bob), project)

    projects.delete(Actor(alice), project)
    assert not Project.objects.exists()
    assert not Run.objects.exists()


def test_apps_above_hear_of_a_deletion_before_it_happens(project, mallory):
    heard = []

    def listen(sender, project, **_):
        heard.append((project.pk, Project.objects.filter(pk=project.pk).exists()))

    projects.project_deleting.connect(listen)
    try:
        pk = project.pk
        projects.delete(Actor(mallory, is_staff=True), project)
    finally:
        projects.project_deleting.disconnect(listen)
    assert heard == [(pk, True)]


def test_the_api_makes_shows_changes_and_deletes(api, acme, alice, bob):
    made = api(bob).post("/api/v1/projects", {"team": "acme", "name": "vision", "description": "Eyes."})
    assert made.status_code == 201
    body = made.json()
    assert {name: body[name] for name in ("team", "name", "full_name", "description", "visibility", "created_by")} == {
        "team": "acme",
        "name": "vision",
        "full_name": "acme/vision",
        "description": "Eyes.",
        "visibility": "private",
        "created_by": "bob",
    }
    url = f"/api/v1/projects/{body['id']}"
    assert api(alice).get(url).json() == body

    changed = api(alice).patch(url, {"visibility": "internal"}).json()
    assert (changed["visibility"], changed["description"]) == ("internal", "Eyes.")
    assert api(bob).put(url, {"name": "sight", "team": "acme"}).json()["full_name"] == "acme/sight"
    assert api(bob).patch(url, {"team": "bob"}).status_code == 400

    assert api(bob).delete(url).status_code == 403
    assert api(alice).delete(url).status_code == 204
    assert api(alice).get(url).status_code == 404


def test_a_project_without_a_team_is_in_the_personal_one(api, bob):
    assert api(bob).post("/api/v1/projects", {"name": "own"}).json()["full_name"] == "bob/own"


def test_the_api_refuses_with_the_right_code(api, project, alice, bob, vera, mallory):
    url = f"/api/v1/projects/{project.pk}"
    cases = [
        (vera, "post", "/api/v1/projects", {"team": "acme", "name": "x"}, 403, "Denied"),
        (mallory, "post", "/api/v1/projects", {"team": "acme", "name": "x"}, 404, "Missing"),
        (bob, "post", "/api/v1/projects", {"team": "acme", "name": "demo"}, 409, "NameTaken"),
        (bob, "post", "/api/v1/projects", {"team": "acme", "name": "x", "visibility": "public"}, 400, "Invalid"),
        (vera, "patch", url, {"description": "x"}, 403, "Denied"),
        (mallory, "get", url, None, 404, "Missing"),
        (mallory, "patch", url, {"description": "x"}, 404, "Missing"),
        (mallory, "delete", url, None, 404, "Missing"),
        (alice, "get", "/api/v1/projects/not-an-id", None, 404, "Missing"),
        (alice, "get", "/api/v1/projects?team=" + "x" * 65, None, 400, "Invalid"),
    ]
    for user, method, at, body, status, code in cases:
        answer = getattr(api(user), method)(at, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (user, method, at)
    assert api(bob, Scope.READ).patch(url, {"description": "x"}).json()["code"] == "ReadOnlyKey"


def test_an_editor_does_not_open_a_private_project(api, project, alice, bob):
    url = f"/api/v1/projects/{project.pk}"
    for changes in ({"visibility": "internal"}, {"visibility": "internal", "name": "seen"}):
        refused = api(bob).patch(url, changes)
        assert (refused.status_code, refused.json()["code"]) == (403, "Denied")
        assert "Only an admin of acme" in refused.json()["detail"]
    project.refresh_from_db()
    assert (project.visibility, project.name) == ("private", "demo")

    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    # What is open already stays as it is, and may be closed.
    assert api(bob).patch(url, {"visibility": "internal", "description": "x"}).status_code == 200
    assert api(bob).patch(url, {"visibility": "private"}).json()["visibility"] == "private"
    assert api(bob).patch(url, {"visibility": "internal"}).status_code == 403
    projects.update(Actor(bob, is_staff=True), project, visibility=Visibility.INTERNAL)


def test_an_internal_project_is_visible_to_strangers_and_not_theirs_to_change(api, project, alice, mallory):
    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    url = f"/api/v1/projects/{project.pk}"

    assert api(mallory).get(url).status_code == 200
    refused = api(mallory).patch(url, {"description": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "Denied")


def test_the_list_filters_and_orders(api, acme, project, alice):
    projects.create(Actor(alice), acme, "zebra", description="100% striped")
    projects.create(Actor(alice), alice.personal_team, "demo")

    def names(query: str) -> list[str]:
        return [item["full_name"] for item in api(alice).get(f"/api/v1/projects?{query}").json()["items"]]

    assert names("") == ["alice/demo", "acme/zebra", "acme/demo"]
    assert names("team=Acme&ordering=name") == ["acme/demo", "acme/zebra"]
    assert names("name=demo&ordering=id") == ["acme/demo", "alice/demo"]
    assert names("search=EBR") == names("search=100%25") == ["acme/zebra"]
    assert names("search=%25%25") == names("search=_") == names("visibility=internal") == []
    assert api(alice).get("/api/v1/projects?ordering=secret").status_code == 400


def test_the_list_costs_four_queries_however_long_it_is(api, acme, alice, bob, django_assert_num_queries):
    for number in range(5):
        projects.create(Actor(bob), acme, f"p{number}")
    client = api(alice)
    client.get("/api/v1/me")
    with django_assert_num_queries(4):
        assert client.get("/api/v1/projects").json()["total"] == 5


def test_a_member_of_many_sees_every_project_once(project, alice, bob, vera, mallory):
    project.team.memberships.create(user=mallory, role=Role.VIEWER)
    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    assert Project.objects.visible_to(mallory).count() == 1
