"""The ports that a stack listens on: the one for its users, and those of the object store."""

import socket
from random import SystemRandom

FIRST_WEB_PORT = 8000
# The store's five ports follow one another, and its gRPC ports lie 10000 above. This range keeps them all below those
# that the system gives to outgoing connections, so that the same ports are most likely free again next time.
STORE_PORTS = range(18000, 22600, 5)
STORE_PORT_COUNT = 5
GRPC_PORT_OFFSET = 10_000


def free_web_port(requested: str | None, first: int = FIRST_WEB_PORT) -> int:
    """The port that was asked for, or the first free one from `first` on."""
    if requested:
        if not requested.isdigit() or not 0 < int(requested) < 65536:
            raise SystemExit(f"PORT={requested} is not a port: give a number from 1 to 65535.")
        if not is_free(int(requested)):
            raise SystemExit(f"Port {requested} is taken: free it, or choose another with PORT=….")
        return int(requested)
    for port in range(first, first + 200):
        if is_free(port):
            return port
    raise SystemExit(f"No port from {first} to {port} is free: choose another with PORT=….")


def free_store_port() -> int:
    for port in SystemRandom().sample(STORE_PORTS, len(STORE_PORTS)):
        if store_ports_are_free(port):
            return port
    raise SystemExit(f"The object store finds no free ports between {STORE_PORTS.start} and {STORE_PORTS.stop}.")


def store_ports_are_free(first: int) -> bool:
    ports = range(first, first + STORE_PORT_COUNT)
    return all(is_free(port) and is_free(port + GRPC_PORT_OFFSET) for port in ports)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
