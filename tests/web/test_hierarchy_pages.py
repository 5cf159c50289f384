"""The hierarchies of a project: their list, and the forms to make, change and delete one."""

import pytest

from accounts.actor import Actor
from hierarchies import hierarchies
from hierarchies.models import Hierarchy
from projects import projects
from projects.models import Project, Visibility
from tests.conftest import HTMX
from tests.web.record_pages import LABELS, URL, chain, hierarchy, open_to_all, save

__all__ = ["chain", "hierarchy", "save"]

LIST, NEW = "/acme/demo/records", "/acme/demo/new-hierarchy"
FORM = {
    "name": "documents",
    "description": "What we **write**.",
    "labels": "project\n\nversion",
    "enforce_levels": "",
    "access": "project",
    "switched_off": ["delete"],
}


def test_the_tab_lists_hierarchies_with_their_counts(browser, vera, chain, project, alice):
    hierarchies.create(Actor(alice), project, "empty", description="Nothing **yet**")
    page = browser(vera).get(LIST).content.decode()

    assert '<a href="/acme/demo/records" aria-current="page"' in page
    assert f'href="{URL}"' in page and "experiment" in page and "Nothing yet" in page
    assert "New hierarchy" not in page
    rows = browser(vera).get(LIST).context["page"].object_list
    assert [(row.name, row.record_count) for row in rows] == [("empty", 0), ("lineage", 3)]
    by_count = browser(vera).get(f"{LIST}?sort=-records", headers=HTMX)
    assert [row.name for row in by_count.context["page"].object_list] == ["lineage", "empty"]
    assert "<html" not in by_count.content.decode()


def test_the_list_costs_the_same_with_many(browser, vera, project, alice, django_assert_max_num_queries):
    for number in range(60):
        hierarchies.create(Actor(alice), project, f"h-{number:02}", level_labels=LABELS)
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(LIST)

    assert len(page.context["page"].object_list) == 50 and "60 hierarchies" in page.content.decode()


def test_an_empty_tab_says_what_to_do(browser, bob, vera, project):
    assert "New hierarchy" in browser(bob).get(LIST).content.decode()
    page = browser(vera).get(LIST).content.decode()
    assert "No hierarchies yet" in page and "New hierarchy" not in page


def test_a_new_hierarchy(browser, bob, project):
    client = browser(bob)
    form = client.get(NEW, headers=HTMX).content.decode()
    assert "<html" not in form and 'value="public"' not in form

    response = client.post(NEW, FORM, headers=HTMX)
    assert response["HX-Redirect"] == "/acme/demo/records/documents"
    made = Hierarchy.objects.get()
    assert (made.level_labels, made.permissions) == ({"0": "project", "2": "version"}, {"delete": False})
    assert (made.enforce_levels, made.access, made.created_by) == (False, "project", bob)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "has space"}, "name"),
        ({"name": "lineage"}, "already has a hierarchy"),
        ({"labels": "x" * 65}, "1 to 64 characters"),
        ({"labels": "a\n" * 65}, "At most 64 levels"),
        ({"labels": "", "enforce_levels": "on"}, "To enforce levels"),
        ({"access": "public"}, "Only an admin of the team"),
        ({"switched_off": ["everything"]}, "not one of the available choices"),
    ],
)
def test_what_is_refused_is_said_and_the_form_kept(browser, bob, hierarchy, changes, message):
    response = browser(bob).post(NEW, FORM | changes)

    page = response.content.decode()
    assert response.status_code == 422 and message in page
    assert "What we **write**." in page
    assert Hierarchy.objects.count() == 1


def test_an_admin_opens_a_hierarchy_and_an_editor_keeps_it_so(browser, alice, bob, hierarchy):
    client = browser(alice)
    sent = FORM | {"name": "lineage", "labels": "experiment\nmodel\npredictions", "switched_off": []}
    assert client.post(f"{URL}/edit", sent | {"access": "public"}).status_code == 302
    form = browser(bob).get(f"{URL}/edit").content.decode()
    assert 'value="public" selected' in form and 'value="project"' not in form

    assert browser(bob).post(f"{URL}/edit", sent | {"access": "project"}).status_code == 422
    assert browser(bob).post(f"{URL}/edit", sent | {"access": "public", "description": "new"}).status_code == 302
    hierarchy.refresh_from_db()
    assert (hierarchy.access, hierarchy.description) == ("public", "new")


