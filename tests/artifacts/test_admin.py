"""The registry at the operator's desk: pages open, and what is changed there goes through the verbs."""

import pytest
from django.test import Client

from accounts import users
from accounts.origin import Face, Origin
from artifacts import aliases, downloads, usages
from artifacts.models import (
    AliasChange,
    Artifact,
    ArtifactAlias,
    ArtifactDownload,
    ArtifactFile,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    StoredObject,
)


@pytest.fixture
def desk(db) -> Client:
    client = Client()
    client.force_login(users.create("operator", "a good long password", is_superuser=True))
    return client


@pytest.fixture
def busy(bob, run, artifact, v1) -> Artifact:
    """An artifact with a row of every kind."""
    aliases.move(bob, artifact, "production", v1, Origin())
    usages.use(bob, run, "data:v1")
    downloads.manifest(bob, v1, Origin())
    return artifact


MODELS = [
    AliasChange,
    Artifact,
    ArtifactAlias,
    ArtifactDownload,
    ArtifactFile,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    StoredObject,
]


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens(desk, busy, model, django_assert_max_num_queries):
    base = f"/admin/artifacts/{model._meta.model_name}/"
    with django_assert_max_num_queries(12):
        assert desk.get(f"{base}?q=a").status_code == 200
    assert desk.get(f"{base}{model.objects.first().pk}/change/").status_code == 200


def test_words_are_changed_by_the_verb(desk, busy):
    form = {"name": "renamed", "description": "better", "metadata": '{"a": 1}', "auto_latest": "on"}
    inlines = {f"tag_set-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    assert desk.post(f"/admin/artifacts/artifact/{busy.pk}/change/", form | inlines).status_code == 302

    busy.refresh_from_db()
    assert (busy.name, busy.description, busy.metadata) == ("renamed", "better", {"a": 1})


def test_a_name_that_is_no_name_is_refused_with_its_sentence(desk, busy):
    form = {"name": "no name", "description": "", "metadata": "{}", "auto_latest": "on"}
    inlines = {f"tag_set-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    page = desk.post(f"/admin/artifacts/artifact/{busy.pk}/change/", form | inlines, follow=True)

    assert "An artifact name has 1 to 128 letters" in page.content.decode()
    busy.refresh_from_db()
    assert busy.name == "data"


def test_a_removed_alias_leaves_its_history(desk, busy):
    row = busy.alias_set.get(alias="production")
    desk.post("/admin/artifacts/artifactalias/", {"action": "remove_aliases", "_selected_action": [str(row.pk)]})

    assert not busy.alias_set.filter(alias="production").exists()
    last = AliasChange.objects.filter(alias="production").first()
    assert (last.to_version, last.face) == (None, Face.ADMIN)


def test_a_version_with_aliases_stays_and_one_without_goes(desk, busy, v1, v2):
    chosen = {"action": "delete_versions", "_selected_action": [str(v2.pk)]}
    desk.post("/admin/artifacts/artifactversion/", chosen)
    v2.refresh_from_db()
    assert v2.state == ArtifactVersion.State.DELETED

    page = desk.post("/admin/artifacts/artifactversion/", chosen | {"_selected_action": [str(v1.pk)]}, follow=True)
    v1.refresh_from_db()
    assert v1.is_finalized
    assert "production" in page.content.decode()


def test_an_artifact_is_deleted_by_the_verb(desk, busy):
    desk.post(f"/admin/artifacts/artifact/{busy.pk}/delete/", {"post": "yes"})
    assert not Artifact.objects.filter(pk=busy.pk).exists()
    assert Blob.objects.exists()  # the bytes go later, when nobody can hold an address to them any more
