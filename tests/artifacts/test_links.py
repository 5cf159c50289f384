"""Versions in collections: linked, not copied; with numbers and aliases of their own; held while they are linked."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Membership, Role, Team, User
from artifacts import artifacts, deletion_preview, expiry, links, name_resolution, search_index, version_diff, versions
from artifacts.content import verification
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob, SearchDocument
from core import errors
from events.models import Event
from projects import projects
from projects.models import Project
from tests.artifacts.client import at_once, begin, fetch, log
from wanllmdb import metrics


@pytest.fixture
def registry(alice, bob) -> Project:
    """A private project of another team, in which bob edits; vera and mallory do not see it."""
    team = Team.objects.create(name="library", created_by=alice)
    Membership.objects.create(team=team, user=bob, role=Role.EDITOR)
    return Project.objects.create(team=team, name="models", created_by=alice)


@pytest.fixture
def collection(bob, registry) -> Artifact:
    return artifacts.create(Actor(bob), registry, "best", "dataset", kind="collection")


def where(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_a_version_is_linked_and_found_by_the_name_of_the_collection(bob, v1, v2, collection):
    first = links.link(Actor(bob), v1, collection, aliases=["production"])
    second = links.link(Actor(bob), v2, collection)

    assert [first.version, second.version] == ["v0", "v1"]
    assert where(collection) == {"production": "v0", "latest": "v1"}
    collection.refresh_from_db()
    assert (collection.version_count, collection.latest_version) == (2, "v1")
    found = name_resolution.resolve(bob, "library/models/best:production").version
    assert (found, found.is_link, found.contents) == (first, True, v1)
    assert (found.digest, found.file_count, found.total_size, found.run) == (v1.digest, 1, 3, None)
    assert [(file.path, file.version) for file in found.files.all()] == [("one.txt", first)]
    assert ArtifactFile.objects.count() == 2


def test_the_same_version_is_linked_once_and_a_link_leads_to_the_original(bob, v1, collection, registry):
    first = links.link(Actor(bob), v1, collection)
    again = links.link(Actor(bob), v1, collection, aliases=["staging"])
    other = links.link_by_name(Actor(bob), first, registry, "others", aliases=["staging"])

    assert again == first
    assert where(collection) == {"latest": "v0", "staging": "v0"}
    assert (other.artifact.name, other.artifact.kind, other.linked_version) == ("others", "collection", v1)
    assert list(other.sources.values_list("source", flat=True)) == [v1.pk]


@pytest.mark.django_db(transaction=True)
def test_two_who_link_the_same_at_once_have_one_link(bob, v1, collection):
    made = at_once(*[lambda: links.link(Actor(bob), v1, collection)] * 2)

    assert made[0] == made[1]
    assert collection.versions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_version_is_linked_or_deleted_where_both_happen_at_once(bob, v1, collection):
    made, _ = at_once(
        lambda: links.link(Actor(bob), v1, collection),
        lambda: versions.delete(Actor(bob), v1, delete_aliases=True),
    )

    v1.refresh_from_db()
    assert v1.is_finalized == (made == collection.versions.first())
    assert v1.is_finalized or isinstance(made, errors.Missing)


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_made_while_a_worker_finds_something_out_knows_it(bob, v1, collection):
    Blob.objects.update(state=Blob.State.CORRUPT)
    made, found = at_once(lambda: links.link(Actor(bob), v1, collection), lambda: verification.update_integrity(v1))

    assert found is None
    states = ArtifactVersion.objects.filter(pk__in=[v1.pk, made.pk]).values_list("integrity", flat=True)
    assert list(states) == ["corrupt", "corrupt"]


def test_collections_hold_links_alone(alice, bob, vera, mallory, artifact, v1, collection, registry):
    with pytest.raises(errors.Conflict, match="log to another name"):
        begin(bob, collection, {"a": b"a"})
    with pytest.raises(errors.Conflict, match="not a collection"):
        links.link(Actor(bob), v1, artifact)
    with pytest.raises(errors.Conflict, match="finalize it first"):
        links.link(Actor(bob), begin(bob, artifact, {"a": b"a"}).version, collection)
    model = artifacts.create(Actor(bob), registry, "model", "model", kind="collection")
    with pytest.raises(errors.Conflict, match="is for the type model"):
        links.link(Actor(bob), v1, model)
    with pytest.raises(errors.Denied):
        links.link(Actor(vera), v1, collection)
    Membership.objects.create(team=registry.team, user=mallory, role=Role.EDITOR)
    with pytest.raises(errors.Missing):
        links.link(Actor(mallory), v1, collection)
    assert not collection.versions.exists()


def test_a_link_is_the_base_of_a_draft_where_its_bytes_are(bob, artifact, v1, registry, project):
    """Bytes are shared within one project, and no link carries them into another."""
    log(bob, artifact, {"two.txt": b"two"})
    inside = links.link_by_name(Actor(bob), v1, project, "inside")
    draft = versions.begin(Actor(bob), artifact, base=inside).version
    assert versions.finalize(Actor(bob), draft).version.digest == v1.digest
    outside = links.link_by_name(Actor(bob), v1, registry, "outside")
    other = artifacts.create(Actor(bob), registry, "other", "dataset")
    with pytest.raises(errors.Invalid, match="another project"):
        versions.begin(Actor(bob), other, base=outside)


def test_the_index_of_the_search_is_rebuilt_as_it_was(bob, v1, collection):
    links.link(Actor(bob), v1, collection)
    documents = SearchDocument.objects.filter(artifact=collection).values_list("version", "part", "text")
    before = set(documents.all())
    search_index.rebuild()
    assert set(documents.all()) == before


def test_equal_files_of_two_projects_are_unchanged(bob, v1, collection, registry, work):
    """Each project has a blob of its own of the same bytes."""
    other = artifacts.create(Actor(bob), registry, "other", "dataset")
    second = log(bob, other, {"one.txt": b"one", "two.txt": b"two"})
    work()
    pair = [ArtifactVersion.objects.get(pk=links.link(Actor(bob), version, collection).pk) for version in (v1, second)]

    changes = version_diff.files(*pair)
    assert (changes.added, changes.removed, changes.changed, changes.unchanged) == (1, 0, 0, 1)
    assert [change.path for change in changes.page] == ["two.txt"]


def test_unlinking_leaves_the_version_and_its_files(bob, v1, v2, collection):
    link = links.link(Actor(bob), v1, collection)
    links.unlink(Actor(bob), link)

    told = [event.message for event in Event.objects.filter(project=collection.project, alias="").order_by("id")]
    assert told == ["bob linked v0 of library/models/best", "bob unlinked v0 of library/models/best"]
    assert (v1.files.count(), ArtifactVersion.objects.get(pk=v1.pk).state) == (1, "finalized")
    assert where(collection) == {}
    assert links.link(Actor(bob), v1, collection).version == "v1"
    with pytest.raises(errors.Conflict, match="no link"):
        links.unlink(Actor(bob), v2)


def test_what_is_linked_is_not_deleted(alice, bob, vera, artifact, v1, collection, project):
    link = links.link(Actor(bob), v1, collection)
    linked = "is linked as library/models/best:v0. Unlink it first"
    with pytest.raises(errors.Conflict, match=linked):
        versions.delete(Actor(bob), v1, delete_aliases=True)
    with pytest.raises(errors.Conflict, match=linked):
        artifacts.delete(Actor(bob), artifact)
    with pytest.raises(errors.Conflict, match="Project 'demo' cannot be deleted"):
        projects.delete(Actor(alice), project)
    assert deletion_preview.of_version(Actor(bob), v1).refusals == [
        "Version v1 cannot be deleted: it is linked as library/models/best:v0. Unlink it first."
    ]
    assert deletion_preview.refusals_of_versions(Actor(vera), artifact, [v1]) == {
        v1.pk: "Version v1 cannot be deleted: it is linked from a collection that you don't see."
    }
    versions.describe(Actor(bob), v1, ttl=timedelta(days=1))
    ArtifactVersion.objects.filter(pk=v1.pk).update(expires_at=timezone.now())
    assert expiry.delete_expired() == 0

    links.unlink(Actor(bob), link)
    assert expiry.delete_expired() == 1


def test_deleting_a_collection_leaves_what_it_links(alice, bob, artifact, v1, collection, registry, project):
    links.link(Actor(bob), v1, collection)
    artifacts.delete(Actor(bob), collection)
    assert [file.path for file in v1.files.all()] == ["one.txt"]

    collection = artifacts.create(Actor(bob), project, "own", "dataset", kind="collection")
    links.link(Actor(bob), v1, collection)
    links.link_by_name(Actor(bob), v1, registry, "best")
    Membership.objects.create(team=registry.team, user=alice, role=Role.ADMIN)
    projects.delete(Actor(alice), registry)
    projects.delete(Actor(alice), project)
    assert not ArtifactVersion.objects.exists()


def test_links_know_what_workers_find_out(bob, v1, collection, work):
    Blob.objects.update(state=Blob.State.UPLOADED)
    ArtifactVersion.objects.update(integrity="pending", wire_digest=None)
    v1.refresh_from_db()
    link = links.link(Actor(bob), v1, collection)
    assert (link.integrity, link.wire_digest) == ("pending", None)
    verification.verify(str(v1.pk))

    link.refresh_from_db()
    assert (link.integrity, link.wire_digest is not None) == ("verified", True)
    Blob.objects.update(state=Blob.State.UPLOADED, sha256="0" * 64, md5=None)
    work()
    link.refresh_from_db()
    assert link.integrity == "corrupt"
    assert metrics.failures()["corrupt_versions"] == 1


def test_who_sees_the_collection_reads_its_files_and_learns_nothing_of_the_source(
    api, bob, vera, mallory, run, artifact, collection, registry, work
):
    """As every address says it."""
    v1 = log(bob, artifact, {"README.md": b"# Read me", "a/one.txt": b"one"}, run=run, description="As it was.")
    versions.describe(Actor(bob), v1, tags=["good"])
    link = links.link(Actor(bob), v1, collection, aliases=["production"])
    versions.describe(Actor(bob), v1, description="A secret of the source.", tags=["secret"])
    work()
    Membership.objects.create(team=registry.team, user=mallory, role=Role.VIEWER)
    name, file = "library/models/best:production", link.files.get(path="a/one.txt")
    urls = [
        f"versions/{link.pk}", f"versions/{link.pk}/files", f"versions/{link.pk}/manifest",
        f"versions/{link.pk}/manifest?format=columns", f"versions/{link.pk}/used-by", f"versions/{link.pk}/links",
        f"files/{file.pk}/download-url", f"resolve?name={name}", f"{collection.pk}", f"{collection.pk}/versions",
        f"{collection.pk}/aliases", f"{collection.pk}/aliases/production",
        f"{collection.pk}/aliases/production/history",
        f"versions/{link.pk}/compare?base=v0", f"versions/{link.pk}/lineage", f"versions/{link.pk}/impact",
        f"{collection.pk}/lineage", f"versions/{link.pk}/records", "?kind=collection", f"{collection.pk}/storage",
    ]  # fmt: skip
    for url in urls:
        url = f"/api/v1/artifacts/{url}".replace("/?", "?")
        response = api(mallory).get(url)
        assert response.status_code == 200, url
        for hidden in ("acme", "demo", run.name, "secret", str(v1.pk), str(artifact.pk), str(run.pk)):
            # Only the key of the object in the store, which nobody but the store reads, has ids of where it was made.
            body = re.sub(r"projects/[0-9a-f-]{36}/artifacts/[^\"?]*", "", response.content.decode())
            assert hidden not in body, (url, hidden)
        assert api(vera).get(url).status_code == (200 if file.pk.hex in url.replace("-", "") or "?kind" in url else 404)
    shown = api(mallory).get(f"/api/v1/artifacts/versions/{link.pk}").json()
    assert (shown["description"], shown["tags"], shown["run_id"]) == ("As it was.", ["good"], None)
    assert shown["linked_from"] == {"version_id": None, "full_name": None, "version": None}
    assert {file["version_id"] for file in shown["files"]} == {str(link.pk)}
    assert fetch(api(mallory).get(f"/api/v1/artifacts/files/{file.pk}/download-url").json()["url"]) == b"one"
    assert {row.file for row in link.downloads.filter(user=mallory)} == {None, file}
    assert not v1.downloads.filter(user=mallory).exists()
    assert api(mallory).get(f"/api/v1/artifacts/versions/{v1.pk}").status_code == 404
    refused = api(mallory).delete(f"/api/v1/artifacts/files/{file.pk}")
    assert (refused.status_code, "acme" in refused.content.decode()) == (403, False)

    seen = api(bob).get(f"/api/v1/artifacts/versions/{link.pk}").json()
    assert seen["linked_from"] == {"version_id": str(v1.pk), "full_name": "acme/demo/data", "version": "v1"}
    assert [item["id"] for item in api(bob).get(f"/api/v1/artifacts/versions/{v1.pk}/links").json()["items"]] == [
        str(link.pk)
    ]
    assert api(vera).get(f"/api/v1/artifacts/versions/{v1.pk}/links").json()["items"] == []
    links.unlink(Actor(bob), link)
    assert api(mallory).get(f"/api/v1/artifacts/files/{file.pk}/download-url").status_code == 404


def test_a_link_gives_no_bytes_of_what_is_not_linked(api, bob, mallory, artifact, collection, registry, work):
    """A pack has files of other versions too, which who sees the source's project may read."""
    log(bob, artifact, {"a.txt": b"public", "b.txt": b"SECRET"}, packed=True)
    work()
    version = log(bob, artifact, {"a.txt": b"public", "c.txt": b"more"}, packed=True)
    work()
    link = links.link(Actor(bob), version, collection)
    Membership.objects.create(team=registry.team, user=mallory, role=Role.VIEWER)

    def readable(person: User, format: str) -> list[bytes]:
        """What is at the URLs of the manifest."""
        objects = api(person).get(f"/api/v1/artifacts/versions/{link.pk}/manifest?format={format}").json()["objects"]
        return sorted(map(whole, objects.values() if isinstance(objects, dict) else objects))

    def whole(row: dict) -> bytes:
        path = row["url"].removeprefix(settings.BASE_URL)
        return fetch(row["url"]) if path == row["url"] else Client().get(path).content

    for format in ("entries", "columns"):
        assert readable(mallory, format) == [b"more", b"public"]
        assert any(b"SECRET" in body for body in readable(bob, format))


