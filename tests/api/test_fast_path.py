"""The short way of the requests that come most: one query, and in everything else the answer of the view."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor, Channel
from accounts.models import ApiKey, Membership, Role, Scope, Team
from api.aliases.serializers import AliasDetailSerializer, AliasSerializer
from api.artifacts.serializers import ResolvedSerializer
from api.fast_path import keys, queries
from api.serialization import serialize
from artifacts import artifacts, links, name_resolution
from artifacts.aliases import aliases
from artifacts.models import AliasChange, ArtifactAlias, ArtifactVersion
from projects.models import Project, Run, Visibility

SHORT_WAY = {"X-Request-ID": "same"}
# What only the view answers, and as well as any other.
LONG_WAY = SHORT_WAY | {"Accept": "application/json, */*"}


@pytest.fixture
def aliases_url(bob, artifact, v1, v2) -> str:
    """Where the aliases of an artifact are; `production` is at v2."""
    artifacts.update(
        Actor(bob), artifact, tags=["b", "a"], description="Ratings, é and \u2028.", metadata={"rows": [1, None]}
    )
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    return f"/api/v1/artifacts/{artifact.pk}/aliases"


@pytest.fixture
def known(api):
    """`known(user)` sends a key that the fast path has seen before."""

    def client(user, **options):
        test_client = api(user, **options)
        assert test_client.get("/api/v1/me").status_code == 200
        assert test_client.get("/api/v1/artifacts/resolve?name=nobody/has/this").status_code == 404
        return test_client

    return client


def counted(act) -> tuple[object, int]:
    """The answer, and how many queries that took."""
    with CaptureQueriesContext(connection) as captured:
        answer = act()
    return answer, len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def answer_of(answer) -> tuple[int, bytes, dict[str, str]]:
    # Which methods there are is for who uses another one.
    headers = {name.lower(): value for name, value in answer.items() if name != "Allow"}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize(
    ("url", "queries_of_the_view"),
    [("{aliases_url}/production", 4), ("/api/v1/artifacts/resolve?name=acme/demo/data:production", 6)],
)
def test_an_alias_is_followed_in_one_query(known, vera, mallory, aliases_url, url, queries_of_the_view):
    client, url = known(vera), url.format(aliases_url=aliases_url)
    fast, queries = counted(lambda: client.get(url, headers=SHORT_WAY))
    long, more = counted(lambda: client.get(url, headers=LONG_WAY))

    assert answer_of(fast) == answer_of(long)
    assert (fast.status_code, queries, more) == (200, 1, queries_of_the_view)
    stranger = known(mallory)
    unseen, unseen_long = stranger.get(url, headers=SHORT_WAY), stranger.get(url, headers=LONG_WAY)
    assert answer_of(unseen) == answer_of(unseen_long)
    assert unseen.status_code == 404


ALIAS_PATHS = [
    "production", "latest", "v7", "v1", "staging", "history", "suggestions", "swap", "a%20b", "Production", "",
]  # fmt: skip
NAMES = [
    "acme/demo/data", "acme/demo/data:production", "acme%2Fdemo%2Fdata%3Aproduction", "ACME/demo/data:production",
    "acme/DEMO/data:production", "acme/demo/data:latest", "acme/demo/data:v1", "acme/demo/data:v7",
    "acme/demo/data:v99", "acme/demo/data:staging", "acme/demo/data:", "acme/demo/none:latest", "none/demo/data",
    "acme/demo", "data:latest", "acme/demo/data:a:b", "", "acme/demo/data:production&alias=latest",
    "acme/demo/data&alias=production", "acme/demo/data&version=v1", "acme/demo/data:production&type=model",
    "acme/demo/data:production&at=2000-01-01T00:00:00Z", "acme/demo/data:production&name=acme/demo/none",
]  # fmt: skip


@pytest.mark.parametrize("visibility", Visibility)
def test_every_answer_is_that_of_the_view(known, alice, vera, mallory, bob, artifact, aliases_url, v1, visibility):
    """Byte for byte, headers included, for members and strangers, with an alias that looks like a version."""
    ArtifactAlias.objects.create(artifact=artifact, alias="v7", version=v1)
    aliases.move(Actor(bob), artifact, "v1", v1)
    Project.objects.update(visibility=visibility)
    elsewhere, shouted = (aliases_url.replace(str(artifact.pk), pk) for pk in (str(v1.pk), str(artifact.pk).upper()))
    urls = [f"{base}/{alias}" for base in (aliases_url, elsewhere, shouted) for alias in ALIAS_PATHS]
    urls += [f"/api/v1/artifacts/resolve?name={name}" for name in NAMES]

    for user in (alice, vera, mallory):
        client = known(user)
        for url in urls:
            fast, plain = (client.get(url, headers=headers) for headers in (SHORT_WAY, LONG_WAY))
            assert answer_of(fast) == answer_of(plain), f"{url} for {user}"


def test_latest_is_what_a_bare_name_means(known, vera, aliases_url):
    client = known(vera)
    url = "/api/v1/artifacts/resolve?name=acme%2Fdemo%2Fdata"
    fast, queries = counted(lambda: client.get(url, headers=SHORT_WAY))

    assert (fast.json()["alias"], queries) == ("latest", 1)
    assert answer_of(fast) == answer_of(client.get(url, headers=LONG_WAY))


def test_a_link_is_shown_as_the_view_shows_it(known, alice, vera, mallory, aliases_url, v2):
    """To who sees what it links, and to who does not, in one query more."""
    team = Team.objects.create(name="library", created_by=alice)
    for user, role in ((alice, Role.EDITOR), (mallory, Role.VIEWER)):
        Membership.objects.create(team=team, user=user, role=role)
    registry = Project.objects.create(team=team, name="models", created_by=alice)
    collection = links.link_by_name(Actor(alice), v2, registry, "best", aliases=["production"]).artifact
    by_id = f"/api/v1/artifacts/{collection.pk}/aliases/production"

    for user, version in ((alice, "v2"), (mallory, None)):
        for url in (by_id, "/api/v1/artifacts/resolve?name=library/models/best:production"):
            client = known(user)
            fast, queries = counted(lambda client=client, url=url: client.get(url, headers=SHORT_WAY))
            assert answer_of(fast) == answer_of(client.get(url, headers=LONG_WAY))
            shown = fast.json().get("version_detail") or fast.json()["version"]
            assert (shown["linked_from"]["version"], queries) == (version, 2)
    assert known(vera).get(by_id).status_code == 404


def test_an_alias_is_moved_in_few_queries(known, bob, aliases_url, v1, v2):
    client = known(bob)

    def move(version, **headers):
        body = {"alias": "production", "version_id": str(version.pk), "reason": "better"}
        return client.post(aliases_url, body, content_type="application/json", headers=headers)

    fast, queries = counted(lambda: move(v1))
    long = move(v2, **LONG_WAY)
    same = [name for name in fast.json() if name not in ("version_id", "version", "updated_at")]

    assert (fast.status_code, fast.json()["version"], fast["ETag"]) == (200, "v1", f'"{v1.pk}"')
    assert [fast.json()[name] for name in same] == [long.json()[name] for name in same]
    # One lets it be found by its reason.
    assert queries == 9


def test_the_record_is_the_same_on_either_way(bob, artifact, aliases_url, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.update_many(Actor(bob, Channel.SDK), artifact, {"production": v2})
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    columns = ("artifact_name", "changed_by", "changed_by_name", "key", "key_name", "channel", "reason", "proposal")
    at_once, step_by_step, again = AliasChange.objects.of(artifact, "production").reverse().values(*columns)[2:]

    assert at_once == step_by_step == again


def test_what_is_moved_is_whole(bob, artifact, aliases_url, v1):
    moved = aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)

    assert (moved.alias.version, moved.alias.artifact, moved.alias.created_by) == (v1, artifact, bob)
    assert (moved.before.version, moved.before.digest) == ("v2", artifact.versions.get(number=2).digest)
    assert aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1).before == v1


def test_a_condition_holds_on_the_short_way(known, bob, aliases_url, v1, v2):
    client = known(bob)

    def move(version, expected):
        body = {"alias": "production", "version_id": str(version.pk), "expected_version_id": expected}
        return client.post(aliases_url, body, content_type="application/json")

    assert move(v1, str(v2.pk)).json()["version"] == "v1"
    refused = move(v1, str(v2.pk))
    assert (refused.status_code, refused.json()["code"], refused.json()["version"]) == (409, "AliasMoved", "v1")
    assert (move(v2, None).status_code, move(v2, str(v1.pk)).json()["version"]) == (409, "v2")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"alias": "a b", "version_id": "%s"}', 400), (b'{"alias": "x\\u0000"}', 400),
     (b'{"alias": "production", "version_id": "%s", "artifact_id": "01a1fa3f-7512-74a6-9dc4-398839ede2f1"}', 400),
     (b'{"alias": "production", "version_id": "01a1fa3f-7512-74a6-9dc4-398839ede2f1"}', 404)],
)  # fmt: skip
def test_what_is_refused_the_view_refuses(known, bob, aliases_url, v1, body, status):
    client, body = known(bob), body.replace(b"%s", str(v1.pk).encode())
    answers = [
        client.generic("POST", aliases_url, body, content_type="application/json", headers=headers)
        for headers in (SHORT_WAY, LONG_WAY)
    ]

    assert answers[0].status_code == status
    assert answer_of(answers[0]) == answer_of(answers[1])
    assert AliasChange.objects.filter(alias="production").count() == 2


def test_other_questions_go_the_long_way(known, vera, aliases_url, v2):
    client = known(vera)
    url = f"{aliases_url}/production"

    assert client.get(url, headers={"If-None-Match": f'"{v2.pk}"'}).status_code == 304
    assert client.get(f"{url}?at=2000-01-01T00:00:00Z").status_code == 404
    assert client.get(url, headers={"Accept": "text/csv"}).status_code == 406
    assert client.get(url, headers={"Host": "evil.example"}).status_code == 400
    assert client.head(url).content == b""
    assert client.get(f"{aliases_url}/history").json()["items"]
    assert client.get("/api/v1/artifacts/resolve?name=acme/demo/data:production&type=model").status_code == 409
    assert client.get("/api/v1/artifacts/resolve?name=acme/demo/data:v1").json()["alias"] is None


def test_a_move_that_says_more_than_is_plain_goes_the_long_way(known, bob, aliases_url, v1):
    client = known(bob)
    move = {"alias": "production", "version_id": str(v1.pk)}
    long = client.post(aliases_url, move | {"reason": "x" * 20_000})
    chunked = client.post(aliases_url, move, headers={"Transfer-Encoding": "chunked"})
    form = client.generic("POST", aliases_url, b"alias=production", content_type="application/x-www-form-urlencoded")

    assert (long.status_code, long.json()["code"]) == (400, "Invalid")
    assert (chunked.status_code, form.status_code) == (400, 415)
    assert client.post(aliases_url, move | {"more": "x" * 20_000}).status_code == 200


@pytest.mark.parametrize("verb", [(queries, "get_alias"), (queries, "resolve")])
def test_where_the_connection_is_lost_the_view_asks_again(known, bob, aliases_url, v1, monkeypatch, verb):
    lost, real = [OperationalError("the connection is lost")], getattr(*verb)

    def fail_once(*values, **more):
        if lost:
            raise lost.pop()
        return real(*values, **more)

    client = known(bob)
    monkeypatch.setattr(*verb, fail_once)
    assert client.get(f"{aliases_url}/production").status_code == 200
    assert client.get("/api/v1/artifacts/resolve?name=acme/demo/data:production").status_code == 200
    assert client.post(aliases_url, {"alias": "production", "version_id": str(v1.pk)}).status_code == 200
    assert lost == []


def test_a_key_counts_as_long_as_it_does(known, bob, vera, aliases_url, v1):
    """One that was let in before is asked for with each request."""
    move = {"alias": "production", "version_id": str(v1.pk)}

    def tried(client) -> list[int]:
        return [client.get(f"{aliases_url}/production").status_code,
                client.get("/api/v1/artifacts/resolve?name=acme/demo/data:production").status_code,
                client.post(aliases_url, move).status_code]  # fmt: skip

    client = known(bob)
    assert tried(client) == [200, 200, 200]
    ApiKey.objects.filter(user=bob).update(scope=Scope.READ)
    assert tried(client) == [200, 200, 403]
    ApiKey.objects.filter(user=bob).update(scope=Scope.WRITE, expiry=timezone.now() - timedelta(seconds=1))
    assert tried(client) == [401, 401, 401]
    ApiKey.objects.filter(user=bob).update(expiry=timezone.now() + timedelta(days=1))
    assert tried(client) == [200, 200, 200]
    bob.is_active = False
    bob.save()
    assert tried(client) == [401, 401, 401]
    assert tried(known(vera)) == [200, 200, 403]


def test_use_is_noted_on_the_short_way(known, vera, aliases_url):
    client = known(vera)
    key = next(key for key in keys._keys.values() if key.user_id == vera.pk)
    ApiKey.objects.update(last_used_at=None)
    key.last_used_at = timezone.now() - timedelta(days=2)  # by `recorded_uses`
    client.get(f"{aliases_url}/production")

    assert ApiKey.objects.get(user=vera).last_used_at is not None


def test_not_every_key_is_kept_for_ever(known, vera, bob, monkeypatch):
    monkeypatch.setattr(keys, "_MAX_KEYS", 1)
    known(vera)
    known(bob)

    assert {key.user for key in keys._keys.values()} == {bob}


def test_the_body_is_what_rest_framework_renders(vera, bob, artifact, aliases_url, v1, project):
    row = aliases.get(artifact, "production")
    resolved = name_resolution.resolve(vera, "acme/demo/data:production")
    ArtifactVersion.objects.update(created_by=None, expires_at=timezone.now())
    ArtifactAlias.objects.update(created_by=None)
    bare = aliases.get(artifact, "production")
    run = Run.objects.create(project=project, name="train", created_by=bob)
    ArtifactVersion.objects.update(run=run)
    made = name_resolution.resolve(vera, "acme/demo/data:production")

    for serializer, thing in [
        (AliasSerializer, row), (AliasDetailSerializer, row), (AliasDetailSerializer, bare),
        (ResolvedSerializer, resolved), (ResolvedSerializer, made),
    ]:  # fmt: skip
        assert serialize(serializer, thing) == serializer(thing).data
    assert (bare.created_by, made.version.run.name, made.version.run.host) == (None, "train", "")
