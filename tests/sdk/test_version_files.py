"""How requests state the files of a version."""

from wanllmdb.sdk import version_files
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer.hashes import FileFingerprint, HashedFile


def hashed(path: str, size: int = 1, *, executable: bool = False) -> HashedFile:
    return HashedFile(path, f"/data/{path}", size, "ab" * 32, FileFingerprint(size, 0, 0, 0), executable=executable)


def test_files_are_columns_and_references_records():
    files = [hashed("a", 3), hashed("b", 0, executable=True)]
    (batch,) = version_files.batches(files, [Entry.of_reference("c", 7, "s3://bucket/c", "etag:1")])
    assert len(batch) == 3
    assert batch.fields == {
        "file_columns": {"paths": ["a", "b"], "sizes": [3, 0], "sha256": ["ab" * 32] * 2, "executable": [1]},
        "files": [
            {
                "path": "c",
                "size": 7,
                "reference_uri": "s3://bucket/c",
                "reference_identity": "etag:1",
                "version_id": "",
            }
        ],
    }


def test_what_there_is_none_of_is_not_stated():
    assert list(version_files.batches([])) == []
    (files,) = version_files.batches([hashed("a")])
    assert files.fields == {"file_columns": {"paths": ["a"], "sizes": [1], "sha256": ["ab" * 32]}}
    (references,) = version_files.batches([], [Entry.of_reference("c", 7, "s3://bucket/c", "")])
    assert references.fields.keys() == {"files"}


def test_a_request_has_as_many_files_as_it_may(monkeypatch):
    monkeypatch.setattr(version_files, "MAX_FILES_PER_REQUEST", 3)
    references = [Entry.of_reference(f"r{number}", 1, "s3://bucket/r", "") for number in range(2)]
    batches = list(version_files.batches([hashed(str(number)) for number in range(7)], references))
    assert [len(batch) for batch in batches] == [3, 3, 3]
    assert len(batches[2].fields["files"]) == 2


def test_a_request_has_as_many_bytes_as_it_may(monkeypatch):
    monkeypatch.setattr(version_files, "MAX_BYTES_PER_REQUEST", 10_000)
    for path in ("a" * 1000, '"' * 900, "\N{GRINNING FACE}" * 200):
        batches = list(version_files.batches([hashed(path) for _ in range(20)]))
        assert 1 < len(batches) < 20
        assert sum(map(len, batches)) == 20
