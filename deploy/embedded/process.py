"""Becomes one of the Procfile's processes: `python -m deploy.embedded.process web`. It ends with its supervisor."""

import os
import sys

from core.parent_process import terminate_with_parent
from deploy.embedded.procfile import read_procfile


def main() -> None:
    line = read_procfile()[sys.argv[1]]
    terminate_with_parent()
    os.execvp("sh", ["sh", "-c", line])


if __name__ == "__main__":
    main()
