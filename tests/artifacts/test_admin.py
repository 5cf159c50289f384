"""The operator's desk: everything can be looked at, and what is done there is done by the same verbs."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from artifacts import aliases, artifacts, downloads, health, usages
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion
from tests.artifacts.client import ORIGIN, begin, log

MODELS = [model for model in admin.site._registry if model._meta.app_label == "artifacts"]


@pytest.fixture
def olga(db) -> User:
    """The operator: a superuser who is in no team."""
    return User.objects.create_superuser("olga", "olga@example.org", "a good long password")


@pytest.fixture
def desk(olga) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def rows(bob, artifact, run, v1, v2) -> Artifact:
    """A row of each kind at least."""
    artifacts.update(bob, artifact, tags=["raw"])
    aliases.move(bob, artifact, "production", v1, ORIGIN)
    usages.use(bob, run, "data:v1")
    downloads.address(bob, v1.files.get(), ORIGIN)
    begin(bob, artifact, {"draft": b"draft"})
    health.note_pulse()
    return artifact


def act(desk: Client, model: type, action: str, *chosen) -> None:
    """Choose rows of a list, an action, and say yes where it asks."""
    address = reverse(f"admin:artifacts_{model._meta.model_name}_changelist")
    body = {"action": action, "_selected_action": [row.pk for row in chosen]}
    answer = desk.post(address, body, follow=True)
    assert answer.status_code == 200
    if b'name="post"' in answer.content:
        assert desk.post(address, body | {"post": "yes"}, follow=True).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_everything_can_be_looked_at(desk, rows, model):
    name = f"admin:artifacts_{model._meta.model_name}"

    assert desk.get(reverse(f"{name}_changelist"), {"q": "data"}).status_code == 200
    for row in model.objects.all():
        assert desk.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
        assert str(row)


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_however_long_it_is(desk, bob, project, rows, run, model):
    address = reverse(f"admin:artifacts_{model._meta.model_name}_changelist")
    desk.get(address)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(address).status_code == 200
        return len(queries)

    before = cost()
    for number in range(3):
        more = artifacts.create(bob, project, f"more-{number}", "model", tags=["a"])
        version = log(bob, more, {"x": f"{number}".encode()}, "production")
        usages.use(bob, run, f"more-{number}")
        downloads.address(bob, version.files.get(), ORIGIN)
    assert cost() == before


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Artifact])
def test_what_only_verbs_write_is_written_nowhere_else(desk, rows, model):
    name = f"admin:artifacts_{model._meta.model_name}"
    row = model.objects.first()

    assert desk.get(reverse(f"{name}_add")).status_code == 403
    assert desk.post(reverse(f"{name}_change", args=[row.pk]), {"state": "deleted"}).status_code == 403
    assert desk.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_versions_are_deleted_but_not_under_a_name(desk, rows, v1, v2):
    act(desk, ArtifactVersion, "delete_versions", v1, v2)

    v1.refresh_from_db()
    v2.refresh_from_db()
    assert (v1.state, v2.state) == ("finalized", "deleted")
    rows.refresh_from_db()
    assert (rows.version_count, rows.latest_version) == (1, "v1")


def test_aliases_are_removed_with_their_history(desk, olga, rows):
    act(desk, ArtifactAlias, "remove_aliases", ArtifactAlias.objects.get(alias="production"))

    assert not ArtifactAlias.objects.filter(alias="production").exists()
    change = AliasChange.objects.get(alias="production", number=2)
    assert (change.changed_by, change.face, change.to_version) == (olga, "admin", None)


def test_versions_can_be_read_again(desk, rows, v1):
    act(desk, ArtifactVersion, "verify_again", v1)


def test_artifacts_are_deleted_with_all_that_is_in_them(desk, rows):
    act(desk, Artifact, "delete_selected", rows)

    assert (Artifact.objects.count(), ArtifactVersion.objects.count()) == (0, 0)


def test_people_without_the_right_do_nothing(bob, rows, v2):
    bob.is_staff = True
    bob.save()
    desk = Client()
    desk.force_login(bob)

    for model in MODELS:
        assert desk.get(reverse(f"admin:artifacts_{model._meta.model_name}_changelist")).status_code == 403
    v2.refresh_from_db()
    assert v2.is_finalized
