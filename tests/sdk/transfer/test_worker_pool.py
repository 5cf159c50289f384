import subprocess
import sys
import threading
import time

import pytest

from wanllmdb.sdk.cancellation import cancellable_sleep
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

# Seconds. A job that is not cancelled outlasts the test's own timeout.
FOR_EVER = 3600


def test_all_jobs_are_done_at_the_end_of_the_block():
    done = []
    with WorkerPool(4) as workers:
        for number in range(200):
            workers.submit(done.append, number)
    assert sorted(done) == list(range(200))


def test_no_more_than_max_workers_run_at_once():
    busy, peak, lock = [0], [0], threading.Lock()

    def job():
        with lock:
            busy[0] += 1
            peak[0] = max(peak[0], busy[0])
        time.sleep(0.005)
        with lock:
            busy[0] -= 1

    with WorkerPool(3) as workers:
        for _ in range(30):
            workers.submit(job)
    assert peak[0] == 3


def test_the_first_failure_cancels_the_other_jobs_and_is_raised():
    started_jobs = []

    def job(number):
        started_jobs.append(number)
        if number == 3:
            raise ZeroDivisionError
        cancellable_sleep(FOR_EVER)

    with pytest.raises(ZeroDivisionError), WorkerPool(2) as workers:
        for number in [3, *range(10, 100)]:
            workers.submit(job, number)
    assert len(started_jobs) < 10


def test_a_failure_of_the_last_job_is_raised():
    with pytest.raises(ZeroDivisionError), WorkerPool(2) as workers:
        workers.submit(lambda: 1 / 0)


def test_a_failure_in_the_block_cancels_the_jobs():
    with pytest.raises(KeyError), WorkerPool(2) as workers:
        workers.submit(cancellable_sleep, FOR_EVER)
        raise KeyError


def test_ctrl_c_interrupts_waiting_for_jobs():
    script = f"""
import _thread, threading
from wanllmdb.sdk.cancellation import cancellable_sleep
from wanllmdb.sdk.transfer.worker_pool import WorkerPool
threading.Timer(0.3, _thread.interrupt_main).start()
with WorkerPool(2) as workers:
    workers.submit(cancellable_sleep, {FOR_EVER})
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "KeyboardInterrupt" in ended.stderr
