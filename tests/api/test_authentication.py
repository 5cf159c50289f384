"""Sign-in by key, and what a key of scope `read` may not."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.actor import Actor
from accounts.models import ApiKey, Scope


def me(header: str | None):
    client = APIClient(raise_request_exception=False)
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    return client.get("/api/v1/me")


@pytest.fixture
def value(alice) -> str:
    return keys.create(Actor(alice), "laptop")[1]


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
def test_both_schemes_sign_in(value, scheme):
    assert me(f"{scheme} {value}").json()["username"] == "alice"


def test_nobody_is_redirected_to_sign_in(db):
    answer = me(None)

    assert (answer.status_code, answer.json()["code"]) == (401, "NotAuthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "x",
        "wllm_",
        "wllm_" + "0" * 64,
        "wllm_é" + "0" * 60,
        "a b c",
        "\x00",
        "wllm_" + "0" * 100_000,
        "€",
        "\xff\xfe",
    ],
)
def test_what_is_no_key_is_refused(value, odd):
    answer = me(f"Bearer {odd}")

    assert (answer.status_code, answer.json()["code"]) == (401, "AuthenticationFailed")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_key_with_one_character_changed_is_refused(value):
    last = "0" if value[-1] != "0" else "1"
    assert me(f"Bearer {value[:-1]}{last}").status_code == 401


def test_an_expired_key_is_refused_and_kept(alice):
    key, value = keys.create(Actor(alice), "old", expires_at=timezone.now() + timedelta(hours=1))
    ApiKey.objects.filter(pk=key.pk).update(expiry=timezone.now() - timedelta(seconds=1))

    answer = me(f"Bearer {value}")
    assert answer.status_code == 401
    assert "'old' expired at" in answer.json()["detail"]
    assert ApiKey.objects.filter(pk=key.pk).exists()


def test_a_deactivated_account_is_out(alice, value):
    alice.is_active = False
    alice.save()

    answer = me(f"Bearer {value}")
    assert (answer.status_code, answer.json()["detail"]) == (401, "This account is deactivated.")


def test_a_revoked_key_is_out_at_once(alice, value):
    keys.revoke(Actor(alice), alice.api_keys.get())
    assert me(f"Bearer {value}").status_code == 401


def test_use_is_noted_at_most_once_a_minute(alice, value, django_assert_num_queries):
    me(f"Bearer {value}")
    noted = alice.api_keys.get().last_used_at
    assert noted is not None

    with django_assert_num_queries(2):  # the key, the teams
        me(f"Bearer {value}")
    assert alice.api_keys.get().last_used_at == noted

    alice.api_keys.update(last_used_at=noted - timedelta(days=2))  # by `recorded_uses`
    me(f"Bearer {value}")
    assert alice.api_keys.get().last_used_at > noted


def test_a_read_key_reads_and_does_not_write(api, alice):
    reader = api(alice, Scope.READ)

    assert reader.get("/api/v1/teams").status_code == 200
    assert reader.head("/api/v1/teams").status_code == 200
    assert reader.options("/api/v1/teams").status_code == 200
    answer = reader.post("/api/v1/teams", {"name": "pirates"})
    assert (answer.status_code, answer.json()["code"]) == (403, "ReadOnlyKey")


def test_me_names_user_and_key(api, acme, alice):
    answer = api(alice).get("/api/v1/me").json()

    assert (answer["username"], answer["email"], answer["is_staff"]) == ("alice", "alice@example.org", False)
    assert answer["default_team"] == "alice"
    assert [(team["name"], team["role"], team["is_personal"]) for team in answer["teams"]] == [
        ("alice", "admin", True),
        ("acme", "admin", False),
    ]
    assert answer["key"]["scope"] == "write"
    assert answer["key"]["expires_at"] is None


def test_a_session_signs_in_with_csrf(alice):
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert browser.get("/api/v1/me").json()["key"] is None
    refused = browser.post("/api/v1/teams", {"name": "pirates"})
    assert (refused.status_code, refused.json()["code"]) == (403, "Denied")
