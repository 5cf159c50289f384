"""The Procfile: a shell command for each process of the embedded stack."""

import re
from pathlib import Path

PATH = Path(__file__).parents[2] / "Procfile"


def read_procfile() -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+): *(.+)$", PATH.read_text(), re.MULTILINE))
