"""Looking at a version folder by folder."""

import random

import pytest

from artifacts import directory_listing, folder_summaries, natural_order
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.references.references import ReferenceSpec


@pytest.fixture
def version(artifact, bob) -> ArtifactVersion:
    return ArtifactVersion.objects.create(artifact=artifact, number=1, created_by=bob)


def fill(version: ArtifactVersion, *paths: str) -> None:
    ArtifactFile.objects.bulk_create(
        ReferenceSpec(path, "s3://elsewhere/it", size=1, mime_type="text/plain").to_file(version) for path in paths
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

    assert walk(version, "", limit) == ["a/", "a b/", "é/", "日本/", "\U0010ffff/", "a.txt", "a0", "z"]
    assert walk(version, "a/", limit) == ["b/", "é/", "1", "2"]
    assert walk(version, "a/b/", limit) == ["c/"]
    assert walk(version, "é/", limit) == ["ü.txt"]
    assert walk(version, "a b/", limit) == ["c%d"]
    assert walk(version, "\U0010ffff/", limit) == ["\U0010ffff"]
    assert walk(version, "nothing/", limit) == []


@pytest.mark.parametrize("limit", [1, 100])
def test_folders_come_first_and_names_in_natural_order(version, limit):
    names = ["Train10/", "train2/", "train9/", "IMG2.png", "img02.png", "img2.png", "img10.png", "img11.png", "Z.txt"]
    fill(version, *(f"{name}x" if name.endswith("/") else name for name in names))

    displayed = walk(version, "", limit)
    assert displayed[:3] == ["train2/", "train9/", "Train10/"]
    # Those that differ by case or zeros alone have no order among themselves.
    assert sorted(displayed[3:6]) == ["IMG2.png", "img02.png", "img2.png"]
    assert displayed[6:] == ["img10.png", "img11.png", "Z.txt"]


def test_the_longest_keys_fit_into_an_index(version):
    """PostgreSQL refuses to index more than 2,704 bytes; those here compress to nothing only if they are all alike."""
    random_letters = random.Random(7)
    deep = "/".join(random_letters.choice("AȺ1Z9") for _ in range(400))
    wide = "".join(random_letters.choice("Ⱥ1") for _ in range(680))
    fill(version, deep, wide, f"{'B1/' * 16}{wide[:600]}")

    assert max(len(file.sort_key.encode()) for file in version.files.all()) < 2_400
    assert len(walk(version)) == 3


def test_files_come_with_their_rows_and_folders_with_what_is_in_them(version, django_assert_max_num_queries):
    fill(version, "a", "b/c", "b/d/e", *(f"big/{number}" for number in range(60)))
    folder_summaries.store(version)

    assert {row.path: row.entry_count for row in version.folders.all()} == {"": 3, "big/": 60}
    with django_assert_max_num_queries(2):
        listed = directory_listing.page(version)
    folder, large, file = listed.entries
    assert (folder.path, folder.file, folder.summary.file_count, folder.summary.total_size) == ("b/", None, 2, 2)
    assert (large.path, large.summary.file_count, large.summary.total_size) == ("big/", 60, 60)
    assert (file.path, file.file.size, file.summary) == ("a", 1, None)
    assert listed.total == 3
    assert directory_listing.page(version, "big/", limit=10).total == 60
    assert directory_listing.page(version, "big/", after="49").total == 60


def test_what_is_too_large_to_count_is_left_open(version, monkeypatch):
    monkeypatch.setattr(folder_summaries, "MAX_SCAN", 4)
    fill(version, "a/1", "a/2", "b/1", "b/2", "c")

    assert [entry.summary and entry.summary.file_count for entry in directory_listing.page(version).entries] == [
        2, 2, None,
    ]  # fmt: skip
    assert directory_listing.page(version, limit=2).total is None
    fill(version, "b/3")
    assert [entry.summary for entry in directory_listing.page(version).entries] == [None, None, None]


def test_paths_are_found_by_any_part_of_them(version, monkeypatch):
    fill(version, *PATHS, "Data/Train.CSV", "data2/x/train.csv")

    def found(text, folder="", **options):
        return [entry.name for entry in directory_listing.matches(version, folder, text, **options).entries]

    assert found("train.") == ["Data/Train.CSV", "data2/x/train.csv"]
    assert found("A/") == ["a/b/c/d", "a/é/x", "a/1", "a/2", "Data/Train.CSV"]
    assert found("É") == ["a/é/x", "é/ü.txt"]
    # Of the path below the folder alone.
    assert found("a", "a/") == [] and found("X", "a/") == ["é/x"]
    assert found("%") == ["a b/c%d"] and found("nothing") == []

    first = directory_listing.matches(version, "", "a", limit=2)
    assert (len(first.entries), first.count, first.scanned) == (2, 9, len(PATHS) + 2)
    assert found("a", after=first.next_cursor)[:1] == ["a/1"]
    monkeypatch.setattr(directory_listing, "SCAN_SIZE", 5)
    part = directory_listing.matches(version, "", "z")
    assert (part.entries, part.count, part.scanned) == ([], 0, 5)
    parts = [part]
    while parts[-1].next_cursor:
        parts.append(directory_listing.matches(version, "", "z", after=parts[-1].next_cursor))
    assert [entry.name for part in parts for entry in part.entries] == ["z"]


def test_other_versions_do_not_show(version, artifact, bob):
    other = ArtifactVersion.objects.create(artifact=artifact, number=2, created_by=bob)
    fill(other, "x", "y/z")

    assert walk(version) == []
    assert walk(other) == ["y/", "x"]


def test_a_page_costs_the_same_however_many_files_there_are(version, django_assert_max_num_queries):
    fill(
        version, *(f"{one}/{two}" for one in "abc" for two in range(3000)), *(f"f{number:05}" for number in range(500))
    )
    folder_summaries.store(version)

    with django_assert_max_num_queries(1):
        listed = directory_listing.page(version, limit=4)
    assert [entry.name for entry in listed.entries] == ["a/", "b/", "c/", "f00000"]
    assert (listed.total, listed.entries[0].summary.file_count) == (503, 3000)
    with django_assert_max_num_queries(1):
        assert len(directory_listing.page(version, "b/").entries) == directory_listing.PAGE_SIZE


@pytest.mark.parametrize("cursor", ["a/", "a", "nothing", "'; DROP TABLE x; --", "%s", "\U0010ffff"])
def test_any_cursor_is_a_point_to_go_on_from(version, cursor):
    fill(version, *PATHS)

    displayed = [entry.path for entry in directory_listing.page(version, after=cursor).entries]
    assert all(natural_order.sort_key(path) > natural_order.sort_key(cursor) for path in displayed)


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
