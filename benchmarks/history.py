"""How long it takes to append a million rows to the history of a run, to move them, and to read what a chart needs.

All is done by the verbs that the server calls, in one process beside the object store: what is told is what the
server's own work costs, without HTTP.
"""

import argparse

from harness.servers import Stack

LINES = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES, help=f"rows of the history ({LINES:,})")
    parser.add_argument("--short", action="store_true", help="50,000 rows")
    options = parser.parse_args()
    stack = Stack("history")
    stack.store.start()
    stack.manage("prepare_store")
    lines = 50_000 if options.short else options.lines
    measure = f"from benchmarks import history_data; history_data.measure({lines})"
    print(stack.manage("shell", "--no-imports", "--command", measure), end="")


if __name__ == "__main__":
    main()