def test_who_may_only_read_a_version_links_it_nowhere(bob, vera, v1, collection, registry):
    """A link would give it to others, and keep it from being deleted."""
    Membership.objects.create(team=registry.team, user=vera, role=Role.EDITOR)
    with pytest.raises(errors.Denied, match="Editor role in acme"):
        links.link_by_name(Actor(vera), v1, registry, "mine")
    link = links.link(Actor(bob), v1, collection)
    Membership.objects.filter(team=v1.artifact.project.team, user=vera).delete()
    with pytest.raises(errors.Conflict, match="a link to a version in a project that you don't see"):
        links.link_by_name(Actor(vera), link, registry, "mine")


def test_pages_of_a_link_name_nothing_of_a_source_that_the_reader_does_not_see(
    browser, bob, vera, mallory, run, artifact, collection, registry, work
):
    v1 = log(bob, artifact, {"README.md": b"# Read me", "a/one.txt": b"one"}, run=run)
    link = links.link(Actor(bob), v1, collection, aliases=["production"])
    work()
    Membership.objects.create(team=registry.team, user=mallory, role=Role.VIEWER)
    root, page = collection.get_absolute_url(), link.get_absolute_url()
    paths = [
        root, f"{root}/versions", f"{root}/history", f"{root}/usage", f"{root}/aliases", f"{root}/lineage",
        f"{root}/compare?base=v0&head=v0", page, f"{page}?tab=metadata", f"{page}/lineage", f"{page}/impact",
        f"{page}/files", f"{page}/files/README.md", f"{page}/facts/a/one.txt", f"{page}/raw/a/one.txt",
        f"{page}/download/a/one.txt", f"{page}.zip", "/registry", "/",
        "/search?q=one", "/search?q=best",
    ]  # fmt: skip
    for path in paths:
        response = browser(mallory).get(path)
        assert response.status_code in (200, 302), path
        body = b"".join(response) if response.streaming else response.content + response.get("Location", "").encode()
        body = re.sub(rb"projects/[0-9a-f-]{36}/artifacts/[^\"?]*", b"", body)
        for hidden in (b"acme", b"demo", run.name.encode(), str(v1.pk).encode(), str(run.pk).encode()):
            assert hidden not in body, (path, hidden)
        if path.startswith("/library/"):
            assert browser(vera).get(path).status_code == 404, path


