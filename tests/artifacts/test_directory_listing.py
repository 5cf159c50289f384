"""Looking at a version folder by folder."""

import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from artifacts import directory_listing, folder_summaries, natural_order
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.references.references import ReferenceSpec


@pytest.fixture
def version(artifact, bob) -> ArtifactVersion:
    now = timezone.now()
    return ArtifactVersion.objects.create(
        artifact=artifact, number=1, created_by=bob, state=ArtifactVersion.State.FINALIZED, finalized_at=now
    )


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


def test_folders_side_by_side_are_counted_as_one_range(version, monkeypatch):
    """Each as a range of its own, 500 folders took PostgreSQL longer than all that is in them."""
    monkeypatch.setattr(folder_summaries, "MAX_SKIPPED", 12)
    sizes = {f"d{number:02}": 2 for number in range(40)} | {"d10": 11, "d20": 12, "d30": 13}
    fill(version, "d00.txt", *(f"{folder}/{number}" for folder, count in sizes.items() for number in range(count)))
    folder_summaries.store(version)
    assert set(version.folders.values_list("path", flat=True)) == {"", "d10/", "d20/", "d30/"}

    with CaptureQueriesContext(connection) as queries:
        page = directory_listing.sorted_page(version, "", by="size", is_descending=True)
    counted = {entry.path: entry.summary.file_count for entry in page.entries if entry.summary}
    assert counted == {f"{folder}/": count for folder, count in sizes.items()}
    assert [entry.path for entry in page.entries[:4]] == ["d30/", "d20/", "d10/", "d00/"]
    # Before and after the folder that has more than are read again.
    assert [query["sql"].count('path" >=') for query in queries if 'path" >=' in query["sql"]] == [2]
    # Of a part of them, others may lie in between: each of five, and the one that says that there are more.
    with CaptureQueriesContext(connection) as queries:
        assert len(directory_listing.page(version, limit=5).entries) == 5
    assert queries[-1]["sql"].count('path" >=') == 6


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


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_names_descend_with_the_folders_first_all_the_same(version, limit):
    fill(version, *PATHS)

    def walk_down(folder: str) -> list[str]:
        names, after = [], ""
        while True:
            page = directory_listing.page(version, folder, after=after, limit=limit, is_descending=True)
            names += [entry.name for entry in page.entries]
            if page.next_cursor is None:
                return names
            after = page.next_cursor

    assert walk_down("") == ["\U0010ffff/", "日本/", "é/", "a b/", "a/", "z", "a0", "a.txt"]
    assert walk_down("a/") == ["é/", "b/", "2", "1"]
    assert walk_down("a/b/") == ["c/"] and walk_down("nothing/") == []


@pytest.fixture
def crowd(version, monkeypatch) -> ArtifactVersion:
    """A finalized version whose folder `c/` has more entries than are sorted in memory: of two sizes each."""
    monkeypatch.setattr(folder_summaries, "MAX_SORTED", 20)
    monkeypatch.setattr(directory_listing, "MAX_SORTED", 20)
    sizes = {f"c/d{number}/x": number % 2 for number in range(25)} | {"c/d3/y/z": 7, "d/e": 5, "e": 6}
    sizes |= {f"c/f{number}": number % 2 for number in range(5)}
    ArtifactFile.objects.bulk_create(
        ReferenceSpec(path, "s3://elsewhere/it", size=size, mime_type="text/plain").to_file(version)
        for path, size in sizes.items()
    )
    folder_summaries.store(version)
    ArtifactVersion.objects.filter(pk=version.pk).update(state="finalized", finalized_at=timezone.now())
    version.refresh_from_db()
    return version


def walk_sorted(version: ArtifactVersion, folder: str, sort: str, limit: int) -> list[str]:
    names, after = [], ""
    while True:
        order = {"by": sort.removeprefix("-"), "is_descending": sort.startswith("-")}
        page = directory_listing.sorted_page(version, folder, **order, after=after, limit=limit)
        names += [entry.name for entry in page.entries]
        if page.next_cursor is None:
            return names
        after = page.next_cursor


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_folder_of_any_size_is_sorted_by_size(crowd, limit):
    folders = {parity: sorted(f"d{number}/" for number in range(25) if number % 2 == parity) for parity in (0, 1)}
    folders[1].remove("d3/")
    files = {parity: [f"f{number}" for number in range(5) if number % 2 == parity] for parity in (0, 1)}

    down, up = walk_sorted(crowd, "c/", "-size", limit), walk_sorted(crowd, "c/", "size", limit)
    assert down == ["d3/", *folders[1], *folders[0], *files[1], *files[0]]
    assert up == [*folders[0], *folders[1], "d3/", *files[0], *files[1]]
    assert walk_sorted(crowd, "", "-size", limit) == ["c/", "d/", "e"]
    by_name = [*(f"d{number}/" for number in range(25)), *(f"f{number}" for number in range(5))]
    assert walk_sorted(crowd, "c/", "name", limit) == by_name
    assert walk_sorted(crowd, "c/", "type", limit) == by_name
    assert walk_sorted(crowd, "c/", "-name", limit) == by_name[24::-1] + by_name[:24:-1]


def test_a_sorted_page_knows_what_lies_in_its_folders(crowd, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        page = directory_listing.sorted_page(crowd, "c/", by="size", is_descending=True, limit=26)
    assert (page.entries[0].summary.file_count, page.entries[0].size, page.entries[25].file.size) == (2, 8, 1)
    assert (page.total, page.orders) == (30, ("size",))
    assert directory_listing.page(crowd).orders == ("size", "type")
    assert {row.path for row in crowd.folders.filter(listed_in="c/")} == {f"c/d{number}/" for number in range(25)}
    assert set(crowd.folders.filter(listed_in=None).values_list("path", flat=True)) == {"", "c/"}


def test_a_large_folder_of_a_draft_is_sorted_by_name_alone(crowd):
    ArtifactVersion.objects.filter(pk=crowd.pk).update(state="draft", finalized_at=None)
    crowd.folders.all().delete()
    crowd.refresh_from_db()

    assert directory_listing.page(crowd, "c/").orders == ()
    assert walk_sorted(crowd, "c/", "-size", 7) == walk(crowd, "c/")
    assert walk_sorted(crowd, "c/", "-name", 7)[:2] == ["d24/", "d23/"]


def test_summaries_of_all_folders_in_a_large_one_are_stored_however_they_come(version, monkeypatch):
    """Where folders alone are many, where only files make them so, and one in another."""
    monkeypatch.setattr(folder_summaries, "MAX_SORTED", 3)
    paths = [
        *(f"a/{name}/{part}" for name in "abcde" for part in "xy"),
        "b/k/1",
        *(f"b/{number}" for number in range(9)),
    ]
    paths += [f"a/c/{number}/{part}" for number in range(4) for part in "pq"]
    fill(version, *paths)
    folder_summaries.store(version)

    listed = {row.path: row.listed_in for row in version.folders.all()}
    assert listed == {
        **{f"a/{name}/": "a/" for name in "abcde"}, **{f"a/c/{number}/": "a/c/" for number in range(4)},
        "b/k/": "b/", "": None, "a/": None,
    }  # fmt: skip
    assert {row.path: row.file_count for row in version.folders.filter(listed_in="a/")}["a/c/"] == 10


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
