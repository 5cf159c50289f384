import asyncio
import subprocess
import sys
import threading

import pytest

from wanllmdb.records.threads import in_thread
from wanllmdb.sdk import cancellation


def test_results_and_errors_come_back():
    async def main():
        assert await in_thread(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await in_thread(divmod, 7, 0)
        with pytest.raises(RuntimeError):
            await in_thread(next, iter(()))
        assert await in_thread(threading.current_thread) is not threading.main_thread()

    asyncio.run(main())


def test_the_loop_goes_on_meanwhile():
    async def main():
        event = threading.Event()
        waiting = asyncio.create_task(in_thread(event.wait, 60))
        await asyncio.sleep(0)
        event.set()
        assert await waiting is True

    asyncio.run(main())


def test_cancelling_cancels_the_work():
    started, ended = threading.Event(), threading.Event()

    def work():
        started.set()
        try:
            cancellation.cancellable_sleep(60)
        except cancellation.Cancelled:
            ended.set()
            raise

    async def main():
        task = asyncio.create_task(in_thread(work))
        while not started.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended.wait(60)


def test_a_program_ends_while_a_thread_still_waits():
    script = """
import asyncio, threading
from wanllmdb.records.threads import in_thread

async def main():
    try:
        await asyncio.wait_for(in_thread(threading.Event().wait), 0.1)
    except asyncio.TimeoutError:
        print("given up")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "given up\n", "")
