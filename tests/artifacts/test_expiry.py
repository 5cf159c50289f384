"""A TTL: the version is deleted once its time is over, unless something holds it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import expiry, versions
from artifacts.aliases import aliases, protection
from artifacts.errors import VersionNotFound
from artifacts.models import AliasChange, ArtifactVersion, VersionHold
from core import errors
from events.models import Event
from tests.artifacts.client import begin, log

ARTIFACTS = "/api/v1/artifacts"
DAY = timedelta(days=1)


def expire(*rows: ArtifactVersion) -> None:
    for row in rows:
        ArtifactVersion.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def is_there(version: ArtifactVersion) -> bool:
    return ArtifactVersion.objects.finalized().filter(pk=version.pk).exists()


def test_a_version_that_expired_is_deleted_and_others_are_not(bob, artifact, v1, v2):
    v3 = log(bob, artifact, {"three": b"3"})
    versions.describe(Actor(bob), v2, ttl=DAY)
    expire(v1)

    assert expiry.delete_expired() == 1
    assert [is_there(version) for version in (v1, v2, v3)] == [False, True, True]
    assert expiry.delete_expired() == 0
    artifact.refresh_from_db()
    assert artifact.version_count == 2


def test_its_aliases_go_and_latest_falls_back(bob, artifact, v1, v2):
    aliases.move(Actor(bob), artifact, "best", v2)
    expire(v2)

    assert expiry.delete_expired() == 1
    assert dict(artifact.alias_set.values_list("alias", "version__number")) == {"latest": 1}
    change = AliasChange.objects.filter(alias="best").latest("number")
    assert (change.channel, change.changed_by, change.reason) == (Channel.WORKER, None, expiry.REASON)
    event = Event.objects.get(kind="version.deleted")
    assert event.message == "v2 of acme/demo/data was deleted: its TTL is over"


def test_a_protected_alias_holds_it_until_it_moves(alice, bob, artifact, v1, v2):
    aliases.move(Actor(alice), artifact, "production", v1)
    protection.create(Actor(alice), artifact, "production")
    expire(v1)

    assert expiry.delete_expired() == 0
    assert is_there(v1)
    aliases.move(Actor(alice), artifact, "production", v2)
    assert expiry.delete_expired() == 1


def test_a_record_that_refers_to_it_holds_it(bob, artifact, project, v1, v2):
    VersionHold.objects.create(version=v1, project=project, label="a record", is_protecting=True)
    expire(v1, v2)

    assert expiry.delete_expired() == 1
    assert (is_there(v1), is_there(v2)) == (True, False)


def test_those_that_are_held_do_not_keep_others_back(alice, bob, artifact, monkeypatch):
    monkeypatch.setattr(expiry, "_BATCH_SIZE", 2)
    rows = [log(bob, artifact, {"a": b"%d" % number}) for number in range(5)]
    for row in rows[:3]:
        aliases.move(Actor(alice), artifact, f"kept-{row.number}", row)
    protection.create(Actor(alice), artifact, "kept-*")
    expire(*rows)

    assert expiry.delete_expired() == 2
    assert [is_there(row) for row in rows] == [True, True, True, False, False]


def test_a_sweep_ends(bob, artifact, monkeypatch):
    monkeypatch.setattr(expiry, "MAX_DELETED", 2)
    expire(*[log(bob, artifact, {"a": b"%d" % number}) for number in range(3)])

    assert [expiry.delete_expired() for _ in range(3)] == [2, 1, 0]


def test_those_that_are_held_take_no_place_in_a_sweep(alice, bob, artifact, v1, v2, monkeypatch):
    monkeypatch.setattr(expiry, "MAX_DELETED", 1)
    aliases.move(Actor(alice), artifact, "production", v1)
    protection.create(Actor(alice), artifact, "production")
    expire(v1, v2)

    assert expiry.delete_expired() == 1
    assert (is_there(v1), is_there(v2)) == (True, False)


def test_what_is_logged_again_does_not_go_with_a_version_that_expired(bob, artifact):
    first = log(bob, artifact, {"a": b"a"})
    begun = begin(bob, artifact, {"a": b"a"})
    assert (begun.version, begun.created) == (first, False)
    expire(first)

    again = log(bob, artifact, {"a": b"a"})
    assert expiry.delete_expired() == 1
    assert (is_there(first), is_there(again)) == (False, True)
    assert again.expires_at is None


def test_a_draft_lives_until_it_is_finalized_or_given_up(bob, artifact):
    draft = begin(bob, artifact, {"a": b"a"}, ttl=DAY).version
    expire(draft)

    assert expiry.delete_expired() == 0
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_the_ttl_counts_from_when_it_was_made(api, bob, v1, age):
    age(days=2)
    client, url = api(bob), f"{ARTIFACTS}/versions/{v1.pk}"
    answer = client.patch(url, {"ttl_seconds": 3 * 86400})

    assert answer.status_code == 200
    assert answer.json()["ttl_seconds"] == 3 * 86400
    v1.refresh_from_db()
    assert v1.expires_at == v1.created_at + 3 * DAY
    assert client.patch(url, {"ttl_seconds": None}).json()["expires_at"] is None
    v1.refresh_from_db()
    assert (v1.expires_at, v1.ttl) == (None, None)


def test_one_that_is_over_already_is_refused(api, bob, v1, age):
    age(days=2)
    answer = api(bob).patch(f"{ARTIFACTS}/versions/{v1.pk}", {"ttl_seconds": 86400})

    assert answer.status_code == 400
    assert "it would have expired already" in answer.json()["detail"]


@pytest.mark.parametrize("seconds", [0, -1, 10**12, "soon", 1.5])
def test_odd_ones_are_refused(api, bob, v1, seconds):
    assert api(bob).patch(f"{ARTIFACTS}/versions/{v1.pk}", {"ttl_seconds": seconds}).status_code == 400


@pytest.mark.parametrize("ttl", [timedelta(0), -DAY, 40_000 * DAY])
def test_the_verb_refuses_odd_ones_too(bob, artifact, v1, ttl):
    with pytest.raises(errors.Invalid):
        versions.describe(Actor(bob), v1, ttl=ttl)
    if ttl:
        with pytest.raises(errors.Invalid):
            begin(bob, artifact, {"b": b"b"}, ttl=ttl)


def test_a_version_that_was_deleted_meanwhile_gets_no_more_time(bob, artifact, v1, v2):
    read_before = ArtifactVersion.objects.select_related("artifact__project__team").get(pk=v1.pk)
    expire(v1)
    expiry.delete_expired()

    with pytest.raises(VersionNotFound, match="deleted"):
        versions.describe(Actor(bob), read_before, ttl=None)


def test_one_that_got_more_time_meanwhile_stays(bob, v1):
    expire(v1)
    read_before = ArtifactVersion.objects.select_related("artifact__project__team").get(pk=v1.pk)
    versions.describe(Actor(bob), v1, ttl=None)

    assert expiry._delete(read_before) is False
    assert is_there(v1)
