"""Blobs of a version are found from their own side, however many files it has."""

import pytest

from artifacts import version_blobs
from artifacts.content import arrivals
from artifacts.models import Blob
from core.value_lists import Among
from harness import servers
from tests.artifacts.client import begin


@pytest.fixture
def draft(bob, artifact):
    return begin(bob, artifact, {"a": b"1", "b": b"2"}).version


@pytest.mark.parametrize("condition", [version_blobs.is_file_of, version_blobs.is_piece_of])
def test_contents_are_looked_up_by_their_hashes(draft, condition):
    blobs = Blob.objects.filter(Among("sha256", ["0" * 64]), condition(draft), project=draft.artifact.project_id)
    plan = blobs.explain()

    # What PostgreSQL does depends on how many rows there are.
    assert servers.on_postgres() or ("blob_by_sha256" in plan and "version_id=?" not in plan)


def test_of_each_object_its_own_blobs_are_looked_up(draft):
    plan = arrivals.expected_objects(draft).explain()

    assert servers.on_postgres() or ("(object_id=?)" in plan and plan.count("version_id=?") == 1)


def test_what_files_of_a_version_have_and_nothing_else(draft, bob, artifact):
    begin(bob, artifact, {"a": b"1", "c": b"3"})
    found = Blob.objects.filter(version_blobs.is_file_of(draft)).values_list("sha256", flat=True)

    assert sorted(found) == sorted(draft.files.values_list("blob__sha256", flat=True))
    assert not Blob.objects.filter(version_blobs.is_piece_of(draft)).exists()
