"""How soon lineage and impact are answered in a history of a thousand, a hundred thousand and a million edges.

Three servers, each with a history of its own, are asked in turn; what is told is the time to the first byte, of the
quarter of the answers that came soonest. Around the raw data of a pipeline all histories are the same, so what is left
is what the size of the tables costs. A version that the runs of all pipelines used has more around it in a larger one:
of its lineage 500 nodes are answered, and of what it affects the nearest 1,000 versions and runs are looked at, or
10,000 if that is asked for.
"""

import argparse

from benchmarks.pages import Contender, measure
from harness import servers

SIZES = (1_000, 100_000, 1_000_000)
TURNS = 20
# As `lineage_data` writes them, which is imported where Django is.
_ROOT = "/api/v1/artifacts/versions/20000000-0000-0000-0000-000000000000"
_SHARED = "/api/v1/artifacts/versions/50000000-0000-0000-0000-000000000000"
_PIPELINE = "/api/v1/artifacts/40000000-0000-0000-0000-000000000000"
REQUESTS = {
    "lineage": f"{_ROOT}/lineage?depth=3&limit=500",
    "lineage, upstream": "/api/v1/artifacts/versions/20000000-0000-0000-0000-0000000000fa/lineage?direction=upstream",
    "lineage of an artifact": f"{_PIPELINE}/lineage",
    "impact": f"{_ROOT}/impact",
    "lineage of what all use": f"{_SHARED}/lineage?depth=3&limit=500",
    "impact of what all use": f"{_SHARED}/impact",
    "the same, 10,000 of it": f"{_SHARED}/impact?scan_limit=10000",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help=f"edges of the histories ({SIZES})")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"for each request ({TURNS})")
    parser.add_argument("--short", action="store_true", help="the two smaller ones, five turns")
    options = parser.parse_args()
    sizes, turns = (SIZES[:2], 5) if options.short else (options.sizes, options.turns)
    contenders = [Contender.start(f"lineage-{nth}", size, "lineage_data") for nth, size in enumerate(sizes)]
    print(f"{'PostgreSQL' if servers.on_postgres() else 'SQLite'}; milliseconds, with so many edges\n")
    print(f"{'':24}", *(f"{size:>10,}" for size in sizes), *(f"{f'to {sizes[0]:,}':>10}" for _ in sizes[1:]))
    for name, url in REQUESTS.items():
        milliseconds = measure(contenders, url, turns)
        ratios = (more / milliseconds[0] for more in milliseconds[1:])
        print(
            f"{name:24}", *(f"{ms:10.1f}" for ms in milliseconds), *(f"{ratio:10.2f}" for ratio in ratios), flush=True
        )
    for contender in contenders:
        contender.stack.web.stop()


if __name__ == "__main__":
    main()
