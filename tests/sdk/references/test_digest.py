"""The SDK and the server say alike what a reference is in the digest of a version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import digests
from artifacts.references import uris
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.reference_uris import parse, without_secrets

QUERIES = st.lists(st.sampled_from(["token", "X-AMZ-Date", "%53ig", " page", "=1", "&", ";", "?", "#", "é", "/"]))


@given(QUERIES)
def test_what_grants_access_is_left_out_alike(parts):
    uri = f"https://example.org/a?{''.join(parts)}"
    assert without_secrets(uri) == uris.without_secrets(uri)
    entry = Entry.of_reference("a", 1, uri, "etag:1", "7")
    assert entry.digest_item == ("a", digests.of_reference(uri, "7", "etag:1"), 1)


@pytest.mark.parametrize(
    "uri",
    [
        *("s3://bucket/a b#c?d", "s3://bucket/key?versionId=a%2Fb", "gs://bucket/key?generation=7", "az://container/k"),
        "https://account.blob.core.windows.net/container/a%20b?sig=1",
        *("https://example.org/a?b=c", "file:///data/a%20b", "hdfs://cluster/a"),
    ],
)
def test_a_uri_has_the_same_parts(uri):
    ours, servers = parse(uri), uris.parse(uri)
    assert (ours.provider, ours.uri) == (servers.provider, servers.uri)
    assert (ours.bucket, ours.version_id, ours.account) == (servers.bucket, servers.version_id, servers.account)
    if servers.provider.is_store:
        assert ours.key == servers.key
