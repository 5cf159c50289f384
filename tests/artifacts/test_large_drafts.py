"""Drafts of very many files are filled in several transactions: none is long, and all together make one draft."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from artifacts import draft_bases, draft_files, drafts, versions
from artifacts.errors import PathTaken
from artifacts.models import ArtifactVersion, Blob
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import digest_of, file_specs, log, sha256, upload

FILES = {f"{number:02}": f"{number % 10}".encode() for number in range(25)}


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch):
    monkeypatch.setattr(draft_files, "MAX_FILES_A_TRANSACTION", 5)
    monkeypatch.setattr(draft_bases, "_SLICE_SIZE", 4)


def test_files_with_a_digest_come_in_several_transactions(bob, artifact):
    with CaptureQueriesContext(connection) as queries:
        begun = versions.begin(Actor(bob), artifact, digest=digest_of(FILES), specs=file_specs(FILES))
    # Each counts what it has added, at its end.
    assert sum(query["sql"].startswith('UPDATE "artifacts_artifactversion"') for query in queries) == 5
    assert (begun.created, begun.version.state) == (True, "draft")
    assert begun.missing == sorted({sha256(body) for body in FILES.values()})
    assert Blob.objects.count() == 10
    upload(bob, begun.version, {*FILES.values()})
    draft = ArtifactVersion.objects.get()
    assert (draft.file_count, draft.total_size) == (25, 25)
    assert versions.finalize(Actor(bob, Channel.SDK), draft, digest=digest_of(FILES)).created


def test_who_repeats_a_call_that_was_interrupted_completes_the_draft(bob, artifact):
    opened = drafts.open(Actor(bob), artifact, digest=digest_of(FILES), specs=file_specs(FILES))
    references.add_in_batches(Actor(bob), opened.result.version, opened.specs[:10])
    assert ArtifactVersion.objects.get().file_count == 10
    again = versions.begin(Actor(bob), artifact, digest=digest_of(FILES), specs=file_specs(FILES))
    assert (again.created, again.version) == (False, opened.result.version)
    assert again.missing == sorted({sha256(body) for body in FILES.values()})
    assert ArtifactVersion.objects.get().file_count == 25


def test_without_a_digest_there_is_all_or_nothing(bob, artifact):
    with pytest.raises(PathTaken):
        versions.begin(Actor(bob), artifact, specs=file_specs(FILES | {"00/x": b"in a file"}))
    assert not ArtifactVersion.objects.exists()
    assert versions.begin(Actor(bob), artifact, specs=file_specs(FILES)).version.file_count == 25


def test_what_the_draft_refuses_is_refused_before_anything_is_added(bob, artifact):
    draft = versions.begin(Actor(bob), artifact, specs=file_specs({"24": b"other"})).version
    with pytest.raises(PathTaken):
        references.add(Actor(bob), draft, [ReferenceSpec("ref", "s3://bucket/key"), *file_specs(FILES)])
    assert list(draft.files.values_list("path", flat=True)) == ["24"]
    draft_files.remove(Actor(bob), draft.files.get())
    added, missing = references.add(Actor(bob), draft, [*file_specs(FILES), ReferenceSpec("ref", "s3://bucket/key")])
    assert (added, len(missing)) == (26, 10)
    draft.refresh_from_db()
    assert (draft.file_count, draft.reference_count) == (26, 1)


def test_a_new_artifact_and_its_draft(bob, project):
    artifact, begun = versions.begin_with_artifact(
        Actor(bob),
        str(project.pk),
        {"name": "new", "type": "dataset"},
        {"digest": digest_of(FILES), "specs": file_specs(FILES)},
    )
    assert (begun.version.artifact, len(begun.missing)) == (artifact, 10)
    assert ArtifactVersion.objects.get().file_count == 25


def test_a_base_is_copied_in_slices_and_again_where_it_was_interrupted(bob, artifact, work):
    base = log(bob, artifact, FILES)
    work()
    files = {path: body for path, body in FILES.items() if path != "03"} | {"07": b"1", "new": b"1"}
    arguments = {
        "digest": digest_of(files),
        "specs": file_specs({"07": b"1", "new": b"1"}),
        "base": ArtifactVersion.objects.get(pk=base.pk),
        "removed": ["03"],
    }
    opened = drafts.open(Actor(bob), artifact, **arguments)
    first = next(draft_bases.slices(opened.base))
    draft_bases.copy(opened.result.version, opened.base, first)
    assert list(opened.result.version.files.values_list("path", flat=True)) == ["00", "01", "02"]
    begun = versions.begin(Actor(bob), artifact, **arguments)
    draft = ArtifactVersion.objects.get(pk=begun.version.pk)
    assert (begun.created, begun.missing, draft.file_count, draft.total_size) == (False, [], 25, 25)
    assert versions.finalize(Actor(bob, Channel.SDK), draft, digest=digest_of(files)).created
