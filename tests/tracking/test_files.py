"""Files of a run: sent straight to the store, listed once they are there, replaced and deleted."""

import urllib.request
from datetime import timedelta

import pytest
from django.db.models import F

from accounts import errors
from accounts.actor import Actor
from artifacts.errors import InvalidPath
from artifacts.models import StoredObject
from projects import runs
from projects.models import Run
from tracking import files
from tracking.models import RunFile


def put(url: str, body: bytes) -> None:
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")).close()


def get(file: RunFile) -> bytes:
    with urllib.request.urlopen(files.download_url(file)) as response:
        return response.read()


def save(bob, run: Run, name: str, body: bytes) -> RunFile:
    [(_, url)] = files.begin(Actor(bob), run, [name])
    put(url, body)
    [file] = files.mark_uploaded(Actor(bob), run, [name])
    return file


def test_a_file_is_there_once_its_bytes_are(differences, run, bob):
    begun = files.begin(Actor(bob), run, ["./config.json", "media/images/a b%.png", "empty"])
    assert [file.name for file, _ in begun] == ["config.json", "media/images/a b%.png", "empty"]
    assert list(files.listed(run)) == [] and files.count(run) == 0
    assert files.mark_uploaded(Actor(bob), run, ["config.json"]) == []

    for (_, url), body in zip(begun, (b"a: 1", b"png", b""), strict=True):
        put(url, body)
    assert len(files.mark_uploaded(Actor(bob), run, ["./config.json", "empty", "unknown"])) == 2
    # Of the third nobody said that it has arrived.
    found = {file.name: file for file in files.listed(run)}
    assert list(found) == ["config.json", "empty", "media/images/a b%.png"]
    assert [(file.size, file.mime_type) for file in found.values()] == [
        (4, "application/json"),
        (0, "application/octet-stream"),
        (3, "image/png"),
    ]
    assert found["empty"].md5 == "d41d8cd98f00b204e9800998ecf8427e"
    assert [get(file) for file in found.values()] == [b"a: 1", b"", b"png"]
    assert found["config.json"].object.key.startswith(f"projects/{run.project_id}/runs/{run.pk}/")
    assert found["config.json"].object.key.endswith("/config.json")
    assert differences() == ([], [])


def test_a_long_name_makes_no_long_key(run, bob):
    name = "/".join(["é" * 120] * 4)
    file = save(bob, run, name, b"long")
    assert len(name.encode()) > 900 and len(file.object.key.encode()) < 1_000
    assert get(file) == b"long"
    assert [one.name for one in files.listed(run, [name])] == [name]


