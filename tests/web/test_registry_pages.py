"""The registry, and the pages of collections and links: what they show, to whom, and the forms that link."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from accounts.models import Membership, Role, Team
from artifacts import artifacts, links
from artifacts.aliases import aliases, protection
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from projects.models import Project, Visibility
from tests.artifacts.client import log
from tests.conftest import HTMX

COLLECTION = "/acme/registry/artifacts/dataset/clean-data"


@pytest.fixture
def registry(acme, alice) -> Project:
    return Project.objects.create(team=acme, name="registry", visibility=Visibility.INTERNAL, created_by=alice)


@pytest.fixture
def collection(bob, registry) -> Artifact:
    about = {"description": "Tables *without* faults", "tags": ["tabular"], "kind": "collection"}
    return artifacts.create(Actor(bob), registry, "clean-data", "dataset", **about)


@pytest.fixture
def version(bob, artifact) -> ArtifactVersion:
    return log(bob, artifact, {"README.md": b"# Rows of hushhush\n", "data/x.csv": b"a\n1\n"})


@pytest.fixture
def link(bob, version, collection) -> ArtifactVersion:
    return links.link(Actor(bob), version, collection, aliases=["production"])


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_registry_lists_collections_with_what_is_in_use(browser, vera, mallory, collection, link):
    page = text(browser(vera).get("/registry"))
    assert f'href="{COLLECTION}"' in page and "Tables without faults" in page and "production" in page
    assert f'href="{COLLECTION}/v0"' in page and "acme/demo/data:v1</a>" in page

    page = text(browser(mallory).get("/registry"))
    assert f'href="{COLLECTION}"' in page and "from a project" not in page
    assert "a project that you don't see" in page.replace("&#x27;", "'") and "acme/demo" not in page


def test_filters_and_order_are_in_the_url(browser, vera, bob, registry, collection, link):
    empty = artifacts.create(Actor(bob), registry, "a-model", "model", kind="collection")
    client = browser(vera)

    def found(query: str) -> list[str]:
        page = client.get(f"/registry?{query}", headers=HTMX).content.decode()
        return re.findall(r'<a data-row[^>]*title="([^"]*)"', page)

    assert found("sort=name") == [empty.name, collection.name] == found("sort=name&team=acme")
    assert found("sort=-links") == [collection.name, empty.name]
    for query in ("type=dataset", "tag=tabular", "alias=production", "q=faults", "tag=tabular&alias=production"):
        assert found(query) == [collection.name], query
    for query in ("type=file", "tag=x", "alias=x", "q=nothing", "team=other"):
        assert "No collections match" in text(client.get(f"/registry?{query}", headers=HTMX)), query
    assert client.get("/registry?q=metadata.x>").status_code == 422


def test_the_page_asks_as_much_however_many_there_are(browser, vera, bob, collection, link, registry, version):
    client = browser(vera)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get("/registry?tag=tabular&alias=production&q=clean").status_code == 200
        return len(found)

    queries()
    before = queries()
    for number in range(4):
        name = f"clean-{number}"
        more = artifacts.create(Actor(bob), registry, name, "dataset", kind="collection", tags=["tabular"])
        links.link(Actor(bob), version, more, aliases=["production"])
    assert queries() == before <= 12


def test_without_collections_it_says_how_to_make_one(browser, bob, vera, project):
    page = text(browser(bob).get("/registry"))
    assert "No collections yet" in page and "New collection" in page and "artifact.link(" in page
    assert "New collection" not in text(browser(vera).get("/registry"))


def test_an_editor_makes_a_collection_and_links_a_version_into_it(browser, bob, project, version):
    client = browser(bob)
    form = {"project": project.pk, "name": "picks", "type": "dataset", "tags": "best"}
    created = client.post("/registry/new", form)
    assert created.status_code == 302 and created["Location"] == "/acme/demo/artifacts/dataset/picks"
    assert "already has an artifact named" in text(client.post("/registry/new", form, headers=HTMX))
    page = text(client.get(created["Location"]))
    assert "No links yet" in page and "Link a version" in page and ">Collection</span>" in page
    assert "/upload" not in page

    dialog = f"{created['Location']}/link"
    assert 'value="acme/demo/data:v1"' in text(client.get(dialog, headers=HTMX))
    assert "not found" in text(client.post(dialog, {"version": "acme/demo/nothing"}))
    linked = client.post(dialog, {"version": "data:latest", "aliases": "staging, best"})
    assert linked["Location"] == "/acme/demo/artifacts/dataset/picks/v0"
    assert set(Artifact.objects.get(name="picks").alias_set.values_list("alias", flat=True)) == {
        "latest", "staging", "best"
    }  # fmt: skip
    assert client.get("/acme/demo/artifacts/dataset/data/link").status_code == 404


def test_a_version_is_linked_from_its_page(browser, bob, vera, version, collection, registry):
    dialog = "/acme/demo/artifacts/dataset/data/v1/link"
    client = browser(bob)
    assert dialog in text(client.get(version.get_absolute_url()))
    assert dialog not in text(browser(vera).get(version.get_absolute_url()))
    assert 'value="acme/registry/clean-data"' in text(client.get(dialog))
    assert "acme/registry" in text(client.get(f"{dialog}?choices=1&collection=acme/reg", headers=HTMX))
    for typed in ("nothing", "/" * 1000 + "x"):
        assert "<option" not in text(client.get(f"{dialog}?choices=1&collection={typed}", headers=HTMX)), typed

    for form, refusal in (
        ({}, "Choose a collection, or make a new one."),
        ({"collection": "acme/registry/none"}, "You can edit no collection of type dataset named"),
        ({"collection": collection.full_name, "name": "x"}, "not both"),
        ({"name": "x"}, "Choose the project of the new collection"),
        ({"project": registry.pk}, "Enter the name of the new collection"),
        ({"project": registry.pk, "name": "no name"}, "is not an artifact name"),
        ({"collection": collection.full_name, "aliases": "a b!"}, "is not an alias"),
    ):
        response = client.post(dialog, form)
        assert response.status_code == 422 and refusal in text(response), (form, text(response))
    response = client.post(dialog, {"collection": collection.full_name, "aliases": "production"})
    assert response["Location"] == f"{COLLECTION}/v0"
    response = client.post(dialog, {"project": registry.pk, "name": "second"}, headers=HTMX)
    assert response["HX-Redirect"] == "/acme/registry/artifacts/dataset/second/v0"
    page = text(client.get(version.get_absolute_url()))
    assert "Linked in" in page and f'href="{COLLECTION}/v0"' in page and "second:v0" in page


def test_a_protected_alias_is_refused_in_the_form(browser, bob, alice, version, collection):
    protection.create(Actor(alice), collection, "production")
    dialog = "/acme/demo/artifacts/dataset/data/v1/link"
    response = browser(bob).post(dialog, {"collection": collection.full_name, "aliases": "production"})
    assert response.status_code == 422 and "production" in text(response) and "admin" in text(response)
    assert not collection.versions.exists()


def test_a_link_says_where_it_is_from_to_those_who_see_it(browser, vera, mallory, version, link):
    for page in (COLLECTION, f"{COLLECTION}/versions", f"{COLLECTION}/v0", f"{COLLECTION}/history"):
        seen, hidden = (text(browser(user).get(page)) for user in (vera, mallory))
        assert "acme/demo" not in hidden and "acme/demo/data:v1" in seen, page
    page = text(browser(mallory).get(f"{COLLECTION}/v0"))
    assert "data" in page and "Rows of hushhush" in page and "that you don" in page
    assert browser(mallory).get(version.get_absolute_url()).status_code == 404


def test_links_are_listed_on_their_source_as_far_as_the_reader_sees_them(browser, vera, bob, version, link):
    secret_team = Team.objects.create(name="secret", created_by=bob)
    Membership.objects.create(team=secret_team, user=bob, role=Role.EDITOR)
    secret = Project.objects.create(team=secret_team, name="plans", created_by=bob)
    links.link_by_name(Actor(bob), version, secret, "unseen")

    assert "unseen" in text(browser(bob).get(version.get_absolute_url()))
    page = text(browser(vera).get(version.get_absolute_url()))
    assert "clean-data:v0" in page and "unseen" not in page and "secret" not in page


def test_a_link_is_unlinked_and_its_source_stays(browser, bob, version, link):
    client = browser(bob)
    page = text(client.get(f"{COLLECTION}/v0"))
    assert "Unlink" in page and "Delete version" not in page
    page = text(client.get(f"{COLLECTION}/v0/delete"))
    assert "Unlink clean-data:v0?" in page and "The version that it links to stays" in page and "production" in page

    client.post(f"{COLLECTION}/v0/delete", {"delete_aliases": "on"})
    assert not ArtifactAlias.objects.filter(artifact=link.artifact).exists()
    assert client.get(f"{COLLECTION}/v0").status_code == 404
    assert client.get(version.get_absolute_url()).status_code == 200


def test_deleting_a_collection_says_that_what_it_links_stays(browser, bob, version, link):
    page = text(browser(bob).get(f"{COLLECTION}/delete"))
    assert "Deletes the collection with its 1 link and their aliases" in page and "stay, with their files" in page
    page = text(browser(bob).get(f"/artifacts/selected/delete?item={link.artifact_id}"))
    assert "1 link" in page and "What collections link to stays" in page
    page = text(browser(bob).get(f"{COLLECTION}/versions/delete?item={link.pk}"))
    assert "Unlink 1 link of clean-data?" in page and "aliases: " in page and "The versions that they link to" in page
    page = text(browser(bob).get(f"{version.get_absolute_url()}/delete"))
    assert "it is linked as acme/registry/clean-data:v0. Unlink it first." in page


def test_uploading_to_a_collection_leads_to_linking(browser, bob, collection):
    assert browser(bob).get(f"{COLLECTION}/upload")["Location"] == f"{COLLECTION}/link"


def test_what_is_in_production_on_home_counts_collections(browser, vera, link):
    assert f'href="{COLLECTION}/v0"' in text(browser(vera).get("/home/production"))
    aliases.remove(Actor(link.created_by), link.artifact, "production")
    assert COLLECTION not in text(browser(vera).get("/home/production"))


def test_urls_that_the_official_client_prints_lead_to_links(browser, vera, mallory, registry, link):
    place = "selectionPath=acme%2Fregistry%2Fclean-data&view=membership"
    for path in ("/acme/registry/model", "/orgs/acme/registry/models"):
        assert browser(vera).get(f"{path}?{place}&version=v0")["Location"] == f"{COLLECTION}/v0"
        assert browser(vera).get(f"{path}?{place}&version=x")["Location"] == COLLECTION
        assert browser(vera).get(f"{path}?selectionPath=acme/demo/data&version=v1").status_code == 404
    Project.objects.filter(pk=registry.pk).update(visibility=Visibility.PRIVATE)
    assert browser(mallory).get(f"/acme/registry/model?{place}").status_code == 404
