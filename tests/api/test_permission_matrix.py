"""Every address of the API, walked from the resolver: who gets in, and what a stranger learns. Nothing is listed here
but what is public, so an address that is added tomorrow is walked tomorrow."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import invitations, keys, service_accounts
from accounts.actor import Actor, Channel
from accounts.models import ApiKey, Invitation, Membership, Role, Scope, Team
from artifacts.aliases import proposals, protection
from artifacts.models import (
    AliasChange,
    AliasProposal,
    AliasRule,
    Artifact,
    ArtifactAlias,
    ArtifactFile,
    ArtifactVersion,
    ExternalStore,
)
from artifacts.references import external_stores
from hierarchies import archives, data_indexes, hierarchies, records, retention_rules
from hierarchies.models import DataIndex, Hierarchy, Record, RecordArchive, RetentionRule
from hierarchies.record_specs import RecordSpec
from notifications import watches, webhooks
from notifications.models import Delivery, Watch, Webhook
from projects.models import Project, Run

ROOT = "api/v1/"
# It tells how to ask, not what is there.
PUBLIC = {"schema"}
# The same for people, as a page.
PAGES = {"docs"}
# What people do with what is theirs alone, whoever they are.
OWN = {
    ("me", "get"), ("keys", "get"), ("keys", "post"), ("teams", "get"), ("teams", "post"), ("inbox-list", "get"),
    ("inbox-mark", "post"), ("invitations", "get"), ("inbox-digest", "get"), ("inbox-digest", "put"),
    ("server", "get"), ("store-probes", "post"), ("store-probe", "delete"),
}  # fmt: skip
METHODS = ("get", "head", "post", "put", "patch", "delete")
# What makes sense to say where no object is in the address, or before it is looked for.
BODIES = {
    ("version-compare", "get"): {"base": "v1"},
    ("version-compare", "head"): {"base": "v1"},
    ("keys", "post"): {"name": "robot"},
    ("teams", "post"): {"name": "own"},
    ("members", "post"): {"username": "vera", "role": "viewer"},
    ("member", "patch"): {"role": "viewer"},
    ("service-accounts", "post"): {"username": "robot"},
    ("service-account-keys", "post"): {"name": "robot"},
    ("projects", "post"): {"team": "acme", "name": "x"},
    ("runs", "post"): {"project": "acme/demo"},
    ("run-finish", "post"): {"exit_code": 0},
    ("run-history", "post"): {"writer": str(UUID(int=1)), "offset": 0, "rows": [{"_step": 0}]},
    ("run-file-list", "post"): {"files": ["x.txt"]},
    ("run-file-arrivals", "post"): {"files": ["x.txt"]},
    ("run-console-lines", "post"): {"writer": str(UUID(int=1)), "offset": 0, "lines": ["x"]},
    ("run-alert-list", "post"): {"title": "Loss is NaN"},
    ("artifact-list", "post"): {"project": "acme/demo", "name": "x", "type": "file"},
    ("rule-list", "post"): {"team": "acme", "pattern": "x"},
    ("hierarchies", "post"): {"project": "acme/demo", "name": "x"},
    ("data-indexes", "post"): {"path": "name"},
    ("retention-rules", "post"): {"level": 1, "keep_last": 1},
    ("inbox-mark", "post"): {"all": True},
    ("inbox-digest", "put"): {"frequency": "daily"},
    ("watch-list", "post"): {"project": "acme/demo"},
    ("external-store-list", "post"): {"name": "x", "prefix": "s3://x", "reads_as": "nobody"},
    ("resolve", "get"): {"name": "acme/demo/data:latest"},
    ("resolve", "head"): {"name": "acme/demo/data:latest"},
}
ROWS = (
    ApiKey, Membership, Team, Project, Run, Artifact, ArtifactVersion, ArtifactFile, ArtifactAlias, AliasChange,
    AliasRule, AliasProposal, ExternalStore, Webhook, Delivery, Watch, Invitation, Hierarchy,
    Record, DataIndex, RetentionRule, RecordArchive,
)  # fmt: skip
OUR_WORDS = re.compile(
    r"matches the given query|does not exist\.|"
    + "|".join(rf"\b{m.__name__}\b" for m in ROWS if re.search("[a-z][A-Z]", m.__name__))
)


class Call(NamedTuple):
    """A method of an address."""

    name: str
    path: str
    view: type[APIView]
    method: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[Call]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, path)
        elif path.startswith(ROOT) and pattern.name not in PAGES:
            view = pattern.callback.cls
            for method in METHODS:
                if hasattr(view, "get" if method == "head" else method):
                    yield Call(pattern.name, path, view, method)


CALLS = list(walk(get_resolver().url_patterns))
GUARDED = [call for call in CALLS if call.name not in PUBLIC]
READS = [call for call in GUARDED if call.method == "get"]


@pytest.fixture
def objects(alice, bob, project, artifact, v1, run) -> dict[str, object]:
    """Of each kind that an address can name, one that is acme's."""
    webhook = webhooks.create(Actor(alice), project, "https://8.8.8.8/", events=["alias.moved"])
    account = service_accounts.create(Actor(alice), project.team, "nightly").user
    hierarchy = hierarchies.create(Actor(alice), project, "trees")
    record = records.create(Actor(alice), hierarchy, RecordSpec({"n": 1}))
    return {
        "webhook_id": webhook.pk,
        "delivery_id": webhooks.test(Actor(alice), webhook).pk,
        "watch_id": watches.watch(Actor(alice), project).watch.pk,
        "artifact_id": artifact.pk,
        "version_id": v1.pk,
        "file_id": v1.files.get().pk,
        "alias": "latest",
        "probe_id": UUID(int=1),
        "project_id": project.pk,
        "run_id": run.pk,
        "hierarchy_id": hierarchy.pk,
        "index_id": data_indexes.create(Actor(alice), hierarchy, "n").pk,
        "retention_rule_id": retention_rules.create(Actor(alice), hierarchy, level=0, keep_last=1).pk,
        "archive_id": archives.record(hierarchy, archives.write(hierarchy, [record])).pk,
        "name": "acme",
        "username": "bob",
        "account": account.username,
        "account_key_id": keys.issue(user=account, name="of a program")[0].pk,
        "rule_id": protection.create(Actor(alice), project, "production").pk,
        "proposal_id": proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v1).pk,
        "invitation_id": invitations.invite_user(Actor(alice), project.team, "carol", Role.VIEWER).pk,
        "key_id": keys.issue(user=alice, name="hers")[0].pk,
        "store_id": external_stores.create(
            Actor(alice), project.team, name="Data", prefix="s3://data", reads_as="nobody"
        ).pk,
    }