def test_one_call_begins_and_looks_up_so_many_files(run, bob, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES_A_CALL", 3)
    monkeypatch.setattr(files, "_LOOKED_UP_A_CALL", 2)
    with pytest.raises(errors.Invalid, match="at most 3 files"):
        files.begin(Actor(bob), run, ["a", "b", "c", "d"])
    for (file, url), body in zip(files.begin(Actor(bob), run, ["a", "b", "c"]), (b"1", b"2", b"3"), strict=True):
        put(url, body)
        assert file.size == 0
    assert [file.name for file in files.mark_uploaded(Actor(bob), run, ["a", "b", "c"])] == ["a", "b"]
    RunFile.objects.update(begun_at=F("begun_at") - timedelta(hours=1))
    files.settle_uploads()
    assert files.count(run) == 3


def test_a_file_that_is_sent_again_is_the_former_one_until_then(stored, run, bob, collect_garbage):
    save(bob, run, "summary.json", b"old")
    [(_, first)], [(_, second)] = (files.begin(Actor(bob), run, ["summary.json"]) for _ in range(2))
    assert [get(file) for file in files.listed(run)] == [b"old"]
    put(first, b"given up")
    put(second, b"new!")
    files.mark_uploaded(Actor(bob), run, ["summary.json"])
    files.mark_uploaded(Actor(bob), run, ["summary.json"])

    [file] = files.listed(run)
    assert (file.size, get(file)) == (4, b"new!")
    collect_garbage(hours=1)
    assert len(stored()) == 2
    collect_garbage(hours=2)
    assert len(stored()) == StoredObject.objects.count() == 1
    assert get(file) == b"new!"


def test_files_are_found_by_names_and_by_a_pattern(run, bob):
    for name in ["a.txt", "A.txt", "media/a_1.png", "media/ab1.png", "b*.txt"]:
        save(bob, run, name, b"x")

    def names(**query) -> list[str]:
        return sorted(file.name for file in files.listed(run, **query))

    assert names(names=["a.txt", "./media/a_1.png", "none"]) == ["a.txt", "media/a_1.png"]
    assert names(pattern="media/%") == ["media/a_1.png", "media/ab1.png"]
    assert names(pattern="_.txt") == ["A.txt", "a.txt"]
    assert names(pattern="a.%") == ["a.txt"]
    assert names(pattern="b*%") == ["b*.txt"]
    assert names(pattern="\\") == names(pattern="[a]%") == names(pattern="?.txt") == names(names=[]) == []
    assert names(names=["a.txt", "A.txt"], pattern="A%") == ["A.txt"]


def test_a_list_is_two_queries(run, bob, django_assert_num_queries):
    for name in "abc":
        save(bob, run, name, b"x")
    with django_assert_num_queries(2):
        assert [file.object.size for file in files.listed(run)] == [1, 1, 1]


def test_who_may_not_edit_changes_nothing(run, bob, vera, mallory):
    file = save(bob, run, "a", b"x")
    for user in (vera, mallory):
        for act in (
            lambda actor: files.begin(actor, run, ["a"]),
            lambda actor: files.mark_uploaded(actor, run, ["a"]),
            lambda actor: files.delete(actor, [file]),
        ):
            with pytest.raises(errors.Denied):
                act(Actor(user))
    assert [get(file) for file in files.listed(run)] == [b"x"]


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a//b", "a\\b", "a\0", "x" * 1025, "./../a"])
def test_names_that_are_no_paths_are_refused(run, bob, name):
    with pytest.raises(InvalidPath):
        files.begin(Actor(bob), run, ["fine", name])
    assert not RunFile.objects.exists()


def test_a_run_has_a_bounded_number_of_files(run, bob, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 2)
    files.begin(Actor(bob), run, ["a", "b"])
    files.begin(Actor(bob), run, ["b"])
    with pytest.raises(errors.Conflict, match="at most 2 files"):
        files.begin(Actor(bob), run, ["c"])


def test_deleted_files_are_freed_and_deleting_them_again_is_no_error(stored, run, bob, collect_garbage):
    file, kept = save(bob, run, "a", b"x"), save(bob, run, "b", b"y")
    for _ in range(2):
        files.delete(Actor(bob), [file])
    assert [one.name for one in files.listed(run)] == ["b"]
    collect_garbage(hours=3)
    assert len(stored()) == StoredObject.objects.count() == 1
    runs.delete(Actor(bob), run)
    collect_garbage(hours=3)
    assert len(stored()) == StoredObject.objects.count() == 0
    assert not RunFile.objects.filter(pk=kept.pk).exists()


def test_uploads_that_nobody_finished_are_settled(stored, run, bob, collect_garbage):
    save(bob, run, "sent again", b"old")
    begun = dict(zip(["arrived", "abandoned"], files.begin(Actor(bob), run, ["arrived", "abandoned"]), strict=True))
    files.begin(Actor(bob), run, ["sent again"])
    put(begun["arrived"][1], b"here")
    collect_garbage(minutes=5)
    assert [(file.name, file.size, file.upload is None) for file in RunFile.objects.order_by("name")] == [
        ("abandoned", 0, False),
        ("arrived", 4, True),
        ("sent again", 3, False),
    ]
    collect_garbage(hours=3)
    assert [(file.name, file.upload) for file in RunFile.objects.order_by("name")] == [
        ("arrived", None),
        ("sent again", None),
    ]
    collect_garbage(hours=3)
    assert [get(file) for file in files.listed(run)] == [b"here", b"old"]
    assert StoredObject.objects.count() == len(stored()) == 2


def test_a_run_that_is_gone_takes_no_files(run, bob):
    gone = Run.objects.select_related("project__team").get(pk=run.pk)
    runs.delete(Actor(bob), run)
    with pytest.raises(errors.Missing):
        files.begin(Actor(bob), gone, ["a"])
    assert files.mark_uploaded(Actor(bob), gone, ["a"]) == []
