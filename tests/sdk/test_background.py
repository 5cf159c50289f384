"""The thread that logs in the background, without a server."""

import hashlib
import threading

import pytest

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.background import BackgroundLogger
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.worker_pool import WorkerPool


@pytest.fixture
def logger() -> BackgroundLogger:
    return BackgroundLogger(lambda line: None)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine with too many of them, and in some Pythons while the interpreter ends."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def test_jobs_are_done_in_order_and_each_error_is_raised_once(logger):
    done: list[int] = []
    jobs = [logger.submit("data", lambda number=number: done.append(number)) for number in range(50)]
    first = logger.submit("data", lambda: 1 / 0)
    second = logger.submit("data", lambda: int("x"))
    logger.wait_for("data")
    assert done == list(range(50))
    for job in jobs:
        job.wait()
    with pytest.raises(ZeroDivisionError):
        first.wait()
    assert [type(error) for error in logger.drain()] == [ValueError]
    assert logger.drain() == []
    with pytest.raises(ValueError, match="invalid literal"):
        second.wait()


def test_what_is_given_up_says_so(logger):
    started = threading.Event()

    def work() -> None:
        started.set()
        cancellation.cancellable_sleep(600)

    active, waiting = logger.submit("data", work), logger.submit("more", work)
    assert started.wait(60)
    logger.cancel()
    for job in (active, waiting):
        with pytest.raises(errors.NotLogged, match="the program was interrupted"):
            job.wait()
    assert logger.drain() == []


def test_without_a_thread_the_caller_does_the_work(logger, no_threads):
    done: list[int] = []
    logger.submit("data", lambda: done.append(1)).wait()
    logger.submit("data", lambda: done.append(2)).wait()
    assert done == [1, 2]


def test_a_pool_without_threads_does_the_work_too(no_threads, tmp_path):
    done: list[int] = []
    with WorkerPool(4) as workers:
        for number in range(20):
            workers.submit(done.append, number)
    assert done == list(range(20))
    content = bytes(hashes.MULTIPART_ABOVE + 1)
    (tmp_path / "large").write_bytes(content)
    (hashed,) = hashes.hash_files([("large", str(tmp_path / "large"))])
    assert hashed.sha256 == hashlib.sha256(content).hexdigest()
    with pytest.raises(ZeroDivisionError), WorkerPool(4) as workers:
        workers.submit(lambda: 1 / 0)