def test_levels_that_have_records_keep_their_labels_where_they_are_enforced(browser, bob, chain, hierarchy):
    sent = FORM | {"name": "lineage", "labels": "experiment\nmodel", "enforce_levels": "on"}
    response = browser(bob).post(f"{URL}/edit", sent)

    assert response.status_code == 422
    assert "There are records on level 2" in response.content.decode()
    hierarchy.refresh_from_db()
    assert hierarchy.level_labels == LABELS


def test_a_hierarchy_is_renamed(browser, bob, chain):
    sent = FORM | {"name": "renamed", "labels": "experiment\nmodel\npredictions"}

    assert browser(bob).post(f"{URL}/edit", sent)["Location"] == "/acme/demo/records/renamed"
    assert browser(bob).get(URL).status_code == 404
    assert browser(bob).get("/acme/demo/records/renamed").status_code == 200


def test_deleting_takes_the_name_typed_out(browser, bob, chain):
    client = browser(bob)
    page = client.get(f"{URL}/delete").content.decode()
    assert "3 of them" in page
    assert client.post(f"{URL}/delete", {"name": "lineag"}).status_code == 422
    assert Hierarchy.objects.exists()

    assert client.post(f"{URL}/delete", {"name": "lineage"})["Location"] == LIST
    assert not Hierarchy.objects.exists()


@pytest.mark.parametrize("url", [NEW, f"{URL}/edit", f"{URL}/delete", f"{URL}/new-record"])
def test_viewers_change_nothing(browser, vera, mallory, hierarchy, url):
    for user, status in ((vera, 403), (mallory, 404)):
        assert browser(user).get(url).status_code == status
        assert browser(user).post(url, FORM).status_code == status
    assert Hierarchy.objects.count() == 1


def test_strangers_see_none_of_a_private_project(browser, mallory, hierarchy):
    for url in (LIST, URL, f"{URL}/branch"):
        assert browser(mallory).get(url).status_code == 404


def test_everyone_who_signs_in_reads_those_of_an_internal_project(browser, mallory, chain):
    Project.objects.update(visibility=Visibility.INTERNAL)

    assert browser(mallory).get(LIST).status_code == 200
    page = browser(mallory).get(URL).content.decode()
    assert "weather" in page and 'href="/acme/demo/records"' in page


def test_a_public_hierarchy_is_read_without_signing_in_and_tells_nothing_else(browser, mallory, chain, hierarchy):
    open_to_all(hierarchy)
    record = f"{URL}/{chain[0].pk}"
    for client in (browser(), browser(mallory)):
        page = client.get(URL).content.decode()
        assert "weather" in page and "New record" not in page
        # Of its project nothing leads anywhere.
        assert 'href="/acme/demo"' not in page and f'href="{LIST}"' not in page
        page = client.get(record).content.decode()
        assert "weather" in page and "/users/bob" not in page
    assert "/login?next=" in browser().get(URL).content.decode()
    assert browser(mallory).get(LIST).status_code == 404
    assert browser(mallory).post(f"{URL}/new-record", {"data": "{}"}).status_code == 403
    assert browser().post(f"{URL}/new-record", {"data": "{}"}).status_code == 302
    assert browser().get(f"{URL}/01JZ0000000000000000000EXP").status_code == 404


@pytest.mark.parametrize("name", ["lineage", "nothing-is-called-so"])
def test_a_visitor_is_led_to_sign_in_whether_there_is_one_or_not(browser, hierarchy, name):
    url = f"/acme/demo/records/{name}"

    assert browser().get(url)["Location"] == f"/login?next={url}"
    part = browser().get(f"{url}/branch", headers=HTMX | {"HX-Current-URL": f"http://testserver{url}"})
    assert (part.status_code, part["HX-Redirect"]) == (204, f"/login?next={url}")


def test_renamed_projects_lead_to_their_hierarchies(browser, alice, hierarchy, project):
    projects.update(Actor(alice), project, name="forecasts")

    assert browser(alice).get(f"{URL}?q=x")["Location"] == "/acme/forecasts/records/lineage?q=x"
