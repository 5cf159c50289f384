"""Opens regular files, and copies them: by shared blocks where the disk has them, else by the kernel, else itself."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.progress import OnProgress

if sys.platform == "linux":
    import fcntl

    _FICLONE = 0x40049409

_BLOCK = 1 << 20
_KERNEL_BLOCK = 64 * _BLOCK
# An old kernel, a container or one of the two disks does not copy by itself.
_REFUSED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY)


def open_regular(path: str | Path) -> FileIO:
    """A file to read that is a regular one, and not what a link names. Raises OSError."""
    file = FileIO(path, opener=_open_itself)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return file


def _open_itself(path: str, flags: int) -> int:
    # Without O_NONBLOCK the open of a pipe would wait for somebody who writes to it.
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def clone(source: FileIO, target: FileIO) -> bool:
    """Whether the empty target now has all blocks of the source, which are copied once one of the two is written to."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def copy(source: FileIO, target: FileIO, size: int, on_progress: OnProgress) -> bool:
    """Copy `size` bytes to an empty target; False if the source has fewer. Blocks are shared where they can be."""
    copied = 0
    try:
        while copied < size and sys.platform == "linux":
            raise_if_cancelled()
            count = os.copy_file_range(source.fileno(), target.fileno(), min(size - copied, _KERNEL_BLOCK))
            if not count:
                break
            copied += count
            on_progress(count)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
    for block in _blocks(source, size - copied):
        write_all(target, block)
        copied += len(block)
        on_progress(len(block))
    return copied == size


def copy_hashed(source: FileIO, target: FileIO, size: int, on_progress: OnProgress) -> str:
    """Copy `size` bytes, or fewer if the source ends before, and return the sha256 of what was copied."""
    digest = hashlib.sha256()
    for block in _blocks(source, size):
        digest.update(block)
        write_all(target, block)
        on_progress(len(block))
    return digest.hexdigest()


def sha256(source: FileIO, on_progress: OnProgress) -> str:
    """Of as many bytes as the file has now."""
    digest = hashlib.sha256()
    for block in _blocks(source, os.fstat(source.fileno()).st_size):
        digest.update(block)
        on_progress(len(block))
    return digest.hexdigest()


def _blocks(source: FileIO, size: int) -> Iterator[memoryview]:
    """Each is overwritten by the next one."""
    block = memoryview(bytearray(min(_BLOCK, size)))
    while size and (count := source.readinto(block[:size])):
        raise_if_cancelled()
        size -= count
        yield block[:count]


def write_all(target: FileIO, block: memoryview) -> None:
    while block:
        block = block[target.write(block) :]
