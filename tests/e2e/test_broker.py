"""The directory that carries the workers' messages in the embedded stack, as several processes use it at once."""

import json
import subprocess
import sys
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

from harness import servers
from tests.e2e.conftest import wait_until

SENDERS, MESSAGES_PER_SENDER = 4, 250
OURS = "wanllmdb.broker:Transport"
SEND = f"""
import json, sys
from kombu import Connection
with Connection("filesystem://", transport="{OURS}", transport_options=json.loads(sys.argv[2])) as connection:
    queue = connection.SimpleQueue("work")
    for number in range({MESSAGES_PER_SENDER}):
        queue.put([sys.argv[1], number])
"""


class Watching:
    """Something in a message that tells, while the message is written, how many a worker would find."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    def __json__(self) -> int:
        return len(list(self.directory.glob("*.msg")))


@pytest.fixture
def options(tmp_path) -> dict[str, str]:
    (tmp_path / "messages").mkdir()
    directory = str(tmp_path / "messages")
    return {"data_folder_in": directory, "data_folder_out": directory, "control_folder": str(tmp_path / "control")}


def test_a_message_is_whole_when_it_is_first_seen(options):
    with Connection("filesystem://", transport=OURS, transport_options=options) as connection:
        channel = connection.default_channel
        channel._put("work", {"count": Watching(options["data_folder_in"])})
        assert channel._get("work") == {"count": 0}


def test_a_list_of_queues_that_a_power_cut_left_empty_is_made_anew(options):
    # A name that nobody else in this process has: a queue that it knows is not told of again.
    queue = Queue("cut", Exchange("cut"), routing_key="cut")
    table = Path(options["control_folder"]) / "cut.exchange"
    table.parent.mkdir()
    table.touch()
    with Connection("filesystem://", transport=OURS, transport_options=options) as connection:
        connection.Producer().publish("work", exchange=queue.exchange, routing_key="cut", declare=[queue])
        assert connection.SimpleQueue(queue).get(timeout=60).payload == "work"
    assert table.stat().st_size


def test_many_send_from_the_first_moment_and_every_message_arrives_whole(options):
    senders = [
        subprocess.Popen([sys.executable, "-c", SEND, name, json.dumps(options)], cwd=servers.ROOT)
        for name in map(str, range(SENDERS))
    ]
    received: dict[str, list[int]] = {name: [] for name in map(str, range(SENDERS))}
    with Connection("filesystem://", transport=OURS, transport_options=options) as connection:
        queue = connection.SimpleQueue("work")
        while sum(map(len, received.values())) < SENDERS * MESSAGES_PER_SENDER:
            message = queue.get(timeout=60)
            sender, number = message.payload
            received[sender].append(number)
            message.ack()
        with pytest.raises(Empty):
            queue.get(block=False)
    assert [sender.wait(10) for sender in senders] == [0] * SENDERS
    assert list(received.values()) == [list(range(MESSAGES_PER_SENDER))] * SENDERS
    assert list(Path(options["data_folder_in"]).iterdir()) == []


def test_a_message_that_a_power_cut_left_empty_ends_no_worker():
    stack = servers.stack()
    stack.start()
    message = stack.var / "broker" / "1_cut.celery.msg"
    message.touch()
    wait_until(lambda: not message.exists())
    wait_until(lambda: "Dropped a message that was cut short" in stack.worker.log.read_text())
    assert stack.worker.is_running
