"""What a layout has to stand: the longest names there may be, none with a space to break at, and many of everything.

`manage.py shell` runs `fill`. The rows are written past the verbs where those would take a request for each file.
"""

import base64
import hashlib
import json
import math

from django.db import transaction
from django.utils import timezone

from accounts import invitations, keys, teams, users
from accounts.actor import Actor, Channel
from accounts.models import Role, User
from artifacts import artifacts, folder_summaries, search_index, storage
from artifacts.aliases import aliases, proposals, protection
from artifacts.models import (
    Artifact,
    ArtifactFile,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    ExternalStore,
    ReferenceState,
    StoredObject,
)
from artifacts.references import external_stores
from artifacts.versions import begin
from harness import lineage_data
from harness.long_names import (
    BUCKET,
    DATASET,
    FILE,
    FOLDER,
    MODEL,
    PERSON,
    PROJECT,
    PROPOSED,
    PROTECTED,
    REFERENCE,
    REFERENCES,
    RUN,
    TEAM,
    long,
)
from notifications import watches, webhooks
from projects import projects, runs
from projects.models import Project, Run, State
from tracking import streams
from tracking.models import Stream

VERSIONS, FILES, RUNS = 40, 1_200, 17
# Of the model and of the dataset; others have none, but the newest.
WITH_FILES = (3, 5, 8)
NAMES = ("production", "staging", "canary", "nightly", "shadow", "eu_west", "us_east", "on_device", "best", "frozen",
         "audit", "rollback_target", "customer_demo", PROTECTED)  # fmt: skip
_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_KEY = long("augmentation.random_horizontal_flip_probability", 150)
_METRICS = [*(f"layer{number}/gradient" for number in range(13)), long("loss", 120)]
_METADATA = {
    _KEY: long("value", 300),
    "mAP": 0.71234567890123,
    "классы": ["Vorfahrt gewähren", "止まれ", "🚸"],
    "nested": {_KEY: {_KEY: list(range(40))}},
    "url": "https://example.org/" + long("page", 200),
}
_CARD = f"""---
license: apache-2.0
language: [de, fr, it, 日本語]
tags: [{", ".join(f"tag-{number}" for number in range(15))}, {long("tag", 100)}]
base_model: {long("organisation", 60)}/{long("backbone", 90)}
model-index:
- name: {long("detector", 90)}
  results:
  - task: {{type: object-detection}}
    dataset: {{name: {long("signs", 90)}, type: signs}}
    metrics:
    - {{type: {long("mAP", 60)}, value: 0.712345678901}}
---
# {long("Sign_detector", 90)}

Finds signs: `{long("sign", 120)}` and https://example.org/{long("page", 120)}.

- [x] {long("done", 90)}
- [ ] to do

| {" | ".join(f"column_{number}" for number in range(14))} |
|{"---|" * 14}
| {" | ".join(long("cell", 40) for number in range(14))} |

> {long("quoted", 100)}

```python
model = load("{long("sign_detector", 120)}", device="cuda", precision="bfloat16", compile=True)
```
"""


@transaction.atomic
def fill() -> None:
    alice = Actor(User.objects.get(username="alice"), Channel.WEB)
    team = teams.create(alice, TEAM, "知覚チーム " + long("Wahrnehmung", 180))
    people = {PERSON: users.create(PERSON, password=f"{PERSON} has a long password"), "bob": None, "vera": None}
    for name, role in zip(people, (Role.EDITOR, Role.ADMIN, Role.VIEWER), strict=True):
        user = people[name] or User.objects.get(username=name)
        invitations.accept_own(Actor(user), invitations.invite_user(alice, team, name, role))
    invitations.create(alice, team, Role.VIEWER, long("guest", 60) + "@example.org")
    keys.create(alice, long("laptop", 100))
    project = projects.create(alice, team, PROJECT, description=f"{long('about', 200)}. Straßenschilder, 道路標識.")
    # Nothing listens there: a preview says so.
    ExternalStore.objects.create(
        team=team, name=long("bucket", 100), prefix=f"s3://{BUCKET}", endpoint="http://127.0.0.1:9", is_operated=True
    )
    own = _runs(alice, project)
    dataset = _artifact(alice, project, DATASET, "dataset", 3)
    model = _artifact(alice, project, MODEL, "model", VERSIONS, own[0])
    ArtifactUsage.objects.bulk_create(ArtifactUsage(run=run, version=dataset[0]) for run in own)
    elsewhere = projects.create(alice, team, long("lineage", 128))
    lineage_data.fill(alice, elsewhere, base=model[7], named=lambda name: long(name, 128))
    _govern(alice, Actor(people[PERSON], Channel.SDK, reason=long("reason", 300)), project, model)
    search_index.rebuild()


