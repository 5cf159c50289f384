"""Small objects by which clients try the way to the object store."""

import urllib.request
from datetime import timedelta
from urllib.error import HTTPError
from uuid import UUID

import pytest
from django.utils import timezone

from artifacts import storage, store_probes
from wanllmdb.sdk import __version__


@pytest.fixture(autouse=True)
def bucket(store) -> None:
    storage.ensure_bucket()


def keys() -> list[str]:
    return [info.key for info in storage.list_files(store_probes.PREFIX)]


def put(upload: dict, content: bytes) -> int:
    request = urllib.request.Request(upload["url"], content, upload["headers"], method="PUT")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status
    except HTTPError as refusal:
        with refusal:
            return refusal.code


def test_a_probe_goes_to_the_store_and_back_and_is_deleted(api, bob, mallory):
    client = api(bob)
    created = client.post("/api/v1/store-probes")
    assert created.status_code == 201
    probe = created.json()
    assert keys() == []

    assert put(probe["upload"], probe["content"].encode()) == 200
    with urllib.request.urlopen(probe["download_url"]) as response:
        assert response.read().decode() == probe["content"]
    assert api(mallory).delete(f"/api/v1/store-probes/{probe['id']}").status_code == 204
    assert len(keys()) == 1
    assert client.delete(f"/api/v1/store-probes/{probe['id']}").status_code == 204
    assert keys() == []
    # It may have gone already, or never come.
    assert client.delete(f"/api/v1/store-probes/{probe['id']}").status_code == 204


def test_nothing_else_can_be_kept_there(api, bob):
    probe = api(bob).post("/api/v1/store-probes").json()
    assert put(probe["upload"], b"x" * len(probe["content"])) == 400
    assert put(probe["upload"], b"x" * 1000) in (400, 403)
    assert keys() == []


def test_those_that_were_never_deleted_go_once_they_have_expired(api, bob):
    fresh = api(bob).post("/api/v1/store-probes").json()
    put(fresh["upload"], fresh["content"].encode())
    long_ago = int((timezone.now() - timedelta(hours=3)).timestamp() * 1000)
    storage.upload_file(f"{store_probes.PREFIX}{UUID(int=long_ago << 80)}/x", b"x")

    api(bob).post("/api/v1/store-probes")
    assert keys() == [f"{store_probes.PREFIX}{fresh['id']}/{bob.pk}"]
    storage.delete_files(keys())


def test_visitors_get_no_probe(client):
    assert client.post("/api/v1/store-probes").status_code == 401
    assert client.get("/api/v1/server").status_code == 401


def test_the_server_says_its_version_which_is_that_of_the_sdk(api, vera):
    answer = api(vera).get("/api/v1/server").json()
    assert (answer["version"], answer["oldest_client_version"] <= __version__) == (__version__, True)
