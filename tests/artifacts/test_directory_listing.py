"""Looking at a version folder by folder."""

import pytest

from artifacts import directory_listing
from artifacts.models import ArtifactFile, ArtifactVersion


@pytest.fixture
def version(artifact, bob) -> ArtifactVersion:
    return ArtifactVersion.objects.create(artifact=artifact, number=1, created_by=bob)


def fill(version: ArtifactVersion, *paths: str) -> None:
    ArtifactFile.objects.bulk_create(
        ArtifactFile(
            version=version,
            path=path,
            name=path.rpartition("/")[2],
            size=1,
            mime_type="text/plain",
            reference_uri="s3://elsewhere/it",
        )
        for path in paths
    )


def walk(version: ArtifactVersion, folder: str = "", limit: int = 100) -> list[str]:
    names, after = [], ""
    while True:
        page = directory_listing.page(version, folder, after=after, limit=limit)
        names += [entry.name for entry in page.entries]
        if page.next_cursor is None:
            return names
        after = page.next_cursor


PATHS = ["a.txt", "a/1", "a/2", "a/b/c/d", "a/é/x", "a0", "z", "é/ü.txt", "日本/語", "a b/c%d", "\U0010ffff/\U0010ffff"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_folder_lists_what_lies_in_it_once(version, limit):
    fill(version, *PATHS)

    assert walk(version, "", limit) == ["a b/", "a.txt", "a/", "a0", "z", "é/", "日本/", "\U0010ffff/"]
    assert walk(version, "a/", limit) == ["1", "2", "b/", "é/"]
    assert walk(version, "a/b/", limit) == ["c/"]
    assert walk(version, "é/", limit) == ["ü.txt"]
    assert walk(version, "a b/", limit) == ["c%d"]
    assert walk(version, "\U0010ffff/", limit) == ["\U0010ffff"]
    assert walk(version, "nothing/", limit) == []


@pytest.mark.parametrize(
    ("folder", "starts", "names"),
    [
        ("", "a", ["a b/", "a.txt", "a/", "a0"]),
        ("", "a/", ["a/"]),
        ("", "é", ["é/"]),
        ("a/", "b", ["b/"]),
        ("a/", "x", []),
        ("", "A", []),
        ("", "a%", []),
    ],
)
def test_names_may_be_filtered_by_their_beginning(version, folder, starts, names):
    fill(version, *PATHS)

    assert [entry.name for entry in directory_listing.page(version, folder, prefix=starts).entries] == names
    if len(names) > 1:
        rest = directory_listing.page(version, folder, prefix=starts, after=names[0]).entries
        assert [entry.name for entry in rest] == names[1:]


def test_files_come_with_their_rows_and_folders_without(version):
    fill(version, "a", "b/c")

    file, folder = directory_listing.page(version).entries
    assert (file.path, file.file.size) == ("a", 1)
    assert (folder.path, folder.name, folder.file) == ("b/", "b/", None)


def test_other_versions_do_not_show(version, artifact, bob):
    other = ArtifactVersion.objects.create(artifact=artifact, number=2, created_by=bob)
    fill(other, "x", "y/z")

    assert walk(version) == []
    assert walk(other) == ["x", "y/"]


def test_a_page_costs_two_queries_however_many_files_there_are(version, django_assert_num_queries):
    fill(
        version, *(f"{one}/{two}" for one in "abc" for two in range(3000)), *(f"f{number:05}" for number in range(500))
    )

    with django_assert_num_queries(2):
        assert [entry.name for entry in directory_listing.page(version, limit=4).entries] == [
            "a/",
            "b/",
            "c/",
            "f00000",
        ]
    with django_assert_num_queries(2):
        assert len(directory_listing.page(version, "b/").entries) == directory_listing.PAGE_SIZE


@pytest.mark.parametrize("cursor", ["a/", "a", "nothing", "'; DROP TABLE x; --", "%s", "\U0010ffff"])
def test_any_cursor_is_a_point_to_go_on_from(version, cursor):
    fill(version, *PATHS)

    displayed = [entry.name for entry in directory_listing.page(version, after=cursor).entries]
    assert all(name.encode() > cursor.encode() for name in displayed)


def test_the_way_to_a_path():
    assert directory_listing.trail("a/b/c.txt") == [("a", "a/"), ("b", "a/b/")]
    assert directory_listing.trail("a/b/") == [("a", "a/"), ("b", "a/b/")]
    assert directory_listing.trail("c.txt") == []
    assert [directory_listing.clean(folder) for folder in ("", "/", "a", "a/", "/a/b//")] == [
        "",
        "",
        "a/",
        "a/",
        "a/b/",
    ]
