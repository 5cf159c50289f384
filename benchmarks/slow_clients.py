"""What a normal user notices of clients that make the server wait: 32 of each kind, and 1,000 idle connections.

The stack is that of `make run`. The user's requests are a page, two calls of the API and the health check.
"""

import argparse
import tempfile
from pathlib import Path

from harness import servers
from harness.servers import Stack
from harness.slow_clients import Site, Visit, attack


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_clients", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="of four requests, beside each kind (50)")
    options = parser.parse_args()
    stack = Stack("slow-clients")
    stack.start()
    with tempfile.TemporaryDirectory() as directory:
        site = Site(stack, Path(directory))
    print(f"{'PostgreSQL' if servers.on_postgres() else 'SQLite'}; {4 * options.rounds} requests beside each kind\n")
    print(f"{'clients':>7}  {'kind':36} {'served':>7} {'p50 ms':>7} {'p99 ms':>7}")
    show(0, "none", site.visit(options.rounds))
    for kind in site.kinds():
        with attack(site.port, kind):
            show(kind.count, kind.name, site.visit(options.rounds))


def show(count: int, name: str, visit: Visit) -> None:
    served = sum(status == 200 for status in visit.statuses) / len(visit.statuses)
    p50, p99 = (visit.percentile(share) * 1000 for share in (0.5, 0.99))
    print(f"{count:7,}  {name:36} {served:7.0%} {p50:7.1f} {p99:7.1f}", flush=True)


if __name__ == "__main__":
    main()
