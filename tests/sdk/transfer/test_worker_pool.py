import subprocess
import sys
import threading
import time

import pytest

from wanllmdb.sdk.transfer.worker_pool import Crew, pause


def test_all_jobs_are_done_when_the_block_ends():
    done = []
    with Crew(4) as workers:
        for number in range(200):
            workers.submit(done.append, number)
    assert sorted(done) == list(range(200))


def test_no_more_hands_than_asked_for():
    busy, most, lock = [0], [0], threading.Lock()

    def job():
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.005)
        with lock:
            busy[0] -= 1

    with Crew(3) as workers:
        for _ in range(30):
            workers.submit(job)
    assert most[0] == 3


def test_the_first_failure_ends_it_and_is_raised():
    begun = []

    def job(number):
        begun.append(number)
        if number == 3:
            raise ZeroDivisionError
        pause(60)

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError), Crew(2) as workers:
        for number in [3, *range(10, 100)]:
            workers.submit(job, number)
    assert time.monotonic() - started < 5
    assert len(begun) < 10


def test_a_failure_of_the_last_job_is_raised_too():
    with pytest.raises(ZeroDivisionError), Crew(2) as workers:
        workers.submit(lambda: 1 / 0)


def test_a_failure_in_the_block_stops_the_jobs():
    started = time.monotonic()
    with pytest.raises(KeyError), Crew(2) as workers:
        workers.submit(pause, 60)
        raise KeyError
    assert time.monotonic() - started < 5


def test_ctrl_c_is_heard_while_jobs_are_waited_for():
    script = """
import _thread, threading
from wanllmdb.sdk.transfer.worker_pool import Crew, pause
threading.Timer(0.3, _thread.interrupt_main).start()
with Crew(2) as workers:
    workers.submit(pause, 60)
"""
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "KeyboardInterrupt" in ended.stderr
    assert time.monotonic() - started < 10
