"""What processes listen on, as the system tells it. Linux only."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LISTENS = "0A"
_ACCEPTS = 0x10000


def tcp(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Addresses and ports. An IPv6 address is given as the system writes it."""
    sockets = _sockets(pids)
    listeners = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and fields[9] in sockets:
                ip, _, port = fields[1].partition(":")
                listeners.add((_ipv4(ip) if table.endswith("tcp") else ip, int(port, 16)))
    return listeners


def tcp_ports(pids: Iterable[int]) -> set[int]:
    return {port for _, port in tcp(pids)}


def unix_paths(pids: Iterable[int]) -> set[str]:
    """Sockets with a name. One that begins with @ is no file, and open to everybody."""
    sockets = _sockets(pids)
    lines = (line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:])
    return {fields[7] for fields in lines if len(fields) > 7 and int(fields[3], 16) & _ACCEPTS and fields[6] in sockets}


def _sockets(pids: Iterable[int]) -> set[str]:
    """Their inodes."""
    inodes = set()
    for pid in pids:
        with suppress(FileNotFoundError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(FileNotFoundError):
                    target = str(entry.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    return inodes


def _ipv4(hexadecimal: str) -> str:
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(hexadecimal)))
