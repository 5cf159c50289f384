"""Hierarchies over HTTP: made, listed, changed, deleted."""

import pytest

from hierarchies.models import Hierarchy
from tests.api.hierarchies.conftest import LABELS

URL = "/api/v1/hierarchies"


def test_a_hierarchy_is_made_shown_changed_and_deleted(api, bob, project):
    client = api(bob)
    body = {"project": "acme/demo", "name": "trees", "level_labels": LABELS, "permissions": {"delete": False}}
    made = client.post(URL, body)
    hierarchy = made.json()
    assert (made.status_code, hierarchy["full_name"]) == (201, "acme/demo/trees")
    assert hierarchy["url"].endswith("/h/acme/demo/trees")
    assert (hierarchy["permissions"]["delete"], hierarchy["permissions"]["create"]) == (False, True)
    path = f"{URL}/{hierarchy['id']}"
    assert client.get(path).json() == hierarchy
    changed = client.patch(path, {"name": "woods", "enforce_levels": True}).json()
    assert (changed["name"], changed["enforce_levels"]) == ("woods", True)
    assert client.delete(path).status_code == 204
    assert not Hierarchy.objects.exists()


def test_hierarchies_are_listed_by_project(api, bob, hierarchy, public):
    listed = api(bob).get(f"{URL}?project=acme/demo").json()
    assert {item["name"] for item in listed["items"]} == {"trees", "shown"}
    assert api(bob).get(f"{URL}?project=acme/demo&name=trees").json()["total"] == 1
    assert api(bob).get(f"{URL}?project=acme/nothing").status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a/b"},
        {"level_labels": {"x": "y"}},
        {"level_labels": {"64": "y"}},
        {"level_labels": {"0": 1}},
        {"permissions": {"fly": True}},
        {"permissions": {"delete": 1}},
        {"access": "everyone"},
        {"enforce_levels": True},
    ],
)
def test_what_makes_no_sense_is_refused(api, bob, project, fields):
    answer = api(bob).post(URL, {"project": "acme/demo", "name": "x"} | fields)
    assert answer.status_code == 400, answer.json()
    assert not Hierarchy.objects.exists()


def test_a_name_is_there_once(api, bob, hierarchy):
    assert api(bob).post(URL, {"project": "acme/demo", "name": "trees"}).json()["code"] == "NameTaken"


def test_only_admins_decide_who_reads_without_signing_in(api, alice, bob, vera, hierarchy):
    path = f"{URL}/{hierarchy.pk}"
    assert api(bob).patch(path, {"access": "public"}).status_code == 403
    assert api(vera).patch(path, {"description": "x"}).status_code == 403
    assert api(alice).patch(path, {"access": "public"}).json()["access"] == "public"


def test_h_is_no_name_of_a_team(api, bob):
    assert api(bob).post("/api/v1/teams", {"name": "h"}).status_code == 400
    assert api(bob).post("/api/v1/teams", {"name": "H"}).status_code == 400