@pytest.fixture
def send(objects) -> Callable[..., HttpResponse]:
    def answer(client: APIClient, call: Call, tail: str = "", body: bytes | None = None) -> HttpResponse:
        path = "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(objects[match[1]]), call.path) + tail
        if body is not None:
            return client.generic(call.method, path, body, content_type="application/json")
        return getattr(client, call.method)(path, BODIES.get((call.name, call.method)))

    return answer


def counts() -> list[int]:
    return [model.objects.count() for model in ROWS]


def test_there_is_something_to_walk():
    assert len({call.path for call in CALLS}) > 30
    assert {call.name for call in CALLS} >= PUBLIC | {name for name, _ in OWN} | {name for name, _ in BODIES}


def test_every_view_says_who_gets_in():
    silent = {call.view.__name__ for call in CALLS if "permission_classes" not in vars(call.view)}

    assert silent == set()


@pytest.mark.parametrize("key", [None, "Bearer wllm_wrong", "Token wllm_wrong", "Bearer", "Bearer a b", "Bearer \xff"])
def test_without_a_key_there_is_nothing(send, subtests, key):
    client = APIClient(headers={"Authorization": key} if key else {})
    for call in GUARDED:
        with subtests.test(str(call)):
            answer = send(client, call)
            assert answer.status_code == (404 if call.name == "file-content" else 401)
            assert answer["Content-Type"] == "application/problem+json"


def test_what_is_public_is_public(send, subtests):
    for call in CALLS:
        if call.name in PUBLIC:
            with subtests.test(str(call)):
                assert send(APIClient(), call).status_code == 200


