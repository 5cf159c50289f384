"""Packs that many files are read from one by one, each by a request: read whole, once, and kept for a moment.

The official `wandb` client asks for every file of a version, in the order of their paths, in which packs have them. To
ask the store for each takes several times as long as all else.
"""

from collections import OrderedDict
from concurrent.futures import Future
from threading import Lock

from artifacts import storage
from artifacts.models import StoredObject

# Bytes. Packs of small files are smaller.
MAX_PACK = 8 * 2**20
# How many are kept in each process, and how often one is asked for before it is read whole.
MAX_PACKS = 4
_WORTH_IT = 3
_REMEMBERED = 64
_MAX_WAIT_SECONDS = 30


class PackCache:
    def __init__(self) -> None:
        self._packs: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def read(self, pack: StoredObject, offset: int, length: int) -> bytes | None:
        """These bytes of the pack; None where it is not kept, has too few of them, or takes long to be read."""
        if pack.size > MAX_PACK:
            return None
        whole, is_ours = self._find(pack.key)
        if whole is None:
            return None
        if is_ours:
            self._load(pack, whole)
        try:
            found = whole.result(_MAX_WAIT_SECONDS)[offset : offset + length]
        except TimeoutError:
            return None
        return found if len(found) == length else None

    def _find(self, key: str) -> tuple[Future[bytes] | None, bool]:
        """The pack, and whether the caller is to load it."""
        with self._lock:
            if key in self._packs:
                self._packs.move_to_end(key)
                return self._packs[key], False
            count = self._counts.pop(key, 0) + 1
            if count < _WORTH_IT:
                self._counts[key] = count
                while len(self._counts) > _REMEMBERED:
                    self._counts.popitem(last=False)
                return None, False
            self._packs[key] = Future()
            while len(self._packs) > MAX_PACKS:
                self._packs.popitem(last=False)
            return self._packs[key], True

    def _load(self, pack: StoredObject, whole: Future[bytes]) -> None:
        """Read it; whoever waits for it fails as this does, and the next one begins anew."""
        try:
            whole.set_result(b"".join(storage.download_file(pack.key, 0, pack.size)))
        except BaseException as error:
            with self._lock:
                self._packs.pop(pack.key, None)
            whole.set_exception(error)
            raise
