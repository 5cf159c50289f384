"""The record of aliases as the API tells it: newest first, page by page, also of what is gone."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from accounts import keys
from accounts.actor import Actor, Channel
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.models import AliasChange

KEYS = {
    "id", "alias", "number", "from_version_id", "from_version", "to_version_id", "to_version", "changed_by", "face",
    "key", "reason", "is_rollback", "proposal_id", "created_at",
}  # fmt: skip


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases"


def steps(answer) -> list[tuple[str, str | None, str | None]]:
    return [(item["alias"], item["from_version"], item["to_version"]) for item in answer.json()["items"]]


def walk(client, url: str, limit: int) -> list[dict]:
    """All items, page by page."""
    row, cursor = [], ""
    while cursor is not None:
        page = client.get(url, {"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["items"]) <= limit
        assert page["next_cursor"] is None or len(page["items"]) == limit
        row += page["items"]
        cursor = page["next_cursor"]
    return row


def test_every_change_of_one_alias(api, vera, bob, url, artifact, v1, v2):
    key, _ = keys.issue(user=bob, name="robot")
    aliases.move(Actor(bob, Channel.SDK, key=key, reason="First"), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.WEB), artifact, "production", v2)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")
    answer = api(vera).get(f"{url}/production/history")

    assert answer.status_code == 200
    assert steps(answer) == [("production", "v2", None), ("production", "v1", "v2"), ("production", None, "v1")]
    last, moved, made = answer.json()["items"]
    assert made.keys() == KEYS
    assert [item["number"] for item in (made, moved, last)] == [1, 2, 3]
    assert (made["changed_by"], made["key"], made["face"], made["reason"]) == ("bob", "robot", "sdk", "First")
    assert (moved["key"], moved["face"], moved["proposal_id"]) == (None, "web", None)
    assert (moved["from_version_id"], moved["to_version_id"]) == (str(v1.pk), str(v2.pk))
    assert (made["from_version_id"], last["to_version_id"]) == (None, None)


def test_every_change_of_all_aliases(api, vera, bob, url, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v2)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")

    assert steps(api(vera).get(f"{url}/history")) == [
        ("production", "v1", None),
        ("staging", None, "v2"),
        ("production", None, "v1"),
        ("latest", "v1", "v2"),
        ("latest", None, "v1"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_page_by_page_nothing_is_lost_and_nothing_comes_twice(api, vera, bob, url, artifact, v1, v2, limit):
    for number in range(7):
        to = (v1, v2)[number % 2]
        aliases.update_many(Actor(bob, Channel.SDK), artifact, {"production": to, f"a{number}": to})
    client = api(vera)

    one = walk(client, f"{url}/production/history", limit)
    assert [item["number"] for item in one] == list(range(7, 0, -1))
    assert all(newer["from_version_id"] == older["to_version_id"] for newer, older in pairwise(one))
    everything = walk(client, f"{url}/history", limit)
    assert len({item["id"] for item in everything}) == len(everything) == AliasChange.objects.count() == 16
    times = [item["created_at"] for item in everything]
    assert times == sorted(times, reverse=True)


def test_changes_of_one_moment_keep_their_order(api, vera, bob, url, artifact, v1, v2):
    """A clock that stood still, or went back, gives one time to many changes."""
    moment = timezone.now() + timedelta(minutes=5)
    aliases.move(Actor(bob, Channel.SDK), artifact, "b", v1)
    last = AliasChange.objects.of(artifact, "b").get()
    for number in range(2, 8):
        at, after = ((v1, v2), (v2, v1))[number % 2]
        AliasChange.objects.create(
            artifact=artifact, artifact_name=last.artifact_name, alias="b", number=number, from_version=at,
            from_number=at.number, to_version=after, to_number=after.number, channel=Channel.WORKER, created_at=moment,
        )  # fmt: skip
    everything = walk(api(vera), f"{url}/history", 2)

    assert [item["number"] for item in everything if item["alias"] == "b"] == [7, 6, 5, 4, 3, 2, 1]
    assert everything[0]["changed_by"] is None


@pytest.mark.parametrize(("path", "numbers"), [("production/history", [1]), ("history", [1, 2, 1])])
def test_pages_hold_still_while_things_move(api, vera, bob, url, artifact, v1, v2, path, numbers):
    for to in (v1, v2, v1):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", to)
    first = api(vera).get(f"{url}/{path}", {"limit": 2}).json()
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    rest = api(vera).get(f"{url}/{path}", {"cursor": first["next_cursor"]}).json()

    assert [item["number"] for item in rest["items"]] == numbers


def test_what_it_lists_may_be_gone(api, alice, bob, vera, url, artifact, v1, v2):
    key, _ = keys.issue(user=bob, name="robot")
    aliases.move(Actor(bob, Channel.API, key=key), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    versions.delete(Actor(bob, Channel.SDK), v1)
    artifact.versions.filter(pk=v1.pk).delete()
    key.delete()
    made = api(vera).get(f"{url}/production/history").json()["items"][-1]

    assert (made["to_version"], made["to_version_id"], made["key"]) == ("v1", str(v1.pk), "robot")


def test_an_alias_that_was_removed_still_has_its_history(api, vera, bob, url, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")

    assert api(vera).get(f"{url}/production").status_code == 404
    assert len(steps(api(vera).get(f"{url}/production/history"))) == 2


@pytest.mark.parametrize("alias", ["nope", "a b", "é", "x" * 300, "history"])
def test_an_alias_that_never_was(api, vera, url, v1, alias):
    answer = api(vera).get(f"{url}/{alias}/history")

    assert (answer.status_code, answer.json()["code"], answer.json()["aliases"]) == (404, "AliasNotFound", ["latest"])


def test_an_artifact_without_aliases_has_an_empty_record(api, vera, url):
    assert api(vera).get(f"{url}/history").json() == {"items": [], "next_cursor": None}
    assert api(vera).get(f"{url}/latest/history").status_code == 404


@pytest.mark.parametrize(
    "cursor",
    ["garbage", "MQ", "LTE", "MTA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "A", "%00", "x" * 3000],
)  # fmt: skip
def test_odd_cursors_are_refused_or_lead_past_the_end(api, vera, url, v1, cursor):
    client = api(vera)

    assert client.get(f"{url}/history?cursor={cursor}").status_code == 400
    answer = client.get(f"{url}/latest/history?cursor={cursor}")
    assert answer.status_code in (200, 400)


def test_a_cursor_of_another_artifact_is_refused(api, vera, bob, url, artifact, other, v1, v2):
    theirs = api(vera).get(f"{url}/history", {"limit": 1}).json()["next_cursor"]
    answer = api(vera).get(f"/api/v1/artifacts/{other.pk}/aliases/history", {"cursor": theirs})

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
def test_odd_limits_are_refused(api, vera, url, v1, limit):
    for path in ("history", "latest/history"):
        assert api(vera).get(f"{url}/{path}?limit={limit}").status_code == 400


def test_who_may_read(api, mallory, vera, url, v1):
    for path in ("history", "latest/history"):
        assert api(mallory).get(f"{url}/{path}").status_code == 404
        assert api(vera).get(f"{url}/{path}").status_code == 200


def test_nobody_changes_it(api, alice, url, v1):
    for method in ("post", "put", "patch", "delete"):
        for path in ("history", "latest/history"):
            assert getattr(api(alice), method)(f"{url}/{path}").status_code == 405


def test_with_the_artifact_it_goes_from_sight_and_stays(api, alice, vera, url, artifact, v1):
    artifacts.delete(Actor(alice, Channel.SDK), artifact)

    assert api(vera).get(f"{url}/history").status_code == 404
    assert AliasChange.objects.filter(artifact_name="acme/demo/data", alias="latest").exists()


def test_a_page_costs_the_same_wherever_it_is(api, vera, bob, url, artifact, v1, v2, django_assert_num_queries):
    for number in range(30):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", (v1, v2)[number % 2])
    client = api(vera)
    client.get(f"{url}/history")
    for path, more in ((f"{url}/history", 1), (f"{url}/production/history", 0)):
        # Key, artifact, rows; and the row that the cursor stands for.
        with django_assert_num_queries(3):
            page = client.get(path, {"limit": 10}).json()
        with django_assert_num_queries(3 + more):
            assert len(client.get(path, {"limit": 10, "cursor": page["next_cursor"]}).json()["items"]) == 10
