"""The whole stack, over sockets: an alias is moved by HTTP, and a program, an inbox and a mailbox know of it."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

import wanllmdb
from harness import servers
from tests.browser import seed_data
from tests.notifications.receiver import Receiver, status

SET_EMAIL = """
from accounts.models import User
User.objects.filter(username="vera").update(email="vera@example.org")
"""


@pytest.fixture(scope="module")
def stack() -> servers.Stack:
    running = servers.stack()
    running.start()
    return running


@pytest.fixture(scope="module")
def logged(stack: servers.Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An artifact with a version, resolved."""
    data = tmp_path_factory.mktemp("data") / "model.bin"
    data.write_bytes(b"weights")
    with seed_data.as_alice(stack), wanllmdb.init(project="news", entity="acme") as run:
        model = wanllmdb.Artifact("announced", type="model")
        model.add_file(str(data))
        run.log_artifact(model)
    return seed_data.call_api(stack, "alice", "GET", "/artifacts/resolve?name=acme/news/announced:v1")


@pytest.fixture
def live_receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


def test_a_move_is_announced_within_seconds(stack, logged, live_receiver):
    live_receiver.answers = [status(503), status(204)]
    project, artifact = logged["artifact"]["project"], logged["artifact"]["id"]
    stack.manage("shell", "--no-imports", "--command", SET_EMAIL)
    hook = seed_data.call_api(
        stack,
        "alice",
        "POST",
        f"/projects/{project}/webhooks",
        {"url": live_receiver.url, "events": ["alias.created", "alias.deleted"]},
    )
    seed_data.call_api(
        stack, "vera", "POST", "/watches", {"project": "acme/news", "pattern": "prod*", "by_email": True}
    )

    params = {"alias": "production", "version_id": logged["version"]["id"], "reason": "it is the best we have"}
    seed_data.call_api(stack, "bob", "POST", f"/artifacts/{artifact}/aliases", params)
    seed_data.until(lambda: live_receiver.sent)

    recorded = live_receiver.sent[0].verify(hook["secret"])
    assert (recorded["type"], recorded["data"]["by"], recorded["data"]["to"]["version"]) == (
        "alias.created",
        "bob",
        "v1",
    )
    seed_data.until(lambda: seed_data.call_api(stack, "vera", "GET", "/inbox")["unread"])
    seed_data.until(lambda: _mail(stack))
    assert _mail(stack)[0]["To"] == "vera@example.org"
    assert _mail(stack)[0]["Subject"] == "[acme/news] bob assigned production to v1 of acme/news/announced"

    # It was refused the first time: beat sees to the second.
    seed_data.until(lambda: len(live_receiver.sent) > 1)
    assert live_receiver.sent[1].headers["webhook-id"] == live_receiver.sent[0].headers["webhook-id"]
    url = f"/webhooks/{hook['id']}/deliveries"
    seed_data.until(lambda: seed_data.call_api(stack, "alice", "GET", url)["items"][0]["state"] == "delivered")
    assert [tried["status_code"] for tried in seed_data.call_api(stack, "alice", "GET", url)["items"][0]["tries"]] == [
        503,
        204,
    ]


def _mail(stack: servers.Stack) -> list[Message]:
    folder = stack.var / "mail"
    texts = [path.read_bytes() for path in sorted(folder.glob("*.log"))] if folder.exists() else []
    return [message_from_bytes(text) for text in texts]
