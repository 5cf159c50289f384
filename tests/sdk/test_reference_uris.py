"""What the URI of a reference names, and what of it is shown."""

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.reference_uris import MAX_LENGTH, Location, parse, without_secrets


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/a/c d#1.txt", Location("s3://b/a/c d#1.txt", "s3", "b", "a/c d#1.txt")),
        ("S3://Bucket", Location("s3://Bucket", "s3", "Bucket")),
        ("s3://b/k?versionId=a%2Bb", Location("s3://b/k", "s3", "b", "k", "a+b")),
        ("s3://b/what?.txt", Location("s3://b/what?.txt", "s3", "b", "what?.txt")),
        ("gs://b/k#17", Location("gs://b/k", "gs", "b", "k", "17")),
        ("gs://b/k?generation=17", Location("gs://b/k", "gs", "b", "k", "17")),
        ("az://c/folder/", Location("az://c/folder/", "az", "c", "folder/")),
        (
            "https://Acme.blob.core.windows.net/c/a%20b?sv=1&versionid=2026-01-01T00%3A00&sig=x",
            Location(
                "https://Acme.blob.core.windows.net/c/a%20b?sv=1&sig=x",
                *("az", "c", "a b", "2026-01-01T00:00", "acme", "?sv=1&sig=x"),
            ),
        ),
        ("http://acme.blob.core.windows.net/c/k", Location("http://acme.blob.core.windows.net/c/k", "web")),
        ("https://example.org/ü x?a=%20", Location("https://example.org/%C3%BC%20x?a=%20", "web")),
        ("file:///data/a%20b", Location("file:///data/a%20b", "file", path="/data/a b")),
        ("file://localhost/data", Location("file:///data", "file", path="/data")),
        ("hdfs://cluster/a?b", Location("hdfs://cluster/a?b", "other")),
    ],
    ids=str,
)
def test_the_parts_of_a_uri(uri, expected):
    assert parse(uri) == expected


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("data/train", "is not a URI"),
        ("javascript:alert(1)", "is not a URI"),
        ("s3://", "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("https://user:secret@example.org/a", "Leave username and password out"),
        ("s3://key:secret@bucket/a", "Leave username and password out"),
        ("https:///a", "names no host"),
        ("https://[::1/a", "is not a valid URL"),
        ("https://example.org:99999/a", "is not a valid URL"),
        ("https://example.org/a#top", "leave out the part from #"),
        ("https://acme.blob.core.windows.net/", "names no container"),
        ("file://server/share", "names no file of this machine"),
        ("file:relative", "is not a URI"),
        ("s3://bucket/a\nb", "has a control character"),
        ("s3://bucket/a\0b", "has a control character"),
        ("s3://bucket/\udc80", "is not valid UTF-8"),
        (f"s3://bucket/{'k' * 10_000}", f"is longer than {MAX_LENGTH:,} characters"),
    ],
    ids=[str(number) for number in range(17)],
)
def test_other_texts_are_refused(uri, message):
    with pytest.raises(wandb.Invalid, match=message) as refusal:
        parse(uri)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://b/k", "s3://b/k"),
        ("https://h/a?page=2", "https://h/a?page=2"),
        ("https://h/a?x-amz-signature=1&page=2&X-Amz-Date=3", "https://h/a?page=2"),
        ("https://h/a?sig=1&se=2", "https://h/a"),
        ("https://h/a?%54oken=1#top", "https://h/a#top"),
        ("https://h/a?page=2;token=1&b", "https://h/a?b"),
        ("https://h/a?", "https://h/a?"),
        ("https://h/a?q=a?token=1", "https://h/a?q=a?token=1"),
    ],
    ids=str,
)
def test_what_grants_access_is_not_shown(uri, shown):
    assert without_secrets(uri) == shown
