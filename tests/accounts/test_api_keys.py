"""API keys: made, shown once, used, taken back."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from knox.crypto import hash_token

from accounts import keys
from accounts.actor import Actor
from accounts.models import ApiKey, Scope
from core import errors


def test_the_value_is_given_once_and_only_a_hash_is_kept(alice):
    key, value = keys.create(Actor(alice), "laptop")

    # The form that every version of the wandb client takes.
    assert re.fullmatch("wllm-[0-9a-f]{40}", value)
    assert value.startswith(key.prefix)
    kept = [str(column) for column in ApiKey.objects.values_list().get()]
    assert not any(value in column for column in kept)
    assert (key.scope, key.expiry, key.last_used_at) == (Scope.WRITE, None, None)


def test_keys_of_the_form_before_go_on_working(api, alice):
    value = f"wllm_{'0123456789abcdef' * 4}"
    ApiKey.objects.create(user=alice, name="old", digest=hash_token(value), token_key=value[:15])
    client = api()

    client.credentials(HTTP_AUTHORIZATION=f"Bearer {value}")
    assert client.get("/api/v1/me").json()["username"] == "alice"
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {value[:-1]}0")
    assert client.get("/api/v1/me").status_code == 401


def test_a_key_cannot_be_born_expired(alice):
    with pytest.raises(errors.Invalid):
        keys.create(Actor(alice), "late", expires_at=timezone.now() - timedelta(seconds=1))


def test_keys_are_revoked_by_their_user_or_staff(alice, mallory):
    mine, _ = keys.create(Actor(alice), "laptop")
    other, _ = keys.create(Actor(alice), "server")

    with pytest.raises(errors.Denied):
        keys.revoke(Actor(mallory), mine)
    keys.revoke(Actor(alice), mine)
    keys.revoke(Actor(mallory, is_staff=True), other)
    assert not alice.api_keys.exists()


def test_the_api_lists_creates_and_revokes(api, alice):
    made = api(alice).post("/api/v1/keys", {"name": "ci", "scope": "read", "expires_in": 3600})
    assert made.status_code == 201
    assert made.json()["value"].startswith(made.json()["prefix"])
    assert made.json()["scope"] == "read"

    listed = api(alice).get("/api/v1/keys").json()
    assert made.json()["id"] in [item["id"] for item in listed["items"]]
    assert all("value" not in item for item in listed["items"])

    assert api(alice).delete(f"/api/v1/keys/{made.json()['id']}").status_code == 204
    assert api(alice).delete(f"/api/v1/keys/{made.json()['id']}").status_code == 404


def test_a_key_of_somebody_else_is_not_there(api, alice, mallory):
    key, _ = keys.create(Actor(alice), "laptop")

    assert api(mallory).delete(f"/api/v1/keys/{key.pk}").status_code == 404
    assert key.pk not in [item["id"] for item in api(mallory).get("/api/v1/keys").json()["items"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "two\nlines"},
        {"name": "\u202egnp.exe"},
        {"name": "x" * 101},
        {"name": "x", "scope": "admin"},
        {"name": "x", "expires_in": 0},
        {"name": "x", "expires_in": 10**12},
        {"name": "x", "expires_in": 60, "expires_at": "2999-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "x", "expires_at": "soon"},
        [],
        "name",
    ],
)
def test_a_key_without_sense_is_refused(api, alice, body):
    answer = api(alice).post("/api/v1/keys", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")


def test_the_list_costs_three_queries_however_long_it_is(api, alice, django_assert_num_queries):
    client = api(alice)
    for number in range(5):
        keys.create(Actor(alice), f"key {number}")
    client.get("/api/v1/me")  # Its use is noted once a minute.
    with django_assert_num_queries(3):
        assert client.get("/api/v1/keys").json()["total"] == 6
