"""`make bench`: every measurement in this directory that is a program, one after the other; in short if it can be."""

import subprocess
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("*.py")):
    text = path.read_text()
    if path.name != "__main__.py" and 'if __name__ == "__main__":' in text:
        print(f"\n== {path.stem}", flush=True)
        how = ["--short"] if 'add_argument("--short"' in text else []
        subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}", *how], check=True)
