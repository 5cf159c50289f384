"""Functions that are called before each query of this thread's connection, such as to count what a request costs.

Django's `execute_wrapper` takes the last wrapper off as it ends, which is another one where the connection was opened
meanwhile and has got one of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class QueryHook:
    """A function to call before each query, which is not run where the function raises."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within it the function is called."""
        connection.execute_wrappers.append(self._execute)
        try:
            yield
        finally:
            connection.execute_wrappers.remove(self._execute)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within it the function is not called, where it would be."""
        is_active = self._execute in connection.execute_wrappers
        if is_active:
            connection.execute_wrappers.remove(self._execute)
        try:
            yield
        finally:
            if is_active:
                connection.execute_wrappers.append(self._execute)

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self._function()
        return execute(sql, params, many, context)
