"""The directory that carries the workers' messages where no broker runs: kombu's, made safe for several processes.

kombu's opens a message before it writes it, and a worker that finds it empty ends. Here a message is whole when it is
first seen, one process at a time reads or writes which queues there are, and what a power cut left empty is dropped.
"""

import fcntl
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    def get_table(self, exchange: str) -> list[filesystem.exchange_queue_t]:
        with self._table_to_ourselves(exchange):
            return super().get_table(exchange)

    def _queue_bind(self, exchange: str, *binding: str) -> None:
        with self._table_to_ourselves(exchange):
            super()._queue_bind(exchange, *binding)

    def _put(self, queue: str, payload: Any, **options: Any) -> None:
        message = Path(self.data_folder_out, f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg")
        part = message.with_suffix(".part")
        try:
            part.write_text(dumps(payload))
            part.rename(message)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ChannelError(f"The message cannot be written: {error}") from error

    def _get(self, queue: str) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError:
                logger.warning("Dropped a message that was cut short; the sweep will find what it asked for.")

    @contextmanager
    def _table_to_ourselves(self, exchange: str) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self._exchange_file(exchange)
            if table.exists() and not table.stat().st_size:
                table.unlink()
            yield


class Transport(filesystem.Transport):
    Channel = Channel
