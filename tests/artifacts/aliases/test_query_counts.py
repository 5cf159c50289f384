"""What resolving and moving an alias costs the database: few queries, and the same ones however much is there."""

from ipaddress import ip_network
from itertools import groupby

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from accounts.models import ApiKey, Membership, Role, Team, User
from artifacts import artifacts, name_resolution
from artifacts.aliases import aliases, lock, protection
from artifacts.models import AliasChange, Artifact, ArtifactAlias
from core import compiled_queries
from core.compiled_queries import CompiledQuery, StringAgg
from notifications import watches, webhooks
from projects.models import Visibility
from tests.artifacts.client import log

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def production(bob, artifact, v1, v2) -> str:
    """The address of an alias that was moved before."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)
    return f"{ARTIFACTS}/{artifact.pk}/aliases/production"


def named(artifact: Artifact, suffix: str) -> str:
    return f"{ARTIFACTS}/resolve?name={artifact.project.team.name}/{artifact.project.name}/{artifact.name}:{suffix}"


def noted(api, user: User):
    """The user's hands; the fast path has seen the key, and that it was used is written down already."""
    client = api(user)
    assert client.get("/api/v1/me").status_code == 200
    assert client.get(f"{ARTIFACTS}/resolve?name=nobody/has/this").status_code == 404
    return client


def test_an_alias_is_followed_in_one_query(api, vera, production, django_assert_num_queries):
    client = noted(api, vera)
    with django_assert_num_queries(1):  # the alias with its version, if the key counts
        answer = client.get(production)

    assert answer.status_code == 200
    assert answer.json()["version_detail"]["aliases"] == ["production", "latest"]


def test_it_is_not_modified_in_three_queries(api, vera, production, v2, django_assert_num_queries):
    client = noted(api, vera)
    with django_assert_num_queries(3):  # the key, the artifact, the alias with its version
        answer = client.get(production, headers={"If-None-Match": f'"{v2.pk}"'})

    assert (answer.status_code, answer.content) == (304, b"")


def test_a_name_is_resolved_in_one_query(api, vera, bob, artifact, production, v2, django_assert_num_queries):
    artifacts.update(Actor(bob), artifact, tags=["b", "a", "two words", "ä\u2028"])
    client = noted(api, vera)
    with django_assert_num_queries(1):
        answer = client.get(named(artifact, "production"))

    assert answer.status_code == 200
    rows = answer.json()
    assert rows["aliases"] == rows["version"]["aliases"] == rows["artifact"]["aliases"] == ["production", "latest"]
    assert (rows["version"]["id"], rows["artifact"]["tags"]) == (str(v2.pk), ["b", "a", "two words", "ä\u2028"])


def test_the_quick_answer_is_the_one_of_the_long_way(api, vera, artifact, production):
    """`v2` and what is asked for a moment are found step by step."""
    client = noted(api, vera)
    fast, long = client.get(named(artifact, "production")).json(), client.get(named(artifact, "v2")).json()
    upper = named(artifact, "production").replace(artifact.project.team.name, artifact.project.team.name.upper())

    assert fast | {"alias": None} == long
    assert client.get(upper).json() == fast


@pytest.fixture
def listened_to(settings, alice, vera, acme, project, artifact) -> None:
    """A rule covers `production`, which bob may move all the same, and others want to know when he does."""
    protection.create(Actor(alice), acme, "prod*", role=Role.EDITOR)
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]
    webhooks.create(Actor(alice), project, "http://127.0.0.1:9/", events=["alias.moved"])
    watches.watch(Actor(vera), project)
    watches.watch(Actor(alice), project, artifact)


