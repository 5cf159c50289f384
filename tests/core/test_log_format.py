"""`LOG_FORMAT` in a process of its own: it is read with the settings."""

import json
import os
import subprocess
import sys

from harness import servers

LOG = """
import logging, warnings
from core import request_id
request_id.current.set("the-request")
logging.getLogger("ours").warning("%s things", 3, extra={"ip": "203.0.113.9"})
warnings.warn("mind the gap")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("ours").exception("failed\\nin two lines")
"""


def run(log_format: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "default", "manage.py", *command],
        cwd=servers.ROOT,
        env={**os.environ, "SECRET_KEY": "x", "DATABASE_URL": "sqlite://:memory:", "LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_message_is_one_line_of_json():
    lines = [json.loads(line) for line in run("json", "shell", "--no-imports", "--command", LOG).stderr.splitlines()]

    things, gap, failed = lines
    assert things.pop("time").endswith("+00:00")
    assert things == {
        "level": "WARNING",
        "logger": "ours",
        "message": "3 things",
        "request_id": "the-request",
        "ip": "203.0.113.9",
    }
    assert gap["logger"] == "py.warnings" and "mind the gap" in gap["message"]
    assert failed["message"] == "failed\nin two lines" and "ZeroDivisionError" in failed["traceback"]


def test_a_format_that_there_is_not_is_refused_with_a_message():
    assert "LOG_FORMAT is 'yaml': use plain or json." in run("yaml", "check").stderr
