"""The store's verbs against a real store."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from artifacts import storage, store_connection
from artifacts.errors import BytesMismatch, Missing
from tests.artifacts.client import MIB, fetch, parts_of, put, send, sha256, with_store_options


@pytest.fixture
def key(request) -> str:
    return f"probes/{request.node.name}/ünï & ö?#%.bin"


def test_bytes_come_back_as_they_went(key):
    body = os.urandom(3 * MIB + 7)
    storage.upload_file(key, body)

    chunks = list(storage.download_file(key))
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= storage.CHUNK
    assert b"".join(storage.download_file(key, 100)) == body[100:]
    assert b"".join(storage.download_file(key, 100, 50)) == body[100:150]
    assert b"".join(storage.download_file(key, 100, 0)) == b""
    assert b"".join(storage.download_file(key, len(body) - 5, 50)) == body[-5:]
    info = storage.get_file_info(key)
    assert (info.key, info.size) == (key, len(body))


def test_what_is_not_there(key):
    assert storage.get_file_info(key) is None
    assert list(storage.list_files(key)) == []
    storage.delete_file(key)
    storage.delete_files([key])
    storage.delete_files([])
    storage.abort_multipart(key, "0" * 32)
    for act in (
        lambda: list(storage.download_file(key)),
        lambda: storage.list_parts(key, "0" * 32),
        lambda: storage.complete_multipart(key, "0" * 32, {1: "a"}),
    ):
        with pytest.raises(Missing):
            act()


def test_a_range_beyond_the_end_is_missing(key):
    storage.upload_file(key, b"short")

    with pytest.raises(Missing):
        list(storage.download_file(key, 5, 1))


def test_lists_go_beyond_a_page_and_deletes_beyond_a_call():
    keys = [f"probes/many/{number:04}" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: storage.upload_file(key, b""), keys))

    assert [info.key for info in storage.list_files("probes/many/")] == keys
    storage.delete_files(keys)
    assert list(storage.list_files("probes/many/")) == []


def test_the_bucket_is_made_when_it_is_not_there(settings):
    settings.STORAGES = with_store_options(bucket_name="made-by-a-test")
    storage.ensure_bucket()
    storage.ensure_bucket()
    storage.upload_file("x", b"x")

    assert b"".join(storage.download_file("x")) == b"x"


def test_an_upload_in_parts(key):
    body = os.urandom(5 * MIB + 10)
    upload_id = storage.begin_multipart(key)
    assert storage.list_parts(key, upload_id) == {}
    assert list(storage.open_multiparts("probes/test_an_upload_in_parts")) == [(key, upload_id)]
    etags = {
        number: send(storage.get_part_url(key, upload_id, number, len(part), sha256(part)), part)
        for number, part in enumerate(parts_of(body, 5 * MIB), 1)
    }
    assert {number: info.etag for number, info in storage.list_parts(key, upload_id).items()} == etags
    with pytest.raises(BytesMismatch):
        storage.complete_multipart(key, upload_id, {1: etags[1], 2: "0" * 32})
    storage.complete_multipart(key, upload_id, etags)

    assert b"".join(storage.download_file(key)) == body
    assert list(storage.open_multiparts("probes/test_an_upload_in_parts")) == []


@pytest.mark.parametrize("size", [0, 10, 40 * MIB])
def test_a_copy_is_of_the_bytes_that_were_seen(key, size):
    body = bytes(size)
    storage.upload_file(key, body)
    seen = storage.get_file_info(key)
    storage.copy_file(seen, f"{key}-copy")
    assert storage.get_file_info(f"{key}-copy").size == size

    storage.upload_file(key, b"others")
    with pytest.raises(BytesMismatch):
        storage.copy_file(seen, f"{key}-late")
    storage.delete_file(key)
    with pytest.raises(Missing):
        storage.copy_file(seen, f"{key}-late")
    assert storage.get_file_info(f"{key}-late") is None


def test_what_a_store_does_not_delete_is_listed(key):
    """It takes no longer keys than these."""
    storage.upload_file(key, b"x")
    too_long = "x" * 1100

    assert set(storage.delete_files([key, too_long])) <= {too_long}
    assert storage.get_file_info(key) is None


def test_a_signed_url_is_for_its_key_method_and_size(key):
    signed = storage.get_upload_url(key, 4)
    elsewhere = storage.SignedPut(signed.url.replace("/probes/", "/projects/"), signed.headers)

    assert put(elsewhere, b"body").status == 403
    assert put(signed, b"longer").status == 403
    assert storage.get_file_info(key) is None
    send(signed, b"body")
    assert fetch(storage.get_download_url(key)) == b"body"


def test_urls_of_many_objects_are_in_their_order(key):
    keys = [f"{key}/{name}" for name in ("a b+%.txt", "ü", "c")]
    for name in keys:
        storage.upload_file(name, name.encode())

    assert [fetch(url) for url in storage.get_download_urls(keys)] == [name.encode() for name in keys]
    assert storage.get_download_urls([]) == []


def test_this_store_enforces_what_signed_urls_say():
    assert storage.enforces_checksums()


def test_threads_share_one_client(key):
    client = store_connection.client()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: store_connection.client(), range(8))) == {client}


def test_credentials_in_the_environment_are_for_somebody_else(key, settings, monkeypatch):
    for name in ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_S3_SESSION_PROFILE"):
        monkeypatch.setenv(name, "another")
    settings.STORAGES = with_store_options()
    storage.upload_file(key, b"body")

    assert b"".join(storage.download_file(key)) == b"body"
