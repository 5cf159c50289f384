"""What a draft holds is read before the transaction that finalizes it, and is true of it all the same."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from artifacts import directory_listing, draft_files, folder_summaries, search_index, version_contents, versions
from artifacts.content import arrivals, digests
from artifacts.errors import PathTaken, VersionFinalized
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, FolderSummary, SearchDocument
from artifacts.references.references import ReferenceSpec
from artifacts.version_contents import DraftChanged
from tests.artifacts.client import at_once, begin, file_specs, fill, upload

COLUMNS = ("path", "listed_in", "entry_count", "file_count", "total_size", "reference_count", "referenced_size")


@pytest.fixture
def few_folders(monkeypatch):
    """Where a folder has its row is decided as for thousands, by a dozen."""
    monkeypatch.setattr(version_contents, "_MAX_FOLDERS", 5)
    monkeypatch.setattr(version_contents, "_READ_SIZE", 7)
    monkeypatch.setattr(folder_summaries, "MAX_COUNTED_FILES", 1)
    monkeypatch.setattr(folder_summaries, "_BATCH_SIZE", 3)


def files_in_folders(count: int) -> dict[str, bytes]:
    return {f"{folder:03}/{number}.txt": b"same" for folder in range(count) for number in range(2)}


def filled(*args) -> ArtifactVersion:
    draft = fill(*args)
    arrivals.collect(draft)
    return draft


def folders(version: ArtifactVersion) -> list[tuple]:
    return sorted(FolderSummary.objects.filter(version=version).values_list(*COLUMNS), key=str)


def test_what_is_read_is_what_the_files_are(bob, artifact):
    files = {"a/x.txt": b"1", "a!": b"22", "b/c/d": b"333", "é": b"", "z": b"1"}
    draft = versions.begin(
        Actor(bob), artifact, specs=[*file_specs(files), ReferenceSpec("ref", "s3://bucket/key", 7, "etag:x")]
    ).version
    upload(bob, draft, {*files.values()})
    draft_files.add(
        Actor(bob), draft, [draft_files.FileSpec("run.sh", 1, file_specs({"": b"1"})[0].sha256, executable=True)]
    )
    result = versions.finalize(Actor(bob, Channel.SDK), draft).version

    assert (result.file_count, result.total_size, result.reference_count, result.referenced_size) == (7, 15, 1, 7)
    assert result.digest == digests.of_version(result)
    assert result.executable_digest == digests.of_executables(["run.sh"])
    lines = search_index.FileLines.of(sorted([*files, "ref", "run.sh"])).text
    assert SearchDocument.objects.get(version=result, part="files").text == lines


def test_contents_are_refused_once_the_draft_is_another(bob, artifact):
    draft = filled(bob, artifact, {"a": b"a"})
    contents = version_contents.read(draft)
    contents.lock()
    draft_files.add(Actor(bob), draft, file_specs({"b": b"a"}))
    with pytest.raises(DraftChanged):
        contents.lock()
    assert version_contents.read(draft).file_count == 2
    draft.refresh_from_db()
    versions.describe(Actor(bob), draft, description="Touched.")
    versions.delete(Actor(bob), draft)
    assert version_contents.read(draft) is None


def test_a_file_that_is_a_folder_of_another_is_found_wherever_it_is(bob, artifact):
    draft = versions.begin(Actor(bob), artifact, specs=file_specs({"a": b"1", "a!": b"1", "a.b/c": b"1"})).version
    upload(bob, draft, [b"1"])
    blob = Blob.objects.get()
    # Two who add at once may do so: each saw one of them.
    ArtifactFile.objects.create(version=draft, path="a/b", name="b", size=1, mime_type="text/plain", blob=blob)
    with pytest.raises(PathTaken) as refusal:
        versions.finalize(Actor(bob), draft)
    assert refusal.value.extra["paths"] == ["a", "a/b"]


def test_very_many_folders_are_stored_before_and_seen_after(bob, artifact, few_folders):
    draft = filled(bob, artifact, files_in_folders(23))
    contents = version_contents.read(draft)
    assert contents.has_stored_folders and len(contents.folders) < 5
    assert FolderSummary.objects.filter(version=draft).count() == 20
    # It died here. Nobody sees what it left, and the draft goes on.
    assert folder_summaries.stored(draft).count() == 0
    draft_files.add(Actor(bob), draft, file_specs({"000/2.txt": b"same", "new/0": b"same", "new/1": b"same"}))
    assert directory_listing.page(draft, "000/").total == 3
    draft.refresh_from_db()
    ArtifactVersion.objects.filter(pk=draft.pk).update(digest=None)
    version = versions.finalize(Actor(bob, Channel.SDK), ArtifactVersion.objects.get(pk=draft.pk)).version

    stored = folders(version)
    assert len(stored) == 25
    version.folders.all().delete()
    folder_summaries.store(version)
    assert stored == folders(version)


def test_what_a_try_before_has_left_is_gone_also_where_no_folder_needs_a_row(bob, artifact, few_folders):
    draft = filled(bob, artifact, files_in_folders(9))
    ArtifactVersion.objects.filter(pk=draft.pk).update(digest=None)
    draft.refresh_from_db()
    assert version_contents.read(draft).has_stored_folders
    for file in draft.files.exclude(path="000/0.txt"):
        draft_files.remove(Actor(bob), file)
    version = versions.finalize(Actor(bob, Channel.SDK), draft).version
    assert (version.file_count, folders(version)) == (1, [])


def test_the_transaction_that_finalizes_does_not_grow_with_the_files(bob, artifact):
    counts = []
    for count in (2, 30, 300):
        draft = filled(bob, artifact, {f"{number:03}": b"same" for number in range(count)})
        with CaptureQueriesContext(connection) as queries:
            assert versions.finalize(Actor(bob, Channel.SDK), draft).created
        reads = ['FROM "artifacts_artifactfile"' in query["sql"] for query in queries]
        counts.append((len(reads), sum(reads)))
    assert counts[1] == counts[2]


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_is_finalized_while_files_are_added_has_them_or_they_are_refused(bob, artifact):
    draft = versions.begin(Actor(bob), artifact, specs=file_specs({"first": b"same"})).version
    upload(bob, draft, [b"same"])

    def add() -> None:
        for number in range(20):
            draft_files.add(Actor(bob), draft, file_specs({f"{number:02}": b"same"}))

    added, finalized = at_once(add, lambda: versions.finalize(Actor(bob, Channel.SDK), draft))
    version = ArtifactVersion.objects.get(pk=draft.pk)
    if version.is_finalized:
        assert added is None or isinstance(added, VersionFinalized)
        assert version.file_count == version.files.count()
        assert version.digest == digests.of_version(version)
    else:
        assert (finalized.code, added) == ("Busy", None)


@pytest.mark.django_db(transaction=True)
def test_two_who_finalize_at_once_get_one_version_with_all_its_folders(bob, artifact, few_folders):
    draft = begin(bob, artifact, files_in_folders(23)).version
    upload(bob, draft, [b"same"])
    answers = at_once(*[lambda: versions.finalize(Actor(bob, Channel.SDK), draft) for _ in range(3)])

    done = [answer for answer in answers if isinstance(answer, versions.FinalizeResult)]
    assert sum(answer.created for answer in done) == 1
    assert {answer.code for answer in answers if answer not in done} <= {"Busy", "DatabaseBusy"}
    version = ArtifactVersion.objects.get(pk=draft.pk)
    assert version.is_finalized and len(folders(version)) == 24
