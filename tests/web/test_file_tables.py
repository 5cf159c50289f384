"""Tables of files and of artifacts, sorted by size, type and project."""

import pytest

from accounts.actor import Actor
from artifacts import artifacts, directory_listing, draft_counts, draft_files, versions
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob
from artifacts.references.references import ReferenceSpec
from core import bounded_count
from projects import projects
from tests.conftest import HTMX


@pytest.fixture
def folder(alice, bob, project) -> ArtifactVersion:
    """A draft with two folders and four files."""
    net = artifacts.create(Actor(alice), project, "net", "model")
    version = ArtifactVersion.objects.create(artifact=net, created_by=bob)
    sizes = {"b/x": 5, "b/y": 6, "a/x": 90, "f1": 30, "f2": 10, "f10": 20, "f3": 20}
    ArtifactFile.objects.bulk_create(
        ReferenceSpec(path, "s3://elsewhere/it", size=size, mime_type="text/plain").to_file(version)
        for path, size in sizes.items()
    )
    return version


def test_files_are_sorted_by_name_size_and_type_folders_first(browser, bob, folder, monkeypatch):
    client = browser(bob)
    url = folder.get_absolute_url()
    folder.files.filter(path="f10").update(name="f10.csv")
    orders = {
        "": "a/ b/ f1 f2 f3 f10", "name": "a/ b/ f1 f2 f3 f10", "-name": "b/ a/ f10 f3 f2 f1",
        "size": "b/ a/ f2 f3 f10 f1", "-size": "a/ b/ f1 f3 f10 f2", "path": "a/ b/ f1 f2 f3 f10",
        "type": "a/ b/ f10 f1 f2 f3", "-type": "a/ b/ f1 f2 f3 f10",
    }  # fmt: skip
    for sort, expected in orders.items():
        page = client.get(url, {"sort": sort})
        assert " ".join(entry.name for entry in page.context["entries"]) == expected, sort
    inner = client.get(url, {"path": "b/", "sort": "-size"}, headers=HTMX)
    assert [entry.name for entry in inner.context["entries"]] == ["y", "x"]
    html = inner.content.decode().replace("&amp;", "&")
    assert 'aria-sort="descending"' in html and "?path=b%2F&sort=size" in html
    # Into a folder and out of it the order stays, and a filter does too when it is taken away.
    assert "?sort=-size&path=b%2F" in client.get(url, {"sort": "-size"}).content.decode().replace("&amp;", "&")
    assert 'href="' + url + '?sort=-size"' in html and 'name="sort" value="-size"' in html
    assert "aria-sort" not in client.get(url, {"filter": "f", "sort": "size"}).content.decode()
    monkeypatch.setattr(directory_listing, "MAX_SORTED", 5)
    page = client.get(url, {"sort": "-size"})
    assert [entry.name for entry in page.context["entries"]][-1] == "f10"
    assert "sort=name" in page.content.decode() and "sort=size" not in page.content.decode()


def test_a_sorted_folder_is_read_page_by_page(bob, folder, django_assert_max_num_queries):
    found, after = [], ""
    while True:
        with django_assert_max_num_queries(4):
            page = directory_listing.sorted_page(folder, "", by="size", is_descending=True, after=after, limit=2)
        found += [entry.name for entry in page.entries]
        if page.next_cursor is None:
            break
        after = page.next_cursor
    assert found == ["a/", "b/", "f1", "f3", "f10", "f2"]


@pytest.fixture
def sized_artifacts(alice, project) -> None:
    """In two projects, with newest versions of some sizes, and one without a version."""
    zoo = projects.create(Actor(alice), project.team, "zoo")
    for place, name, size in ((project, "c", 5), (zoo, "a", 7), (project, "b", 90), (zoo, "d", None)):
        artifact = artifacts.create(Actor(alice), place, name, "model")
        if size is not None:
            specs = [ReferenceSpec(path, "s3://elsewhere/it", size) for path in ("x",)]
            versions.finalize(Actor(alice), versions.begin(Actor(alice), artifact, specs=specs).version)


def test_artifacts_are_sorted_by_project_and_size(browser, alice, vera, sized_artifacts, django_assert_max_num_queries):
    client = browser(vera)
    for sort, expected in {
        "project": "b c a d", "-project": "d a c b", "latest_size": "d c a b", "-latest_size": "b a c d",
    }.items():  # fmt: skip
        with django_assert_max_num_queries(12):
            page = client.get("/artifacts", {"sort": sort})
        assert " ".join(artifact.name for artifact in page.context["page"]) == expected, sort
        assert page.content.decode().count("aria-sort=") == 1
    assert "sort=project" not in client.get("/acme/demo/artifacts").content.decode()
    newest = Artifact.objects.get(name="b").versions.get()
    versions.delete(Actor(alice), newest, delete_aliases=True)
    page = client.get("/artifacts", {"sort": "-latest_size"})
    assert [artifact.name for artifact in page.context["page"]][:2] == ["a", "c"]


def test_artifacts_by_project_are_sorted_among_those_updated_last(browser, vera, sized_artifacts, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 3)
    page = browser(vera).get("/artifacts", {"sort": "project"})
    assert " ".join(artifact.name for artifact in page.context["page"]) == "b a d"
    assert "Sorted among the 10,000 updated last." in page.content.decode()


def test_files_of_a_draft_are_sorted_by_their_columns(browser, bob, folder, monkeypatch):
    client, artifact = browser(bob), folder.artifact
    blob = Blob.objects.create(project=artifact.project, size=10, state=Blob.State.EXPECTED, created_by=bob)
    folder.files.filter(path="f2").delete()
    draft_files.new_file(folder, "f2", 10, "", blob=blob).save()
    draft_counts.count_files(folder)
    url = f"{artifact.get_absolute_url()}/upload"
    orders = {
        "": "a/x b/x b/y f1 f10 f2 f3", "-path": "f3 f2 f10 f1 b/y b/x a/x", "size": "b/x b/y f2 f10 f3 f1 a/x",
        "-size": "a/x f1 f10 f3 f2 b/y b/x", "integrity": "f2 a/x b/x b/y f1 f10 f3",
        "sort_key": "a/x b/x b/y f1 f10 f2 f3",
    }  # fmt: skip
    for sort, expected in orders.items():
        page = client.get(url, {"version": folder.url_name, "sort": sort})
        assert " ".join(file.path for file in page.context["files"]) == expected, sort
        html = page.content.decode().replace("&amp;", "&")
        assert html.count("aria-sort=") == 1 and f'href="{url}?version={folder.url_name}&sort=' in html
    monkeypatch.setattr("web.artifacts.views.upload.FILES_PER_PAGE", 3)
    found, after = [], ""
    while after is not None:
        part = client.get(f"{url}/files", {"version": folder.url_name, "sort": "-size", "after": after}, headers=HTMX)
        found += [file.path for file in part.context["files"]]
        after = part.context["next_path"] or None
    assert " ".join(found) == orders["-size"] and 'data-sort="-size"' in part.content.decode()
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 6)
    page = client.get(url, {"version": folder.url_name, "sort": "-size"})
    assert page.context["files"][0].path == "a/x" and "sort=size" not in page.content.decode()
