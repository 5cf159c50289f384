"""What the newest client may ask, compared with the schema that we serve: a new client's needs show here first."""

import pytest
from graphql import GraphQLSyntaxError, parse, validate

from tests.wandb_client import documents
from tests.wandb_client.clients import environment
from wandb_api.schema import SCHEMA

# What is deliberately not served, by what it belongs to.
NOT_SERVED = {
    "launch": {
        "GetRunQueueItem", "fetchRunQueuesFromProject", "DeleteFromRunQueue", "DeleteRunQueue", "GetRunQueueMetadata",
        "GetDefaultResourceConfig", "GetRunQueueItems", "ProjectRunQueues", "pushToRunQueueByName",
        "popFromRunQueue", "ackRunQueueItem", "failRunQueueItem", "updateRunQueueItemWarning", "updateLaunchAgent",
        "LaunchAgent", "CreateDefaultResourceConfig", "CreateRunQueue", "UpsertRunQueue",
    },
    "queues of sweeps": {"EnqueueSweepRun"},
    "automations": {
        "GetAutomationsLegacy", "GetEntityAutomationsLegacy", "GetEntityAutomations", "GetOrgAutomations",
        "CreateAutomation", "UpdateAutomation", "DeleteAutomation", "IntegrationsByEntity",
        "CreateGenericWebhookIntegration",
    },
    "custom charts": {"CreateCustomChart"},
}  # fmt: skip
# Texts that the client completes as it runs; the scenario sends them.
PUT_TOGETHER = {"UpsertBucket", "DeleteRun", "RunFullHistory"}


@pytest.fixture(scope="module")
def newest() -> dict[str, str]:
    return documents.of_client(environment("newest"))


def test_there_are_documents_to_compare(newest):
    operations = {name.partition(": ")[2] for name in newest}
    assert len(newest) > 150
    # Of the client's Python, and of its core.
    assert operations >= {
        "ArtifactMembershipByName",
        "GetViewer",
        "CreateArtifact",
        "CommitArtifact",
        "RunResumeStatus",
    }


def test_every_document_is_valid_but_what_is_not_served(newest):
    not_whole, refused = set(), {}
    for name, text in newest.items():
        operation = name.partition(": ")[2]
        try:
            problems = validate(SCHEMA, parse(text))
        except GraphQLSyntaxError:
            not_whole.add(operation)
            continue
        if problems:
            refused[operation] = problems[0].message
    assert not_whole == PUT_TOGETHER
    assert refused.keys() == set().union(*NOT_SERVED.values()), refused
