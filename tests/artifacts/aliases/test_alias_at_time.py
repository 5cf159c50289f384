"""Where an alias was at a moment that is over, and what a name led to then."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock

from accounts.actor import Actor, Channel
from artifacts import name_resolution, versions
from artifacts.aliases import aliases
from artifacts.errors import VersionNotFound
from artifacts.lineage import usages
from artifacts.models import AliasChange, ArtifactUsage
from tests.artifacts.client import fill, log

RESOLVE = "/api/v1/artifacts/resolve"


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases"


@pytest.fixture
def days(bob, artifact, v1, v2) -> dict[str, datetime]:
    """Moments before, between and after: production at v1, at v2, removed, at v1 again."""
    moments = {"before": clock.now()}
    for name, to in (("v1", v1), ("v2", v2), ("removed", None), ("again", v1)):
        aliases.update_many(Actor(bob, Channel.SDK), artifact, {"production": to})
        moments[name] = clock.now()
    return moments


def test_where_it_was(api, vera, url, artifact, days, v1):
    client = api(vera)
    row = {name: client.get(f"{url}/production", {"at": moment.isoformat()}) for name, moment in days.items()}

    assert {name: answer.status_code for name, answer in row.items()} == {
        "before": 404, "v1": 200, "v2": 200, "removed": 404, "again": 200,
    }  # fmt: skip
    assert [row[name].json()["version"] for name in ("v1", "v2", "again")] == ["v1", "v2", "v1"]
    assert row["before"].json()["code"] == row["removed"].json()["code"] == "AliasNotFound"
    body = row["v1"].json()
    made = AliasChange.objects.get(alias="production", number=1)
    assert body == {
        "artifact_id": str(artifact.pk),
        "alias": "production",
        "at": days["v1"].isoformat().replace("+00:00", "Z"),
        "version_id": str(v1.pk),
        "version": "v1",
        "since": made.created_at.isoformat().replace("+00:00", "Z"),
        "changed_by": "bob",
        "reason": "",
        "version_detail": client.get(f"{url}/production").json()["version_detail"],
    }


def test_a_change_counts_from_its_own_moment_on(api, vera, url, days):
    moved = AliasChange.objects.get(alias="production", number=2).created_at
    client = api(vera)

    assert client.get(f"{url}/production", {"at": moved.isoformat()}).json()["version"] == "v2"
    just_before = (moved - timedelta(microseconds=1)).isoformat()
    assert client.get(f"{url}/production", {"at": just_before}).json()["version"] == "v1"


def test_every_way_to_write_a_moment(api, vera, url, days):
    moment = days["v2"]
    for zone in (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-12))):
        text = moment.astimezone(zone).isoformat()
        for at in (text, text.lower()):
            assert api(vera).get(f"{url}/production", {"at": at}).json()["version"] == "v2"
        # Nobody remembers that + is a space in a query.
        assert api(vera).get(f"{url}/production?at={text}").json()["version"] == "v2"
    zulu = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
    for at in (f"{zulu}Z", f"{zulu}z", f"{zulu}999Z"):
        assert api(vera).get(f"{url}/production", {"at": at}).json()["version"] == "v2"


NO_MOMENTS = [
    "", " ", "now", "yesterday", "0", "1780000000", "2026-05-03", "12:00:00Z", "2026-05-03T12:00:00",
    "2026-05-03 12:00Z", "2026-05-03T12:00Z", "2026-05-03T12:00:00 Z", "2026-13-03T12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-05-03T25:00:00Z", "2026-05-03T23:59:60Z", "2026-05-03T12:00:00+25:00", "2026-05-03T12:00:00+0200",
    "2026-05-03T12:00:00,5Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "20260503T120000Z", "2026-W18-7T12:00:00Z", "٢٠٢٦-05-03T12:00:00Z", "2026-05-03T12:00:00Z\n", "x" * 9000,
]  # fmt: skip


def test_what_is_no_moment_is_refused(api, vera, bob, run, url, v1):
    reader, editor = api(vera), api(bob)
    for at in NO_MOMENTS:
        answer = reader.get(f"{url}/latest", {"at": at})
        found = (answer.status_code, answer.json()["code"], list(answer.json()["errors"]))
        assert found == (400, "Invalid", ["at"]), at
        assert reader.get(RESOLVE, {"name": "acme/demo/data", "at": at}).status_code == 400, at
        used = editor.post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data", "at": at})
        assert used.status_code == 400, at


@pytest.mark.parametrize("at", [7, 7.5, True, [], {}])
def test_what_is_no_text_is_refused(api, bob, run, v1, at):
    assert api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data", "at": at}).status_code == 400


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=1)])
def test_the_future_is_not_known(api, vera, bob, run, url, v1, ahead):
    at = (clock.now() + ahead).isoformat()
    for answer in (
        api(vera).get(f"{url}/latest", {"at": at}),
        api(vera).get(RESOLVE, {"name": "acme/demo/data", "at": at}),
        api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data", "at": at}),
    ):
        assert (answer.status_code, "future" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("seconds", [3, 20])
def test_now_on_a_fast_clock_is_now(api, vera, bob, run, url, v1, seconds):
    at = (clock.now() + timedelta(seconds=seconds)).isoformat()
    answer = api(vera).get(f"{url}/latest", {"at": at}).json()

    assert (answer["version"], datetime.fromisoformat(answer["at"]) <= clock.now()) == ("v1", True)
    resolved = api(vera).get(RESOLVE, {"name": "acme/demo/data", "at": at}).json()
    assert resolved["version"]["version"] == "v1"
    usage = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data", "at": at}).json()
    assert usage["version"]["version"] == "v1"


def test_the_distant_past_is_known(api, vera, url, v1):
    answer = api(vera).get(f"{url}/latest", {"at": "0001-01-01T00:00:00Z"})

    assert (answer.status_code, answer.json()["code"]) == (404, "AliasNotFound")


def test_an_alias_that_never_was(api, vera, url, v1):
    answer = api(vera).get(f"{url}/nope", {"at": clock.now().isoformat()})

    assert (answer.status_code, answer.json()["code"]) == (404, "AliasNotFound")


def test_a_version_that_was_deleted_since_is_still_named(api, vera, bob, url, days, artifact, v2):
    versions.delete(Actor(bob, Channel.SDK), v2)
    for _ in range(2):
        body = api(vera).get(f"{url}/production", {"at": days["v2"].isoformat()}).json()
        assert (body["version"], body["version_id"], body["version_detail"]) == ("v2", str(v2.pk), None)
        artifact.versions.filter(pk=v2.pk).delete()


def test_a_name_leads_to_what_it_led_to_then(api, vera, days):
    for name, version in (("v1", "v1"), ("v2", "v2"), ("again", "v1")):
        answer = api(vera).get(RESOLVE, {"name": "acme/demo/data:production", "at": days[name].isoformat()})
        body = answer.json()
        assert (body["version"]["version"], body["alias"]) == (version, "production")
    for name in ("before", "removed"):
        answer = api(vera).get(RESOLVE, {"name": "acme/demo/data:production", "at": days[name].isoformat()})
        assert (answer.status_code, answer.json()["code"]) == (404, "AliasNotFound")


def test_a_name_alone_led_to_the_latest_of_then(vera, bob, artifact, days):
    log(bob, artifact, {"three": b"3"})

    assert name_resolution.resolve(vera, "acme/demo/data").version.version == "v3"
    assert name_resolution.resolve(vera, "acme/demo/data", at=days["before"]).version.version == "v2"


def test_a_name_that_led_to_a_deleted_version(api, vera, bob, run, days, v2):
    versions.delete(Actor(bob, Channel.SDK), v2)
    at = days["v2"].isoformat()
    for answer in (
        api(vera).get(RESOLVE, {"name": "acme/demo/data:production", "at": at}),
        api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", {"name": "data:production", "at": at}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "VersionNotFound")
        assert "v2" in answer.json()["detail"] and "deleted" in answer.json()["detail"]
    assert not ArtifactUsage.objects.exists()


def test_a_version_is_itself_once_it_was_there(vera, bob, artifact, days):
    v3 = log(bob, artifact, {"three": b"3"})

    assert name_resolution.resolve(vera, "acme/demo/data:v2", at=days["before"]).version.version == "v2"
    assert name_resolution.resolve(vera, "acme/demo/data", version="v2", at=days["before"]).version.version == "v2"
    with pytest.raises(VersionNotFound):
        name_resolution.resolve(vera, "acme/demo/data", version="v3", at=days["again"])
    with pytest.raises(VersionNotFound):
        name_resolution.resolve(vera, "acme/demo/data:v3", at=days["again"])
    assert name_resolution.resolve(vera, "acme/demo/data:v3", at=clock.now()).version == v3


def test_a_version_that_was_not_there_then(vera, bob, artifact, v1, v2):
    then = clock.now()
    v3 = log(bob, artifact, {"three": b"3"})

    assert name_resolution.resolve(vera, "acme/demo/data:v3").version == v3
    with pytest.raises(VersionNotFound):
        name_resolution.resolve(vera, "acme/demo/data:v3", at=then)


def test_the_name_of_a_version_never_becomes_an_alias(vera, bob, artifact, v1, v2):
    """Neither when its version is deleted, nor for the time before it was finalized."""
    draft = fill(bob, artifact, {"three": b"3"})
    before = clock.now()
    for number, version in (("v2", v1), ("v3", v1)):
        aliases.move(Actor(bob, Channel.SDK), artifact, number, version)
    then = clock.now()
    assert name_resolution.resolve(vera, "acme/demo/data:v2", at=then).version == v2
    versions.delete(Actor(bob, Channel.SDK), v2)
    versions.finalize(Actor(bob, Channel.SDK), draft)

    for name, at in (("v2", then), ("v2", None), ("v3", then), ("v3", before)):
        with pytest.raises(VersionNotFound):
            name_resolution.resolve(vera, f"acme/demo/data:{name}", at=at)


def test_a_run_uses_what_it_was_then(api, bob, run, days, v1, v2):
    body = {"name": "data", "alias": "production", "at": days["v2"].isoformat()}
    answer = api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", body)

    assert (answer.status_code, answer.json()["version"]["version"], answer.json()["alias"]) == (
        200,
        "v2",
        "production",
    )
    assert ArtifactUsage.objects.get().version == v2
    assert (
        api(bob).post(f"/api/v1/runs/{run.pk}/use-artifact", body | {"at": None}).json()["version"]["version"] == "v1"
    )
    assert usages.use(Actor(bob), run, "data:production", at=days["v1"]).resolved.version == v1


def test_who_may_ask(api, mallory, url, days):
    at = days["v1"].isoformat()

    assert api(mallory).get(f"{url}/production", {"at": at}).status_code == 404
    assert api(mallory).get(RESOLVE, {"name": "acme/demo/data:production", "at": at}).status_code == 404


def test_it_costs_the_same_however_long_the_record_is(
    api, vera, bob, url, artifact, days, v1, v2, django_assert_num_queries
):
    client, at = api(vera), {"at": days["v1"].isoformat()}
    client.get(f"{url}/production", at)
    for number in range(20):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", (v1, v2)[number % 2])
    # Key, artifact, change, version, its aliases.
    with django_assert_num_queries(5):
        assert client.get(f"{url}/production", at).json()["version"] == "v1"
