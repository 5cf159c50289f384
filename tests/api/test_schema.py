"""The OpenAPI document says what the API does: it is valid, and whatever is asked, the answer is one that it names.

Operations are given ids of real things, so that requests get past "not found" and into the verbs.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS
from ulid import ULID

from accounts import invitations, keys, service_accounts
from accounts.actor import Actor, Channel
from accounts.models import Role
from api.fast_path.wsgi import AliasFastPath
from artifacts import event_messages
from artifacts.aliases import proposals, protection
from artifacts.content import downloads, single_upload
from artifacts.draft_files import FileSpec
from artifacts.models import AliasProposal, ArtifactFile, ArtifactVersion, ExternalStore
from events import outbox
from hierarchies import archives, data_indexes, hierarchies, records, retention_rules
from hierarchies.models import Record
from hierarchies.record_specs import RecordSpec
from notifications import watches, webhooks
from notifications.models import Delivery
from tests.artifacts.client import begin, log, send, sha256, upload

CONFORMS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
# Of an operation with a body there is more to ask than of one that has parameters alone.
EXAMPLES = {True: 20, False: 10}
Values = dict[str, list[Any]]


@schemathesis.serializer("application/x-ndjson")
def as_lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """Whatever it is, as a body: the lines of an import are made by the tests of imports."""
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def operations() -> list[APIOperation]:
    """Of the whole document, which takes seconds to make."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
    return [result.ok() for result in schema.get_all_operations()]


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    """With a file that has arrived, and one that has not."""
    draft = begin(bob, artifact, {"a": b"a", "b": b"b"}).version
    upload(bob, draft, [b"a"])
    return draft


@pytest.fixture
def packed(bob, artifact) -> ArtifactFile:
    return log(bob, artifact, {"p": b"p", "q": b"q"}, "production", packed=True).files.first()


@pytest.fixture
def proposed(alice, bob, artifact, v1) -> list[AliasProposal]:
    """One of bob's that waits, one of alice's that does, and one that was rejected."""
    rejected = proposals.propose(Actor(bob, Channel.SDK), artifact, "new", v1)
    proposals.reject(Actor(alice), rejected)
    waiting = [
        proposals.propose(Actor(who, Channel.SDK), artifact, alias, v1)
        for who, alias in [(bob, "new"), (alice, "newer")]
    ]
    return [*waiting, rejected]


@pytest.fixture
def tree(alice, artifact) -> list[Record]:
    """A root and a record below it."""
    hierarchy = hierarchies.create(Actor(alice), artifact.project, "trees", level_labels={"0": "experiment"})
    specs = [RecordSpec({"experiment_name": "x"}), RecordSpec({"content": [1]}, "#0", tags=["vision"])]
    return records.create_many(Actor(alice), hierarchy, specs)


@pytest.fixture
def addressed(alice, bob, artifact, v1, draft, packed, proposed, run, tree) -> dict[str, list[str]]:
    """What the parameters of an address can stand for."""
    versions = [draft, v1, packed.version]
    webhook = webhooks.create(Actor(alice), artifact.project, "https://8.8.8.8/", events=["alias.moved"])
    paused = webhooks.create(Actor(alice), artifact.project, "https://8.8.8.8/", events=["alias.moved"], active=False)
    sent = Delivery.objects.create(
        webhook=paused, event=outbox.record(event_messages.ALIAS_MOVED, artifact.project, {}, actor=bob)
    )
    watches.watch(Actor(alice), artifact.project)
    account = service_accounts.create(Actor(alice), artifact.project.team, "nightly").user
    # Nothing listens there.
    place = {"prefix": "s3://bucket", "endpoint": "http://127.0.0.1:9", "is_operated": True}
    store = ExternalStore.objects.create(team=artifact.project.team, name="photos", **place)
    return {
        "webhook_id": [str(webhook.pk), str(paused.pk)],
        "delivery_id": [str(webhooks.test(Actor(alice), webhook).pk), str(sent.pk)],
        "watch_id": [str(watches.watch(Actor(alice), artifact.project, artifact).watch.pk)],
        "artifact_id": [str(artifact.pk)],
        "version_id": [str(version.pk) for version in versions],
        "file_id": [str(packed.pk), *(str(version.files.first().pk) for version in versions)],
        "alias": ["latest", "production", "new"],
        "rule_id": [str(protection.create(Actor(alice), artifact, pattern).pk) for pattern in ("kept-*", "new")],
        "proposal_id": [str(proposal.pk) for proposal in proposed],
        "project_id": [str(artifact.project_id)],
        "probe_id": [str(uuid4())],
        "run_id": [str(run.pk)],
        "name": ["acme"],
        "team": ["acme"],
        "project": ["demo"],
        "hierarchy": ["trees"],
        "hierarchy_id": [str(tree[0].hierarchy_id)],
        "index_id": [str(data_indexes.create(Actor(alice), tree[0].hierarchy, "n").pk)],
        "retention_rule_id": [str(retention_rules.create(Actor(alice), tree[0].hierarchy, level=0, keep_last=1).pk)],
        "archive_id": [str(archives.record(tree[0].hierarchy, archives.write(tree[0].hierarchy, tree[1:])).pk)],
        "record_id": [record.pk for record in tree],
        "username": ["bob", "vera"],
        "invitation_id": [
            str(invitations.invite_user(Actor(alice), artifact.project.team, name, Role.VIEWER).pk)
            for name in ("carol", "dave")
        ],
        "store_id": [str(store.pk)],
        "key_id": [str(keys.issue(user=alice, name="spare")[0].pk)],
        "account": [account.username],
        "account_key_id": [str(keys.issue(user=account, name="of a program")[0].pk)],
    }