def test_a_stranger_learns_nothing(api, mallory, send, subtests):
    client = api(mallory)
    before = counts()
    for call in GUARDED:
        if (call.name, call.method.replace("head", "get")) in OWN:
            continue
        with subtests.test(str(call)):
            answer = send(client, call)
            if "<" in call.path or (call.name, call.method) in BODIES:
                assert answer.status_code == 404
                # In words for people: neither Django's sentence, nor the name of a class of ours.
                assert call.method == "head" or not OUR_WORDS.search(answer.json()["detail"])
            else:
                assert answer.status_code == 200
                assert call.method == "head" or (answer.json()["items"], answer.json()["total"]) == ([], 0)
            assert counts() == before


def test_what_is_ones_own_says_nothing_of_others(api, mallory, send, objects, subtests):
    client = api(mallory)
    for call in GUARDED:
        if (call.name, call.method) in OWN:
            with subtests.test(str(call)):
                answer = send(client, call)
                created = 200 if call.name == "inbox-mark" else 201
                assert answer.status_code == {"post": created, "delete": 204}.get(call.method, 200)
                assert b"acme" not in answer.content and b"alice" not in answer.content


def test_a_key_that_reads_writes_nothing(api, alice, send, objects, subtests):
    client = api(alice, scope=Scope.READ)
    before = counts()
    for call in GUARDED:
        if call.method not in ("get", "head"):
            with subtests.test(str(call)):
                answer = send(client, call)
                assert (answer.status_code, answer.json()["code"]) == (403, "ReadOnlyKey")
    assert counts() == before


def test_a_key_that_reads_reads(api, alice, send, subtests):
    client = api(alice, scope=Scope.READ)
    for call in READS:
        with subtests.test(str(call)):
            # Without a signature there is no content.
            assert send(client, call).status_code == (404 if call.name == "file-content" else 200)


def test_a_trailing_slash_changes_nothing(api, alice, send, subtests):
    client = api(alice)
    for call in READS:
        with subtests.test(str(call)):
            plain, slashed = send(client, call), send(client, call, "/")
            assert plain.status_code == slashed.status_code
            # Signatures are made anew each time, as are the time of a count and the id of a refused request.
            if call.name not in (
                *("download-url", "version-manifest", "file-content"),
                *("record-archive", "hierarchy-totals", "server"),
            ):
                assert plain.json() == slashed.json()


def test_an_expired_key_opens_nothing(alice, send, subtests):
    _, value = keys.issue(user=alice, name="old", expiry=timezone.now() - timedelta(seconds=1))
    client = APIClient(headers={"Authorization": f"Bearer {value}"})
    for call in GUARDED:
        if call.name != "file-content":
            with subtests.test(str(call)):
                answer = send(client, call)
                assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_token_and_bearer_are_the_same(alice, send, subtests):
    _, value = keys.issue(user=alice, name="any")
    for scheme in ("Bearer", "Token", "bearer", "TOKEN"):
        for call in READS:
            if call.name != "file-content":
                with subtests.test(f"{scheme} {call}"):
                    client = APIClient(headers={"Authorization": f"{scheme} {value}"})
                    assert send(client, call).status_code == 200


def test_a_browser_needs_its_token_to_write(alice, send, subtests):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)
    before = counts()
    for call in GUARDED:
        if call.name != "file-content":
            with subtests.test(str(call)):
                assert send(client, call).status_code == (200 if call.method in ("get", "head") else 403)
    assert counts() == before


def test_a_body_that_is_too_large_is_refused_everywhere(api, alice, send, settings, subtests):
    settings.MAX_BODY_BYTES = 1000
    client = api(alice)
    before = counts()
    for call in GUARDED:
        with subtests.test(str(call)):
            answer = send(client, call, body=b" " * 1001)
            assert call.method == "head" or answer.json()["code"] == "PayloadTooLarge"
            assert answer.status_code == 413
    assert counts() == before


def test_a_body_of_50_megabytes_is_refused(api, alice, artifact):
    body = b'{"description": "' + b"x" * (50 * 2**20) + b'"}'
    answer = api(alice).generic("PATCH", f"/api/v1/artifacts/{artifact.pk}", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (413, "PayloadTooLarge")
    artifact.refresh_from_db()
    assert artifact.description == ""
