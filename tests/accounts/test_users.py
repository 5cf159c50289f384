"""Who may sign in, and the personal team that everyone gets."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from accounts import errors, teams, users
from accounts.actor import Actor
from accounts.models import Role, Team, User


def test_a_user_gets_a_personal_team_of_the_same_name(db):
    user = users.create("Nina.K", "a good long password", "nina@example.org")

    team = user.personal_team
    assert (team.name, team.is_personal, team.created_by) == ("Nina.K", True, user)
    assert team.memberships.get().role == Role.ADMIN
    assert user.check_password("a good long password")
    assert not user.is_staff


def test_createsuperuser_makes_the_personal_team_too(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a good long password")
    call_command("createsuperuser", "--noinput", username="nina", email="n@example.org", stdout=StringIO())

    nina = User.objects.get(username="nina")
    assert nina.is_superuser
    assert nina.personal_team.name == "nina"


@pytest.mark.parametrize(
    "name", ["", ".dot", "-dash", "two words", "slash/ed", "ümlaut", "new\nline", "end\n", "a" * 65]
)
def test_names_of_odd_form_are_refused(db, name):
    with pytest.raises(errors.Invalid):
        users.create(name)


@pytest.mark.parametrize("name", ["admin", "API", "Static", "projects"])
def test_segments_of_our_own_urls_are_refused(db, name):
    with pytest.raises(errors.Invalid, match="is reserved"):
        users.create(name)


def test_names_that_differ_only_in_case_are_the_same(alice):
    with pytest.raises(errors.NameTaken):
        users.create("alice")
    with pytest.raises(errors.NameTaken):
        users.create("Alice")


def test_a_user_cannot_take_the_name_of_a_team(acme):
    with pytest.raises(errors.NameTaken):
        users.create("Acme")
    assert not User.objects.filter(username__iexact="acme").exists()


def test_the_database_refuses_what_the_verbs_do(alice):
    with pytest.raises(IntegrityError), errors.refuse():
        User.objects.filter(pk=alice.pk).update(username="not a name")
    with pytest.raises(IntegrityError), errors.refuse():
        Team.objects.filter(pk=alice.personal_team.pk).update(name="end\n")
    assert connection.is_usable()


def test_a_team_is_looked_up_in_any_case_and_by_its_index(acme, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert Team.objects.by_name("ACME").get() == acme
    assert "team_name_unique" in Team.objects.by_name("acme").explain() or connection.vendor != "sqlite"


def test_a_second_personal_team_is_refused(alice):
    with pytest.raises(errors.Conflict), errors.refuse(team_personal_unique=errors.Conflict("One is enough.")):
        Team.objects.create(name="alice2", is_personal=True, created_by=alice)
    assert teams.create(Actor(alice), "alice2").is_personal is False
