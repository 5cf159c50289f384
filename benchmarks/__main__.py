"""`make bench`: every measurement in this directory that is a program, one after the other."""

import subprocess
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("*.py")):
    if path.name != "__main__.py" and 'if __name__ == "__main__":' in path.read_text():
        print(f"\n== {path.stem}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}"], check=True)
