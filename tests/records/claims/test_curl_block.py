"""The cURL block of the guide runs as it stands there but for the address, with the real `curl` and `jq`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

BLOCK = (Path(__file__).parent / "curl_block.sh").read_text()
GUIDE_URL = "http://localhost:8000/api/v1/artifacts"


@pytest.mark.parametrize("kind", ["server", "service"])
def test_the_curl_block_runs(request, kind):
    assert shutil.which("curl") and shutil.which("jq"), "curl or jq is not installed: `make test` does that."
    url = request.getfixturevalue("open_hierarchy" if kind == "server" else "document_service")
    script = BLOCK.replace(GUIDE_URL, f"{url}/api/v1/artifacts")
    assert GUIDE_URL not in script
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    tree = json.loads(done.stdout)
    [child] = tree["children"]
    assert (tree["level"], tree["data"]) == (0, {"experiment": "test"})
    assert (child["level"], child["data"], child["parent_id"]) == (1, {"model": "trained"}, tree["id"])