@pytest.fixture
def params(bob, addressed, draft, packed) -> Values:
    """What fields of a body or query can mean."""
    url = single_upload.begin(Actor(bob), draft, FileSpec("x", 1))
    send(single_upload.sign_put(url), b"x")
    return addressed | {
        "name": ["acme/demo/data", "acme/demo/data:production", "data:v1", "new"],
        "project": ["acme/demo"],
        "uri": ["s3://data/key", "https://example.org/a", "http://127.0.0.1/", "s3://data"],
        "reference_uri": ["gs://data/key", "ftp://example.org/a", "file://host/a"],
        "identity": ["etag:abc", "", "abc"],
        "url": ["https://8.8.8.8/", "http://127.0.0.1/", "hook"],
        "team": ["acme"],
        "artifact": [addressed["artifact_id"][0]],
        "one": ["latest", "new"],
        "other": ["production"],
        "expected_version_id": [None, *addressed["version_id"]],
        "at": [timezone.now().isoformat()],
        "username": ["mallory", "bob"],
        "id": [str(ULID())],
        "parent_id": [None, *addressed["record_id"]],
        "root_id": addressed["record_id"],
        "ids": [",".join(addressed["record_id"])],
        "pointer": ["", "/content", "/content/0"],
        "type": ["dataset", "model"],
        "version": [None, "v1"],
        "sha256": [sha256(b"a"), sha256(b"b")],
        "size": [1],
        "storage_key": [url.key],
        "sha256_hash": [None, sha256(b"x")],
        "md5_hash": [None],
        "signature": [
            parse_qs(urlsplit(downloads.presigned_url(Actor(bob, Channel.SDK), packed)).query)["signature"][0]
        ],
    }


@pytest.fixture(scope="module")
def app() -> Iterator[AliasFastPath]:
    """The application. It stays in the transaction of the test, as with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield AliasFastPath(get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def ask(alice, app, operations) -> Callable[[Case], None]:
    # Those of OpenAPI are there once a document has been read.
    checks = CHECKS.get_by_names(CONFORMS)
    _, key = keys.issue(user=alice, name="test")

    def call_and_check(case: Case) -> None:
        # Each request meets the same things: what it does is undone.
        with transaction.atomic():
            # What calls the app in this process decodes no compressed answer.
            headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
            case.call_and_validate(app=app, headers=headers, checks=checks)
            transaction.set_rollback(True)

    return call_and_check


def test_the_document_is_valid(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yaml"))

    assert (tmp_path / "schema.yaml").read_text().startswith("openapi: 3.1")


def test_every_operation_has_a_name_and_a_description(operations):
    documented = [operation.definition.raw for operation in operations]

    assert len({row["operationId"] for row in documented}) == len(documented) > 40
    assert [row["operationId"] for row in documented if not row.get("description")] == []


def test_the_values_of_a_parameter_are_listed_once(operations):
    parameters = [one for operation in operations for one in operation.definition.raw.get("parameters", ())]
    assert len(parameters) > 40
    assert [one["name"] for one in parameters if one.get("description", "").startswith("* `")] == []


# All operations meet the same things, which are made once.
@pytest.mark.timeout(1800)
def test_every_answer_is_one_that_the_document_names(operations, addressed, params, mallory, ask, subtests):
    for operation in operations:
        with subtests.test(operation.label):
            _check_answers(operation, addressed, params, ask)


def _check_answers(operation: APIOperation, addressed: Values, params: Values, ask: Callable[[Case], None]) -> None:
    @settings(
        max_examples=EXAMPLES["requestBody" in operation.definition.raw],
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def answers(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(GenerationMode))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        for name in list(case.path_parameters or {}):
            case.path_parameters[name] = data.draw(st.sampled_from(addressed[name]))
        if mode is GenerationMode.POSITIVE:
            _make_sense(case.body, params, data)
            _make_sense(case.query, params, data)
        ask(case)

    answers()


def _make_sense(requested: Any, params: Values, data: st.DataObject) -> None:
    """Let ids, names and hashes, at any depth, mostly be of real things."""
    if isinstance(requested, list):
        for row in requested:
            _make_sense(row, params, data)
    elif isinstance(requested, dict):
        for field, value in requested.items():
            if field in params and not isinstance(value, list | dict) and data.draw(st.integers(0, 3)):
                requested[field] = data.draw(st.sampled_from(params[field]))
            else:
                _make_sense(value, params, data)
