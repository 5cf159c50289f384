"""What sandboxed processes share: they apply their limits, and speak with `sandbox`. Imports nothing of Django.

A process reads one job as a line of JSON from stdin. Each line that it writes is `{"read": [offset, length, file]}`,
which is answered with the bytes of that range, or `{"meanwhile": …}`, a result to use where the limits end the process
before the better one is made; the last one is `{"done": …}` or `{"too_large": "why"}`.
"""

import json
import resource
import sys
from typing import Any


def read_job() -> dict[str, Any]:
    """Apply the limits, of which the arguments of the process are memory in bytes and seconds, then read the job."""
    memory, seconds = map(int, sys.argv[1:])
    for resource_type, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(resource_type, (limit, limit))
    return json.loads(sys.stdin.buffer.readline())


def write_message(**message: Any) -> None:
    """Dataclasses become objects. The parent process replaces the halves of surrogate pairs that JSON may hold."""
    line = json.dumps(message, ensure_ascii=False, default=vars).encode("utf-8", "surrogatepass")
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def request_range(offset: int, length: int, file: int = 0) -> bytes:
    """Bytes of the file, which the parent process reads from the object store; `file` is its number among several."""
    write_message(read=[offset, length, file])
    size = int.from_bytes(sys.stdin.buffer.read(8), "little")
    return sys.stdin.buffer.read(size)
