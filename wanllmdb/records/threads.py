"""Blocking work for async callers, in threads that no program waits for at its end."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from wanllmdb.sdk import cancellation

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises. To cancel this cancels the work where it pauses: between two attempts of a
    request, and between two blocks of a transfer. A request that is on its way then may still arrive.

    `asyncio.to_thread` cannot be used: the end of the program waits for its threads, and so for a server that does not
    answer.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    cancel = threading.Event()
    context = contextvars.copy_context()

    def run() -> None:
        cancellation.bind_cancel(cancel)
        try:
            result = context.run(work, *args, **kwargs)
        except BaseException as error:  # whatever it is, it is raised where it is awaited
            deliver(_fail, error)
        else:
            deliver(_succeed, result)

    def deliver(settle: Callable[[asyncio.Future[T], object], None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, future, outcome)

    threading.Thread(target=run, name="wanllmdb-records", daemon=True).start()
    try:
        return await future
    except asyncio.CancelledError:
        cancel.set()
        raise


def _succeed(future: asyncio.Future[T], result: object) -> None:
    if not future.done():
        future.set_result(result)  # type: ignore[arg-type]  # what `work` returned


def _fail(future: asyncio.Future[T], error: object) -> None:
    if not future.done() and isinstance(error, BaseException):
        # A future holds no StopIteration, which would end the coroutine that awaits it.
        future.set_exception(RuntimeError(str(error)) if isinstance(error, StopIteration) else error)
