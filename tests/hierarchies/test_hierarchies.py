"""Hierarchies are made, changed and deleted; some are open to everyone."""

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.actor import Actor
from hierarchies import access, errors, hierarchies, records
from hierarchies.models import Hierarchy, Operation
from hierarchies.records import RecordSpec
from projects.models import Project
from tests.hierarchies.conftest import LABELS


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"name": "../up"}, "Use 1 to 128 letters"),
        ({"level_labels": {"one": "x"}}, "'one' is not a level"),
        ({"level_labels": {"01": "x"}}, "'01' is not a level"),
        ({"level_labels": {"64": "x"}}, "the deepest is 63"),
        ({"level_labels": {"0": ""}}, "must be a text of 1 to 64"),
        ({"level_labels": ["x"]}, "Give labels by level"),
        ({"permissions": {"fly": False}}, "'fly' is not an operation"),
        ({"permissions": {"delete": "no"}}, "is true or false"),
        ({"enforce_levels": True}, "give labels from level 0 on"),
        ({"access": "everyone"}, "not a valid choice"),
    ],
)
def test_what_cannot_be_is_refused(alice, project, columns, message):
    with pytest.raises(errors.Invalid, match=message):
        hierarchies.create(Actor(alice), project, **{"name": "x"} | columns)


def test_a_name_is_taken_within_a_project(alice, bob, project, hierarchy):
    with pytest.raises(errors.NameTaken):
        hierarchies.create(Actor(bob), project, "pipeline")
    other = hierarchies.create(Actor(bob), project, "other")
    with pytest.raises(errors.NameTaken):
        hierarchies.update(Actor(bob), other, name="pipeline")
    elsewhere = Project.objects.create(team=project.team, name="elsewhere", created_by=alice)
    assert hierarchies.create(Actor(bob), elsewhere, "pipeline").name == "pipeline"


def test_a_project_has_so_many_hierarchies_and_no_more(bob, project, hierarchy, settings):
    settings.HIERARCHIES_A_PROJECT = 1
    with pytest.raises(errors.TooManyHierarchies, match="at most 1 hierarchies"):
        hierarchies.create(Actor(bob), project, "other")


def test_levels_are_enforced_only_where_all_have_labels(bob, hierarchy, save):
    save(save(save(save())))
    with pytest.raises(errors.Conflict, match="There are records on level 3, which has no label"):
        hierarchies.update(Actor(bob), hierarchy, enforce_levels=True)
    hierarchies.update(Actor(bob), hierarchy, enforce_levels=True, level_labels=LABELS | {"3": "detail"})


def test_levels_without_a_label_are_refused_under_enforcement(bob, hierarchy, save):
    hierarchies.update(Actor(bob), hierarchy, enforce_levels=True)
    hierarchy.refresh_from_db()
    with pytest.raises(errors.LevelRefused, match="has no level 3"):
        save(save(save(save())))


def test_only_an_admin_lets_everyone_read(alice, bob, project, hierarchy):
    with pytest.raises(errors.Denied, match="Only an admin of acme"):
        hierarchies.update(Actor(bob), hierarchy, access="public")
    with pytest.raises(errors.Denied, match="Only an admin of acme"):
        hierarchies.create(Actor(bob), project, "open", access="open")
    hierarchies.update(Actor(alice), hierarchy, access="public")
    assert hierarchies.get(AnonymousUser(), project, "pipeline") == hierarchy


def test_others_see_what_is_public_and_nothing_else(vera, mallory, alice, project, hierarchy):
    assert list(Hierarchy.objects.visible_to(vera)) == [hierarchy]
    for stranger in (mallory, AnonymousUser()):
        assert not Hierarchy.objects.visible_to(stranger).exists()
        with pytest.raises(errors.HierarchyNotFound, match="or you don't have access"):
            hierarchies.get(stranger, project, "pipeline")


def test_an_open_hierarchy_is_written_from_this_machine_alone(alice, hierarchy, settings):
    settings.BASE_URL = "http://127.0.0.1:8000"
    hierarchies.update(Actor(alice), hierarchy, access="open")
    hierarchy.refresh_from_db()
    here, elsewhere = Actor(AnonymousUser(), ip="127.0.0.1"), Actor(AnonymousUser(), ip="203.0.113.7")
    record = records.create(here, hierarchy, RecordSpec({"experiment": "test"}))
    assert record.created_by is None
    with pytest.raises(errors.Denied, match="Sign in"):
        records.create(elsewhere, hierarchy, RecordSpec({}))
    settings.BASE_URL = "https://registry.example"
    with pytest.raises(errors.Denied, match="Sign in"):
        records.delete(here, record)


@pytest.mark.parametrize("operation", Operation.values)
def test_operations_are_switched_off_for_all_but_staff(bob, hierarchy, operation):
    hierarchies.update(Actor(bob), hierarchy, permissions={operation: False})
    hierarchy.refresh_from_db()
    with pytest.raises(errors.OperationDisabled, match="is switched off") as refused:
        access.require(Actor(bob), hierarchy, operation)
    assert refused.value.status == 405
    access.require(Actor(bob, is_staff=True), hierarchy, operation)
    for other in set(Operation.values) - {operation}:
        access.require(Actor(bob), hierarchy, other)