def statements(act) -> list[str]:
    """What the database is asked, begin and end of transactions aside."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


def test_verbs_take_few_statements_whoever_listens(listened_to, bob, artifact, production, v1, v2):
    sdk = Actor(bob, Channel.SDK)
    moving = statements(lambda: aliases.move(sdk, artifact, "production", v1, v2.pk))
    both = statements(lambda: aliases.update_many(sdk, artifact, {"production": v2, "production-eu": v2}))
    removing = statements(lambda: aliases.remove(sdk, artifact, "production-eu"))
    making = statements(lambda: aliases.move(sdk, artifact, "production-eu", v1))
    swapping = statements(lambda: aliases.swap(sdk, artifact, "production", "production-eu"))
    back = statements(lambda: aliases.rollback(sdk, artifact, "production"))

    # The artifact's lock with the role, the rules; the alias, its last change and its target; alias, change and event.
    assert [text.split()[0] for text in moving] == ["SELECT"] * 3 + ["UPDATE", "INSERT", "INSERT"]
    # One counts the aliases that there are.
    assert [text.split()[0] for text in making] == ["SELECT"] * 4 + ["INSERT"] * 3
    assert [text.split()[0] for text in removing] == ["SELECT"] * 3 + ["INSERT"] * 2 + ["DELETE"]
    assert len(both) == 2 + 4 + 5
    assert len(swapping) == 2 + 2 + 3 + 3
    # Where it was before are two more, and the version that was found.
    assert len(back) == 2 + 1 + 3 + 3


def test_a_call_to_move_takes_eight_statements(listened_to, api, bob, production, v1):
    client = noted(api, bob)
    body = {"alias": "production", "version_id": str(v1.pk)}
    required = statements(lambda: client.post(production.rpartition("/")[0], body))

    # The key, the artifact with the version, and the verb.
    assert len(required) == 1 + 1 + 6


@pytest.mark.django_db(transaction=True)
def test_a_call_to_move_takes_four_trips(listened_to, api, bob, production, v1, v2, tmp_path):
    """PostgreSQL alone is so far away: the key; the artifact with the version; lock and state; writes and COMMIT."""
    client = noted(api, bob)
    url = production.rpartition("/")[0]
    # Statements are prepared when they come for the third time.
    for version in (v1, v2, v1, v2):
        assert client.post(url, {"alias": "production", "version_id": str(version.pk)}).status_code == 200
    if connection.vendor != "postgresql":
        return
    path = tmp_path / "trace"
    with path.open("w") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        client.post(url, {"alias": "production", "version_id": str(v1.pk)})
        connection.connection.pgconn.untrace()
    # F is what the frontend sends, B what the backend does.
    senders = [line.split("\t")[1] for line in path.read_text().splitlines() if "\t" in line]

    assert [sender for sender, _ in groupby(senders)].count("F") == 4


def test_a_move_costs_the_same_however_much_is_there(listened_to, api, bob, artifact, production, v1, v2):
    client = noted(api, bob)

    def moved_to(version) -> list[str]:
        body = {"alias": "production", "version_id": str(version.pk)}
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(production.rpartition("/")[0], body)
        assert answer.json()["version_id"] == str(version.pk)
        return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]

    once = moved_to(v1)
    for number in range(20):
        aliases.move(
            Actor(bob, Channel.SDK), artifact, f"other-{number}", log(bob, artifact, {"a.txt": b"%d" % number})
        )
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2 if number % 2 else v1)
    again = moved_to(v1) if ArtifactAlias.objects.get(alias="production").version_id == v2.pk else moved_to(v2)

    assert len(once) == len(again) == 8
    assert AliasChange.objects.filter(alias="production").count() == 2 + 1 + 19 + 1


def test_a_role_that_is_lost_is_lost_at_once(api, bob, acme, artifact, production, v1):
    client = noted(api, bob)
    body = {"alias": "production", "version_id": str(v1.pk)}
    assert client.get(production).status_code == 200
    Membership.objects.filter(team=acme, user=bob).update(role=Role.VIEWER)
    refused = client.post(production.rpartition("/")[0], body)
    Membership.objects.filter(team=acme, user=bob).delete()

    assert refused.status_code == 403
    assert client.get(production).status_code == 404
    assert client.get(named(artifact, "production")).status_code == 404
    assert client.post(production.rpartition("/")[0], body).status_code == 404


def test_a_key_that_is_gone_is_gone_at_once(api, vera, production):
    client = noted(api, vera)
    assert client.get(production).status_code == 200
    ApiKey.objects.filter(user=vera).delete()
    assert client.get(production).status_code == 401


def test_strangers_see_what_is_internal_and_nothing_else(api, mallory, project, artifact, production):
    client = noted(api, mallory)
    before = [client.get(row).status_code for row in (production, named(artifact, "production"))]
    project.visibility = Visibility.INTERNAL
    project.save()

    assert before == [404, 404]
    assert [client.get(row).status_code for row in (production, named(artifact, "production"))] == [200, 200]


def test_what_is_missing_is_reported_as_ever(api, vera, artifact, production):
    client = noted(api, vera)
    missing = client.get(production.replace("production", "staging"))

    assert (missing.status_code, missing.json()["code"]) == (404, "AliasNotFound")
    assert missing.json()["aliases"] == ["production", "latest"]
    assert client.get(named(artifact, "staging")).json()["code"] == "AliasNotFound"
    assert client.get(named(artifact, "production") + "&type=dataset").json().get("code") in (None, "TypeDiffers")


def test_a_resolved_artifact_is_whole(vera, artifact, production):
    """What did not come along is fetched when somebody looks at it."""
    name = f"{artifact.project.full_name}/{artifact.name}:production"
    rows = name_resolution.resolve(vera, name)

    assert rows.artifact == artifact
    assert rows.version.created_by.email
    assert rows.version.artifact is rows.artifact


def test_a_prepared_query_is_what_its_queryset_is(alice, bob, acme):
    both = CompiledQuery(
        lambda team, name: Membership.objects.filter(team=team, user__username=name).select_related("user"),
        type(acme.pk), str,
    )  # fmt: skip

    for person in (alice, bob, alice):
        assert [row.user for row in both.all(acme.pk, person.username)] == [person]
    assert both.first(acme.pk, "nobody") is None
    with pytest.raises(TypeError):
        both.all(acme.pk, None)
    with pytest.raises(TypeError):
        both.all(acme.pk)


def test_a_list_comes_along_in_its_order(acme, alice, bob, vera):
    people = Membership.objects.filter(team=acme).order_by("-user__username")
    lists = {"people": StringAgg(people, "user__username"), "nobody": StringAgg(people.filter(role="none"), "role")}
    row = Team.objects.annotate(**lists).get(pk=acme.pk)

    assert row.people.split("\n") == ["vera", "bob", "alice"]
    assert row.nobody == ""


def test_what_is_sent_together_is_refused_together(acme, alice, mallory):
    """The error comes with the end of the transaction, as Django's, and what was sent before it is undone too."""
    taken = Membership.objects.get(team=acme, user=alice)
    with pytest.raises(IntegrityError), transaction.atomic(), compiled_queries.deferred_writes():
        compiled_queries.insert(Membership(team=acme, user=mallory))
        compiled_queries.insert(Membership(team=acme, user=alice, pk=taken.pk))

    assert not Membership.objects.filter(team=acme, user=mallory).exists()


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_is_sent_with_what_it_refuses_commits_nothing(acme, alice, mallory):
    taken = Membership.objects.get(team=acme, user=alice)
    done: list[bool] = []
    with pytest.raises(IntegrityError), transaction.atomic():
        transaction.on_commit(lambda: done.append(True))
        with compiled_queries.deferred_writes():
            compiled_queries.insert(Membership(team=acme, user=mallory, role=Role.VIEWER))
            compiled_queries.insert(Membership(team=acme, user=alice, role=Role.VIEWER, pk=taken.pk))

    assert done == []
    assert not Membership.objects.filter(team=acme, user=mallory).exists()
    with transaction.atomic(), compiled_queries.deferred_writes():
        compiled_queries.insert(Membership(team=acme, user=mallory, role=Role.VIEWER))
    assert Membership.objects.filter(team=acme, user=mallory).exists()


def test_deferred_writes_are_there_for_what_comes_next_and_go_with_their_savepoint(acme, mallory):
    mine = Membership.objects.filter(team=acme, user=mallory)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        with compiled_queries.deferred_writes():
            compiled_queries.insert(Membership(team=acme, user=mallory, role=Role.VIEWER))
        raise ZeroDivisionError
    assert not mine.exists()

    with transaction.atomic(), compiled_queries.deferred_writes():
        membership = Membership(team=acme, user=mallory, role=Role.VIEWER)
        compiled_queries.insert(membership)
        assert mine.get().role == Role.VIEWER
        membership.role = Role.EDITOR
        compiled_queries.update(membership, "role")
    assert mine.get().role == Role.EDITOR


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction(artifact):
    """On SQLite the transaction itself is the lock, which nobody can forget."""
    for _ in range(2):
        if connection.features.has_select_for_update:
            with pytest.raises(TransactionManagementError):
                lock.acquire(artifact)
        with transaction.atomic():
            assert lock.acquire(artifact) == artifact