def test_links_are_made_and_removed_by_the_api(api, bob, vera, v1, collection, registry):
    url = f"/api/v1/artifacts/versions/{v1.pk}/links"
    made = api(bob).post(url, {"collection": "library/models/best", "aliases": ["staging"], "reason": "Good."})
    assert (made.status_code, made.json()["aliases"], made.json()["version"]) == (201, ["staging", "latest"], "v0")
    again = api(bob).post(url, {"collection": str(collection.pk)})
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert api(bob).post(url, {"collection": "library/models/new"}).json()["artifact_name"] == "new"
    assert api(bob).post(url, {"collection": "new"}).status_code == 400
    assert api(vera).post(url, {"collection": "library/models/best"}).status_code == 404
    assert api(vera).post(url, {"collection": str(collection.pk)}).status_code == 404
    listed = api(bob).get("/api/v1/artifacts?kind=collection").json()["items"]
    assert [(item["name"], item["kind"]) for item in listed] == [("new", "collection"), ("best", "collection")]

    link = f"/api/v1/artifacts/versions/{made.json()['id']}"
    assert api(bob).delete(link).status_code == 409
    assert api(bob).delete(f"{link}?delete_aliases=true").status_code == 204
    body = {"project": "library/models", "name": "empty", "type": "model", "kind": "collection"}
    created = api(bob).post("/api/v1/artifacts", body)
    assert (created.status_code, created.json()["kind"], created.json()["version_count"]) == (201, "collection", 0)
    assert api(bob).post("/api/v1/artifacts", body | {"name": "filled", "version": {}}).status_code == 409
    assert not Artifact.objects.filter(name="filled").exists()
