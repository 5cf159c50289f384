"""Manifests of the official client are read entry by entry, wherever their bytes are cut."""

import base64
import json
import re

import pytest

from artifacts import errors
from artifacts.manifest_entries import FileEntry
from wandb_api import manifest_reader

MD5 = base64.b64encode(bytes(range(16))).decode()
HEX = bytes(range(16)).hex()
CONTENTS = {
    "a.txt": {"digest": MD5, "size": 12, "birthArtifactID": "QXJ0", "local_path": "/home/bob/a.txt"},
    'ü/ß "x" ☃.txt': {"digest": MD5, "size": 0},
    "unknown": {"digest": MD5},
    "ref": {"digest": "etag-1", "ref": "s3://bucket/key", "size": 5, "extra": {"versionID": "v1", "etag": "etag-1"}},
}


def manifest(contents=CONTENTS, **more) -> bytes:
    return json.dumps(
        {"version": 1, "storagePolicyConfig": {"a": [1, {"b": 2}]}, "contents": contents, **more}
    ).encode()


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_entry_is_read(size, ascii_only):
    whole = {"version": 1, "contents": CONTENTS, "storagePolicy": "wandb-storage-policy-v1"}
    body = json.dumps(whole, ensure_ascii=ascii_only, indent=1).encode()
    *files, reference = manifest_reader.read(cut(body, size))
    assert files == [
        FileEntry("a.txt", HEX, 12),
        FileEntry('ü/ß "x" ☃.txt', HEX, 0),
        FileEntry("unknown", HEX, None),
    ]
    assert (reference.path, reference.digest, reference.spec.uri) == ("ref", "etag-1", "s3://bucket/key")
    assert (reference.spec.size, reference.spec.identity, reference.spec.version_id) == (5, "etag:etag-1", "v1")
    assert reference.extra == {"versionID": "v1", "etag": "etag-1"}


def test_an_empty_manifest_has_no_entries():
    assert list(manifest_reader.read([manifest({})])) == []
    assert list(manifest_reader.read([b"{}"])) == []


@pytest.mark.parametrize(
    ("ref", "digest", "identity"),
    [
        ("s3://b/k", '"abc"', "etag:abc"),
        ("s3://b/k", "s3://b/k", ""),
        ("gs://b/k", "CJ==", "etag:CJ=="),
        ("https://h/x", 'W/"abc"', "etag:W/abc"),
        ("https://h/x", "https://h/x", ""),
        ("file:///x", MD5, f"md5:{HEX}"),
        ("file:///x", "file:///x", ""),
        ("wandb-artifact://41/x", MD5, ""),
    ],
)
def test_a_digest_says_what_an_object_was(ref, digest, identity):
    [entry] = manifest_reader.read([manifest({"r": {"digest": digest, "ref": ref}})])
    assert (entry.spec.identity, entry.digest) == (identity, digest)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not valid JSON"),
        (b"[]", "not valid JSON"),
        (b'{"version": 1', "not valid JSON"),
        (b'{"contents": {"a": ', "not valid JSON"),
        (b'{"contents": {1: 2}}', "not valid JSON"),
        (b'{"contents": {"a": {"digest": "\xff"}}}', "not valid JSON"),
        (b'{"version": ' + b"[" * 100_000, "not valid JSON"),
        (manifest(version=2), "not of version 1"),
        (manifest({"a": 1}), "'a' of the manifest has no digest"),
        (manifest({"a": {"digest": "x"}}), "no md5 in base64"),
        (manifest({"a": {"digest": MD5, "size": "1"}}), "number of bytes"),
        (manifest({"a": {"digest": MD5, "size": True}}), "number of bytes"),
        (manifest({"a": {"digest": "x" * 3000, "ref": "s3://b/k"}}), "too long a digest"),
        (manifest({"a": {"digest": "x\n", "ref": "s3://b/k"}}), "too long a digest"),
        (manifest({"a": {"digest": "x", "ref": 1}}), "has no URI"),
        (manifest({"a": {"digest": "x", "ref": "s3://b/k", "extra": [1]}}), "is not allowed"),
        (manifest({"a": {"digest": "x", "ref": "s3://b/k", "extra": {"x": "\0"}}}), "is not allowed"),
        (manifest({"a": {"digest": "x", "ref": "s3://b/k", "extra": {"x": "y" * 20_000}}}), "is not allowed"),
    ],
)
def test_what_is_no_manifest_is_refused(body, sentence):
    with pytest.raises(errors.Invalid, match=re.escape(sentence)):
        list(manifest_reader.read(cut(body, 4096)))


def test_a_value_without_end_is_not_kept_in_memory():
    def chunks():
        yield b'{"contents": {"a": "'
        for _ in range(100):
            yield b"x" * 2**16
        raise AssertionError("it was read to its end")

    with pytest.raises(errors.Invalid, match="characters"):
        list(manifest_reader.read(chunks()))
