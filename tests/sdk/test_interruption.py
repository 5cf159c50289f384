"""A thread interrupts the main thread, in a process of its own."""

import subprocess
import sys

import pytest

SCRIPT = """
import signal, threading, time
from wanllmdb.sdk.interruption import interrupt_main
{handler}
threading.Timer(0.2, interrupt_main).start()
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(
    ("handler", "wait"),
    [
        ("", "time.sleep(600)"),
        # As a shell leaves it to what it starts in the background.
        ("signal.signal(signal.SIGINT, signal.SIG_IGN)", "while True: time.sleep(0.01)"),
    ],
)
def test_whatever_the_main_thread_does(handler, wait):
    script = SCRIPT.format(handler=handler, wait=wait)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