def _runs(alice: Actor, project: Project) -> list[Run]:
    made = []
    for number in range(RUNS):
        columns = {"config": _METADATA, "notes": long("note", 300), "job_type": long("job", 128),
                   "group": long("group", 128), "host": long("host", 200), "git_commit": "0" * 40,
                   "git_remote": f"https://example.org/{long('repository', 200)}.git",
                   "tags": [f"tag-{tag}" for tag in range(15)] + [long("tag", 60)]}  # fmt: skip
        name = RUN if number == 0 else f"run-{number}"
        run = runs.start(alice, project, name=name, display_name=long("第1回", 250) if number < 2 else "", **columns)
        ends = (State.FINISHED, State.CRASHED, State.KILLED)
        if number in (0, RUNS - 1):
            _history(alice, run)
        made.append(runs.finish(alice, run, ends[number % 3], summary=_METADATA))
    return made


def _history(alice: Actor, run: Run) -> None:
    """Charts by the dozen, in sections, with names that are long, and a machine with many GPUs."""
    names = [f"{section}/{name}" for section in ("train", long("validation", 80)) for name in _METRICS]
    rows = [{"_step": step} | {name: math.sin(step) * len(name) for name in names} for step in range(30)]
    devices = [{"_runtime": 15 * step} | {f"system.gpu.{gpu}.temp": 50 + gpu for gpu in range(16)} for step in range(9)]
    for stream, new in ((Stream.HISTORY, rows), (Stream.EVENTS, devices)):
        streams.append(alice, run, stream, 0, list(map(json.dumps, new)))


