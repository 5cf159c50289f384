"""A project in which every text that people choose is hostile."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import urllib3

from harness.servers import Stack
from tests.browser import hostile_files
from tests.browser.hostile_files import IMG, LONG, MARKDOWN, WIRE, evil, tree

HTTP = urllib3.PoolManager(retries=False)


PROJECT = "/evil/a._--alert.1."


@dataclass
class Trap:
    """Everything of mallory's team `evil`, and who looks at it."""

    stack: Stack
    artifact: str = ""
    run: str = ""
    record: str = ""
    files: dict[str, str] = field(default_factory=dict)  # ids, by path

    def call(self, method: str, path: str, body: Any = None) -> Any:
        key = {"Authorization": f"Bearer {self.stack.key('mallory')}"}
        response = HTTP.request(method, f"{self.stack.base_url}/api/v1/{path}", json=body, headers=key)
        assert response.status < 300, (path, response.status, response.data)
        return json.loads(response.data) if response.data else None

    def url(self, part: str = "", path: str = "") -> str:
        """Of the first version, or of a part of it."""
        return f"{self.artifact}/v1/{part}/{quote(path)}" if part else f"{self.artifact}/v1"


def set_trap(stack: Stack) -> Trap:
    """Fill mallory's team."""
    trap = Trap(stack)
    trap.call("POST", "teams", {"name": "evil", "display_name": evil("team-name")[:200]})
    trap.call("POST", "keys", {"name": evil("key", IMG)})
    about = {"description": evil("project-description")}
    project = trap.call("POST", "projects", {"team": "evil", "name": "a._--alert.1.", **about})
    run = trap.call("POST", "runs", {"project": project["id"], "name": "r._-0", **_run()})
    trap.run = f"{PROJECT}/runs/r._-0"
    named = {"project": project["id"], "name": "a._-0", "type": "model"}
    artifact = trap.call("POST", "artifacts", named | _artifact())
    trap.artifact = f"{PROJECT}/artifacts/model/a._-0"
    for number in (1, 2):
        _log(trap, artifact["id"], run["id"], number)
    trap.call("POST", f"runs/{run['id']}/use-artifact", {"name": f"{PROJECT[1:]}/a._-0:v1"})
    _record(trap)
    _stream(trap)
    trap.call("POST", f"runs/{run['id']}/finish", {"exit_code": 0, "summary": tree("summary")})
    return trap


def _run() -> dict[str, Any]:
    lengths = {"display_name": 256, "job_type": 128, "group": 128, "host": 255, "git_commit": 64}
    lines = {name: evil(name)[:length] for name, length in lengths.items()}
    lines["git_remote"] = f"javascript:{WIRE}//{evil('git_remote')}"
    return lines | {"config": tree("config"), "notes": evil("run-notes") + MARKDOWN, "tags": [evil("run-tag", IMG)]}


def _artifact() -> dict[str, Any]:
    texts = {"description": evil("description") + MARKDOWN, "metadata": tree("metadata")}
    return texts | {"tags": [evil("tag", IMG), f"javascript:{WIRE}"]}


def _record(trap: Trap) -> None:
    """A hierarchy whose labels, and a record whose data, type and tags are hostile."""
    about = {"description": evil("hierarchy") + MARKDOWN, "level_labels": {"0": evil("label", IMG)[:64]}}
    trap.call("POST", "hierarchies", {"project": PROJECT[1:], "name": "h._-0", "access": "public", **about})
    frame = {"columns": [evil("frame-column")], "data": [[evil("frame-cell")]]}
    data = tree("record") | {"name": evil("record-title", IMG), "frame": frame}
    data["metadata"] = {"status": evil("status"), "stdout": evil("stdout"), evil("meta-key"): evil("meta-value")}
    body = {"data": data, "type": evil("type", IMG)[:64], "tags": [evil("record-tag", IMG)]}
    made = trap.call("POST", f"../../h{PROJECT}/h._-0/api/v1/artifacts", body)
    trap.record = f"{PROJECT}/records/h._-0/{made['id']}"


def _stream(trap: Trap) -> None:
    """What the run wrote to its console, logged as media and saved, by the face of the official client."""
    key = {"Authorization": "Basic " + base64.b64encode(f"api:{trap.stack.key('mallory')}".encode()).decode()}
    files = hostile_files.run_files()
    about = {"entityName": "evil", "projectName": PROJECT.rpartition("/")[2], "runName": "r._-0", "files": list(files)}
    text = "mutation($i: CreateRunFilesInput!) { createRunFiles(input: $i) { files { name uploadUrl } } }"
    url = trap.stack.base_url
    begun = HTTP.request("POST", f"{url}/graphql", json={"query": text, "variables": {"i": about}}, headers=key).json()
    for file in begun["data"]["createRunFiles"]["files"]:
        assert HTTP.request("PUT", file["uploadUrl"], body=files[file["name"]]).status == 200
    lines = {
        "output.log": [evil("console"), f"\x1b[31m{evil('coloured')}\x1b]0;{IMG}\x07", f"x [{IMG}] {LONG}"],
        "wandb-history.jsonl": [json.dumps(hostile_files.media_row())],
    }
    body = {"files": {name: {"offset": 0, "content": content} for name, content in lines.items()}, "uploaded": [*files]}
    sent = HTTP.request("POST", f"{url}/files{PROJECT}/r._-0/file_stream", json=body, headers=key)
    assert sent.status == 200, sent.data


def _log(trap: Trap, artifact: str, run: str, number: int) -> None:
    """A version whose files differ from those of the one before, so that the two can be compared."""
    prose = {name: evil(f"version-{name}") + MARKDOWN for name in ("description", "notes")}
    body = {"run_id": run, "metadata": tree(f"v{number}"), **prose}
    version = trap.call("POST", f"artifacts/{artifact}/versions", body)["id"]
    for path, content in hostile_files.files(number).items():
        stated = {"path": path, "size": len(content), "mime_type": hostile_files.MIME_TYPES.get(path, "text/html")}
        where = trap.call("POST", f"artifacts/versions/{version}/files/upload-url", stated)
        sent = HTTP.request("PUT", where["upload_url"], body=content, headers=where["headers"])
        assert sent.status == 200, sent.data
        file = trap.call("POST", f"artifacts/versions/{version}/files", stated | {"storage_key": where["storage_key"]})
        trap.files[path] = file["id"]
    for path, uri in hostile_files.REFERENCES.items():
        known = {} if "-x:" in uri else {"etag": f"'><svg/onload={WIRE.replace(' ', '')}>"}
        body = {"path": path, "uri": f"{uri}{number}", "version_id": IMG.replace(" ", "/"), **known}
        trap.call("POST", f"artifacts/versions/{version}/files/reference", body)
    trap.call("POST", f"artifacts/versions/{version}/finalize", {"aliases": [f"alias._-{number}"]})
