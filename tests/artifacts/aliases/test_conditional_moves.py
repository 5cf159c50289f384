"""A move that says where it expects the alias is made only if it is there."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.http import HttpResponse

from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.aliases import aliases
from artifacts.errors import AliasMoved, AliasNotFound
from artifacts.models import AliasChange
from tests.artifacts.client import at_once, log

NOWHERE = str(UUID(int=7))


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases"


@pytest.fixture
def move(api, bob, url) -> Callable[..., HttpResponse]:
    """`move(v1, if_match=…, expected_version_id=…)`: bob moves production."""
    client = api(bob)

    def post(to, *, if_match=None, if_none_match=None, **body) -> HttpResponse:
        params = {"If-Match": if_match, "If-None-Match": if_none_match}
        headers = {name: value for name, value in params.items() if value is not None}
        return client.post(url, {"alias": "production", "version_id": str(to.pk), **body}, headers=headers)

    return post


def etag(version) -> str:
    return f'"{version.pk}"'


def is_at(artifact) -> str:
    return aliases.get(artifact, "production").version.version


def test_whatever_reads_or_moves_an_alias_returns_its_etag(api, bob, url, move, v1, v2):
    made, moved = move(v1), move(v2)
    rendered = api(bob).get(f"{url}/production")
    back = api(bob).post(f"{url}/production/rollback")

    assert [answer["ETag"] for answer in (made, moved, rendered, back)] == [etag(v1), etag(v2), etag(v2), etag(v1)]


def test_an_etag_that_still_holds_is_enough(api, bob, url, v1):
    client = api(bob)
    [tag] = {client.get(f"{url}/latest")["ETag"]}
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = client.get(f"{url}/latest", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)


def test_an_etag_that_no_longer_holds_is_answered_in_full(api, bob, url, artifact, v1):
    tag = api(bob).get(f"{url}/latest")["ETag"]
    v2 = log(bob, artifact, {"two": b"2"})
    for known in (tag, "garbage", '""', ""):
        answer = api(bob).get(f"{url}/latest", headers={"If-None-Match": known})
        assert (answer.status_code, answer["ETag"], answer.json()["version"]) == (200, etag(v2), "v2")


@pytest.mark.parametrize("params", ["header", "body", "both"])
def test_a_move_from_where_it_is(move, artifact, v1, v2, params):
    move(v1)
    header = {"if_match": etag(v1)} if params != "body" else {}
    body = {"expected_version_id": str(v1.pk)} if params != "header" else {}
    answer = move(v2, **header, **body)

    assert (answer.status_code, answer.json()["version"], is_at(artifact)) == (200, "v2", "v2")


@pytest.mark.parametrize("params", ["header", "body"])
def test_a_move_from_where_it_is_not(move, artifact, v1, v2, params):
    move(v1)
    answer = move(v2, if_match=etag(v2)) if params == "header" else move(v2, expected_version_id=str(v2.pk))

    assert answer.status_code == 409
    payloads = answer.json()
    assert (payloads["code"], payloads["alias"], payloads["version"], payloads["version_id"]) == (
        "AliasMoved", "production", "v1", str(v1.pk),
    )  # fmt: skip
    assert "v1" in payloads["detail"]
    assert is_at(artifact) == "v1"


@pytest.mark.parametrize("params", ["header", "body"])
def test_only_if_there_is_none(move, artifact, v1, v2, params):
    none = {"if_none_match": "*"} if params == "header" else {"expected_version_id": None}

    assert move(v1, **none).status_code == 201
    again = move(v2, **none)
    assert (again.status_code, again.json()["version"]) == (409, "v1")
    assert is_at(artifact) == "v1"


def test_null_is_not_the_same_as_silence(move, v1, v2):
    assert move(v1).status_code == 201
    assert move(v2).status_code == 200
    assert move(v1, expected_version_id=None).status_code == 409


def test_an_alias_that_is_gone_is_reported(move, api, bob, url, v1, v2):
    move(v1)
    api(bob).delete(f"{url}/production")
    answer = move(v2, if_match=etag(v1))

    assert (answer.status_code, answer.json()["code"]) == (409, "AliasMoved")
    assert (answer.json()["version"], answer.json()["version_id"]) == (None, None)


@pytest.mark.parametrize("expected", [NOWHERE, "foreign", "deleted"])
def test_ids_of_versions_that_it_cannot_be_at(move, bob, mallory, artifact, foreign, v1, v2, expected):
    move(v2)
    if expected == "foreign":
        expected = str(log(mallory, foreign, {"a": b"a"}).pk)
    elif expected == "deleted":
        versions.delete(Actor(bob, Channel.SDK), v1)
        expected = str(v1.pk)
    answer = move(v2, expected_version_id=expected)

    assert (answer.status_code, answer.json()["version"]) == (409, "v2")


def test_a_move_to_where_it_is_still_asks_where_it_is(move, v1, v2):
    move(v1)

    assert move(v1, if_match=etag(v2)).status_code == 409
    assert move(v1, if_match=etag(v1)).status_code == 200


@pytest.mark.parametrize(
    "tag",
    [
        "", " ", "*", '"*"', "{id}", 'W/"{id}"', '"{id}", "{id}"', '"{id}";', '"{id}', "'{id}'", '""', '"v1"',
        '"garbage"', '"{id}" x', '"{hex}"', '"{{{id}}}"', '"urn:uuid:{id}"', '"{upper}"',
        "null", "\xff", '"' + "a" * 5000 + '"',
    ],
)  # fmt: skip
def test_an_if_match_of_another_form_is_refused(move, artifact, v1, v2, tag):
    move(v1)
    text = str(v1.pk)
    answer = move(v2, if_match=tag.format(id=text, hex=v1.pk.hex, upper=text.upper()))

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert "If-Match" in answer.json()["detail"]
    assert is_at(artifact) == "v1"


@pytest.mark.parametrize("tag", ["", '"{id}"', 'W/"{id}"', "*, *", '"*"', "null"])
def test_an_if_none_match_of_another_form_is_refused(move, artifact, v1, v2, tag):
    move(v1)
    answer = move(v2, if_none_match=tag.format(id=v2.pk))

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert is_at(artifact) == "v1"


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"if_match": "v1"}, {"expected_version_id": "v2"}),
        ({"if_match": "v1"}, {"expected_version_id": None}),
        ({"if_none_match": "*"}, {"expected_version_id": "v1"}),
        ({"if_match": "v1", "if_none_match": "*"}, {}),
    ],
)
def test_expectations_that_differ_are_refused(move, artifact, v1, v2, header, body):
    move(v1)
    header = {name: etag(v1) if value == "v1" else value for name, value in header.items()}
    body = {name: str({"v1": v1, "v2": v2}[value].pk) if value else value for name, value in body.items()}
    answer = move(v2, **header, **body)

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert is_at(artifact) == "v1"


@pytest.mark.parametrize("expected", ["v1", "", 7.5, [], {}, "null", "x" * 5000])
def test_odd_ids_are_refused(move, artifact, v1, v2, expected):
    move(v1)
    answer = move(v2, expected_version_id=expected)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["expected_version_id"])
    assert is_at(artifact) == "v1"


def test_an_alias_is_removed_from_where_it_is(api, bob, move, url, artifact, v1, v2):
    move(v1)
    client, one = api(bob), f"{url}/production"

    refused = client.delete(one, headers={"If-Match": etag(v2)})
    assert (refused.status_code, refused.json()["version"]) == (409, "v1")
    assert client.delete(one, headers={"If-Match": "v1"}).status_code == 400
    assert client.delete(one, headers={"If-None-Match": "*"}).status_code == 409
    assert is_at(artifact) == "v1"
    assert client.delete(one, headers={"If-Match": etag(v1)}).status_code == 204
    assert client.delete(one, headers={"If-Match": etag(v1)}).status_code == 409
    assert client.delete(one).status_code == 404


def test_a_reason_is_kept(move, api, bob, url, v1, v2):
    move(v1, reason="It won\nby far ✓")
    api(bob).delete(f"{url}/production?reason=It+lost")

    assert list(AliasChange.objects.filter(alias="production").order_by("number").values_list("reason", flat=True)) == [
        "It won\nby far ✓",
        "It lost",
    ]


@pytest.mark.parametrize("reason", ["x" * 1001, None, ["x"]])
def test_odd_reasons_are_refused(move, artifact, v1, reason):
    answer = move(v1, reason=reason)

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["reason"])
    assert not artifact.alias_set.filter(alias="production").exists()


def test_a_reason_with_a_nul_is_refused(move, api, bob, url, artifact, v1):
    assert move(v1, reason="a\0b").status_code == 400
    assert api(bob).delete(f"{url}/latest?reason=a%00b").status_code == 400
    assert artifact.alias_set.get().alias == "latest"


def test_a_reason_of_a_thousand_characters(move, api, bob, url, v1):
    assert move(v1, reason="ä" * 1000).status_code == 201
    assert api(bob).delete(f"{url}/production?reason={'x' * 1001}").status_code == 400
    assert api(bob).delete(f"{url}/production?reason={'x' * 1000}").status_code == 204


def test_the_verb_says_the_same(bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1, None)
    with pytest.raises(AliasMoved) as refusal:
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2, v2.pk)
    assert refusal.value.extra == {"alias": "production", "version": "v1", "version_id": str(v1.pk)}
    with pytest.raises(AliasMoved):
        aliases.remove(Actor(bob, Channel.SDK), artifact, "production", v2.pk)
    with pytest.raises(AliasNotFound):
        aliases.remove(Actor(bob, Channel.SDK), artifact, "nope", None)


def test_a_viewer_learns_that_he_may_not_before_where_it_is(api, vera, url, v1):
    body = {"alias": "latest", "version_id": str(v1.pk), "expected_version_id": NOWHERE}

    assert api(vera).post(url, body).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_expect_the_same_one_wins(api, bob, url, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client, body = api(bob), {"alias": "production", "version_id": str(v2.pk)}
    answers = at_once(*[lambda: client.post(url, body, headers={"If-Match": etag(v1)})] * 10)

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert {answer.json()["version"] for answer in answers} == {"v2"}
    assert AliasChange.objects.filter(alias="production").count() == 2
