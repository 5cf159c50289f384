import os
import pty
import re
import subprocess
import sys
from contextlib import closing

import pyte
import pytest
from jupyter_client.manager import start_new_kernel

from wanllmdb.sdk.console import Console
from wanllmdb.sdk.progress import TransferProgress

ONE = """
from wanllmdb.sdk import progress_display
from wanllmdb.sdk.console import Console
progress_display._Log.interval = 0.1
with Console(silent={silent}).transfer("data") as transfer:
    with transfer.phase("uploading", files=2000, size=200 << 20) as on_progress:
        on_progress(50 << 20, 700)
        input()
    with transfer.phase("finalizing"):
        input()
print("done")
"""


TWO_AT_ONCE = """
import threading
from wanllmdb.sdk.console import Console
shown = threading.Event()
def log(name):
    with Console().transfer(name) as transfer, transfer.phase("uploading", files=3, size=10) as on_progress:
        on_progress(5, 1)
        shown.wait()
threads = [threading.Thread(target=log, args=[name]) for name in ("one", "two")]
for thread in threads:
    thread.start()
input()
for step in range(5):
    print("step", step)
input()
shown.set()
for thread in threads:
    thread.join()
print("done")
"""


class Program:
    """Runs a script with its output on a terminal or in a pipe."""

    def __init__(self, script: str = ONE, *, silent: bool = False, terminal: bool = True, **environment: str) -> None:
        self._output, other_end = pty.openpty() if terminal else os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", script.format(silent=silent)],
            stdin=subprocess.PIPE,
            stderr=other_end,
            stdout=other_end,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment},
        )
        os.close(other_end)
        self.text = ""

    def read_until(self, pattern: str) -> None:
        while not re.search(pattern, self.text):
            block = os.read(self._output, 1 << 16)
            assert block, self.text
            self.text += block.decode()

    @property
    def screen(self) -> list[str]:
        """The lines that are seen on a terminal that has got all this."""
        screen = pyte.Screen(120, 24)
        pyte.Stream(screen).feed(self.text)
        return [line.rstrip() for line in screen.display if line.strip()]

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.communicate()
        os.close(self._output)


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "log"])
def test_a_line_says_how_far_it_is_and_what_the_server_is_waited_for(terminal):
    with closing(Program(terminal=terminal)) as program:
        program.read_until(r"data: uploading, 700 of 2,000 files, 50\.0 of 200\.0 MiB, [\d.]+ [KM]iB/s, \d+ s left")
        program.go_on()
        program.read_until(r"data: finalizing, \d+ s")
        program.go_on()
        program.read_until("done")
        assert ("\x1b" in program.text) == terminal


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "log"])
def test_a_silent_console_shows_nothing(terminal):
    with closing(Program(terminal=terminal, silent=True)) as program:
        program.go_on()
        program.go_on()
        program.read_until("done")
        assert program.text.strip() == "done"


def test_a_log_has_no_control_characters_even_if_colours_are_forced():
    with closing(Program(terminal=False, FORCE_COLOR="1")) as program:
        program.read_until("data: uploading")
        program.go_on()
        program.go_on()
        program.read_until("done")
        assert "\x1b" not in program.text


def test_transfers_in_several_threads_have_a_line_each_below_what_the_program_prints():
    with closing(Program(TWO_AT_ONCE)) as program:
        program.read_until(r"one: uploading(?s:.)*two: uploading")
        program.go_on()
        program.read_until(r"step 4(?s:.)*one: uploading(?s:.)*two: uploading")
        steps = [f"step {number}" for number in range(5)]
        assert program.screen[:5] == steps
        assert [line.strip().partition(",")[0] for line in program.screen[5:]] == ["one: uploading", "two: uploading"]
        program.go_on()
        program.read_until("done")
        assert program.screen == [*steps, "done"]


def test_a_notebook_has_an_output_that_is_updated(tmp_path):
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(tmp_path / 'seen')!r}).exists(): time.sleep(0.1)"
    code = ONE.format(silent=False).replace("input()", "exec(wait)")
    manager, client = start_new_kernel(kernel_name="python3")
    messages = []

    def see(message):
        messages.append(message)
        if message["msg_type"] == "update_display_data":
            (tmp_path / "seen").touch()

    try:
        client.execute_interactive(f"wait = {wait!r}\n{code}", output_hook=see)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    shown = [message["content"] for message in messages if message["msg_type"].endswith("display_data")]
    assert shown[0]["data"]["text/plain"].startswith("data: uploading, 700 of 2,000 files, 50.0 of 200.0 MiB")
    assert shown[-1]["data"]["text/plain"] == ""
    assert len({content["transient"]["display_id"] for content in shown}) == 1
    assert {message["msg_type"] for message in messages if message["content"].get("name") == "stderr"} == set()


def test_a_function_is_told_of_each_phase_and_of_what_is_done():
    told = []
    with Console(silent=True).transfer("data", told.append) as transfer:
        with transfer.phase("hashing", files=2, size=30) as on_progress:
            on_progress(10, 1)
            on_progress(20, 1)
        with transfer.phase("finalizing"):
            pass
    phases = list(dict.fromkeys(progress.phase for progress in told))
    assert phases == ["preparing", "hashing", "finalizing"]
    hashing = [progress for progress in told if progress.phase == "hashing"]
    assert hashing[0] == TransferProgress("hashing", 0, 2, 0, 30)
    assert hashing[-1] == TransferProgress("hashing", 2, 2, 30, 30)
    assert told[-1] == TransferProgress("finalizing", 0, None, 0, None)


def test_a_function_that_fails_is_reported_and_not_called_again(capsys):
    calls = []

    def fail(progress):
        calls.append(progress)
        raise ValueError("no such widget")

    with Console(silent=True).transfer("data", fail) as transfer, transfer.phase("hashing"):
        pass
    assert len(calls) == 1
    assert capsys.readouterr().err == (
        "wanllmdb: the progress function failed, and is not called again (ValueError: no such widget); "
        "the transfer goes on\n"
    )
