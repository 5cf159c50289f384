"""Becomes one of the processes of Procfiles: `python -m deploy.process web Procfile`. It ends with its supervisor."""

import os
import sys

from core.parent_process import terminate_with_parent
from deploy.procfile import find_line


def main() -> None:
    name, *procfiles = sys.argv[1:]
    line = find_line(name, procfiles)
    terminate_with_parent()
    os.execvp("sh", ["sh", "-c", line])


if __name__ == "__main__":
    main()