def _artifact(
    alice: Actor, project: Project, name: str, type: str, count: int, run: Run | None = None
) -> list[ArtifactVersion]:
    """An artifact with so many versions. Some have files, and those of the dataset very many."""
    description = f"{long('about', 300)}. **Erkennt** Schilder: 标志."
    tags = [f"tag-{number}" for number in range(15)] + [long("tag", 64)]
    artifact = artifacts.create(alice, project, name, type, description=description, tags=tags)
    versions = [
        ArtifactVersion(
            artifact=artifact, number=number, state="finalized", integrity="verified",
            metadata=_METADATA | {"n": number},
            description=description, notes=description, storage_path=f"artifacts/{artifact.pk}/v{number}/", run=run,
            created_by=alice.user, finalized_at=timezone.now(), digest=f"{number:064x}",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip
    ArtifactVersion.objects.bulk_create(versions)
    counted = {"version_count": count, "latest_version_number": count, "last_assigned_number": count}
    Artifact.objects.filter(pk=artifact.pk).update(**counted)
    artifact.refresh_from_db()
    contents = {
        "README.md": _CARD.encode(), "schema.json": json.dumps(_METADATA).encode(), "images/sample.png": _PICTURE,
        "data/train.csv": f"{_KEY},n,{long('column', 90)}\n".encode() + f"{long('cell', 200)},1,🚸\n".encode() * 30,
    }  # fmt: skip
    same = {path: _blob(alice, versions[0], path, content) for path, content in contents.items()}
    same |= {
        f"{FOLDER}/größe_{number:04}_標識_{long('photo', 60)}.png": same["images/sample.png"] for number in range(3)
    }
    for version in versions:
        if version.number not in WITH_FILES and version is not versions[-1]:
            continue
        line = f"{long('changed', 200)} {version.number}\n"
        text = (
            f"{long('line', 300)}\nshared\n{line}def train(model, photos):\n    return {version.number}\n" * 3
        ).encode()
        files = same | {
            FILE: _blob(alice, version, "a.txt", text),
            "train.py": _blob(alice, version, "b.py", text + b"#"),
        }
        part = same["data/train.csv"]
        files |= {f"data/part-{number:04}.csv": part for number in range(FILES if type == "dataset" else 0)}
        _add_files(version, files)
    Artifact.objects.filter(pk=artifact.pk).update(latest_size=versions[-1].total_size)
    draft = begin(alice, artifact, numbering="on_finalize").version
    _add_files(draft, {"README.md": same["README.md"]})
    return versions


def _references(version: ArtifactVersion) -> list[ArtifactFile]:
    """Some in each state, of each scheme, with the longest URIs, identities and version ids."""
    key, host = long("photos", 500) * 3, long("host", 60).replace("_", "-")
    uris = [
        f"s3://{BUCKET}/{key}",
        f"gs://{long('other', 60)}/{key}",
        f"az://{'a' * 63}/{key}",
        f"https://{host}.example/{key}?page=1",
        f"file:///{key}",
    ]
    checked = timezone.now()
    rows = []
    for number, state in enumerate([*ReferenceState] * len(uris)):
        name = f"{state}_{number:02}_{long('photos', 60)}.parquet"
        is_known = number % 3 > 0
        rows.append(
            ArtifactFile(
                version=version, path=f"{REFERENCES}/{name}", name=name, size=3**number if is_known else 0,
                mime_type="application/octet-stream", reference_uri=uris[number % len(uris)],
                reference_identity=f"etag:{long('identity', 390)}" if is_known else "",
                reference_version_id=long("version", 1_000) if is_known else "",
                reference_state=state, reference_checked_at=None if state == ReferenceState.UNCHECKED else checked,
            )
        )  # fmt: skip
    # One among the files of the root, which is what most people see first.
    rows[0].path = rows[0].name = REFERENCE
    return rows


def _blob(alice: Actor, version: ArtifactVersion, name: str, content: bytes) -> Blob:
    key = f"{version.storage_path}{name}"
    storage.upload_file(key, content)
    sha256, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content, usedforsecurity=False).hexdigest()
    fields = {"project": version.artifact.project, "size": len(content), "sha256": sha256}
    known = Blob.objects.filter(project=version.artifact.project, sha256=sha256).first()
    if known:
        return known
    stored = StoredObject.objects.create(key=key, version=version, kind="file", state="uploaded", **fields)
    return Blob.objects.create(object=stored, state="verified", md5=md5, created_by=alice.user, **fields)


def _add_files(version: ArtifactVersion, files: dict[str, Blob]) -> None:
    kinds = {"md": "text/markdown", "txt": "text/plain", "png": "image/png", "csv": "text/csv",
             "json": "application/json", "py": "text/x-python"}  # fmt: skip
    ArtifactFile.objects.bulk_create(
        ArtifactFile(
            version=version, path=path, name=path.rpartition("/")[2], size=blob.size, blob=blob,
            mime_type=kinds.get(path.rpartition(".")[2], "application/octet-stream"),
        )
        for path, blob in files.items()
    )  # fmt: skip
    # In a draft all are in one state, and there is one of each scheme.
    references = _references(version)[: None if version.is_finalized else 5]
    ArtifactFile.objects.bulk_create(references)
    version.reference_count, version.referenced_size = len(references), sum(file.size for file in references)
    version.file_count = len(files) + len(references)
    version.total_size = sum(blob.size for blob in files.values()) + version.referenced_size
    version.reference_state, version.references_checked_at = ReferenceState.MISSING, timezone.now()
    version.save()
    folder_summaries.store(version)


def _govern(alice: Actor, person: Actor, project: Project, versions: list[ArtifactVersion]) -> None:
    """Aliases by the dozen, with rules, a history, a proposal, a webhook and a watch."""
    artifact = versions[0].artifact
    semantic = {f"v0.{number}.0": versions[number % VERSIONS] for number in range(42)}
    named = {name: versions[-1 - index] for index, name in enumerate(NAMES)}
    # The overview shows the version in production, with all that points to it.
    lengthy = {long(word, 100): versions[-1] for word in ("audited", "billed", "certified")}
    aliases.update_many(alice, artifact, {"latest": versions[-1]} | named | semantic | lengthy)
    for version in (versions[-3], versions[-2]):
        aliases.update_many(person, artifact, dict.fromkeys(["latest", "canary", PROTECTED], version))
    for scope in (artifact, project, project.team):
        protection.create(alice, scope, PROTECTED, needs_approval=True)
        protection.create(alice, scope, "prod*")
    proposals.propose(person, artifact, PROPOSED, versions[-1])
    proposals.propose(person, artifact, PROTECTED, versions[-1])
    url = f"http://127.0.0.1:9/{long('path', 300)}"
    prefix = f"s3://data/{long('folder', 600)}"
    endpoint = f"https://8.8.8.8/{long('path', 300)}"
    external_stores.create(
        alice, project.team, name=long("store", 100), prefix=prefix, endpoint=endpoint, reads_as="nobody"
    )
    webhooks.create(alice, project, url, events=["alias.moved", "alias.created"], description=long("hook", 200))
    watches.watch(alice, project, pattern=long("pattern", 100))
    watches.watch(alice, project, artifact)
