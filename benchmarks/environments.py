"""Environments of other people's programs, below `var/`: kept from one time to the next."""

import subprocess
import sys
from pathlib import Path

from harness import servers


def make(name: str, *packages: str) -> Path:
    """Where the programs of these packages are, in their newest versions when they were installed."""
    directory = servers.ROOT / "var" / name
    stamp = directory / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(packages):
        print(f"Installing {packages[0]} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", directory], check=True)
        subprocess.run([directory / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(" ".join(packages))
    return directory / "bin"
