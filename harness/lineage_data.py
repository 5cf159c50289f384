"""The lineage of a team that has trained for a year: generations of photos, sweeps, detectors, reports and exports.

The rows are written past the verbs, which would take a request for each of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts import artifacts
from artifacts.models import Artifact, ArtifactAlias, ArtifactUsage, ArtifactVersion, VersionSource
from projects import projects
from projects.models import Project, Run, State

SOURCES = ("camera-berlin", "camera-zurich", "camera-vienna", "synthetic", "annotations", "weather")
GENERATIONS, SWEEP, EVALUATED = 4, 42, 10


def fill(
    alice: Actor,
    project: Project,
    *,
    base: ArtifactVersion | None = None,
    generations: int = GENERATIONS,
    sweep: int = SWEEP,
    named: Callable[[str], str] = str,
    stranger: User | None = None,
) -> ArtifactVersion:
    """So many generations of work in the project, and the dataset in the middle of it all.

    `base` is a version that the first generation was trained from, `named` makes names longer, and in a project of
    their own the `stranger` uses what there is, which alice does not see.
    """
    team = _Team(alice, project, named)
    raw = [team.version(name, "dataset", 40 * 2**30) for name in SOURCES]
    holdout = team.version("holdout", "dataset", 2**30)
    photos = [base] if base else []
    for generation in range(1, generations + 1):
        merge = team.run(f"merge-{generation}", "prepare", [*raw, *photos[-1:]])
        photos.append(team.version("photos", "dataset", 300 * 2**30, merge, ["latest"]))
        trials = [team.run(f"sweep-{generation}-{trial:02}", "train", photos[-1:]) for trial in range(sweep)]
        models = [team.version("detector", "model", 90 * 2**20, trial) for trial in trials]
        for number, model in enumerate(models[:EVALUATED]):
            check = team.run(f"evaluate-{generation}-{number}", "evaluate", [model, holdout])
            team.version("report", "file", 40 * 2**10, check)
        best = models[0]
        team.export(best, f"quantize-{generation}", ["production", "eu-west"] if generation > 1 else ["frozen"])
    team.write()
    if stranger:
        _use_elsewhere(stranger, photos[-1])
    return photos[generations // 2]


@dataclass
class _Team:
    """What there is to write, in an order in which each refers to what came before."""

    alice: Actor
    project: Project
    named: Callable[[str], str]
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    versions: list[ArtifactVersion] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    usages: list[ArtifactUsage] = field(default_factory=list)
    sources: list[VersionSource] = field(default_factory=list)
    aliases: dict[tuple[Artifact, str], ArtifactVersion] = field(default_factory=dict)

    def version(
        self, name: str, type: str, size: int, run: Run | None = None, aliases: Sequence[str] = ()
    ) -> ArtifactVersion:
        if name not in self.artifacts:
            self.artifacts[name] = artifacts.create(self.alice, self.project, self.named(name), type)
        artifact = self.artifacts[name]
        artifact.version_count += 1
        artifact.latest_version_number = artifact.last_assigned_number = artifact.version_count
        artifact.latest_size = size
        number = artifact.version_count
        version = ArtifactVersion(
            artifact=artifact, number=number, state="finalized", integrity="verified", run=run, total_size=size,
            created_by=self.alice.user, finalized_at=timezone.now(), digest=f"{number:064x}",
            storage_path=f"artifacts/{artifact.pk}/v{number}/",
        )  # fmt: skip
        self.versions.append(version)
        self.aliases |= {(artifact, alias): version for alias in aliases}
        return version

    def run(self, name: str, job_type: str, used: Sequence[ArtifactVersion]) -> Run:
        states = (State.FINISHED, State.FINISHED, State.FINISHED, State.CRASHED, State.RUNNING)
        state = states[len(self.runs) % len(states)]
        started = timezone.now() - timedelta(hours=1_000 - len(self.runs))
        run = Run(
            project=self.project, name=self.named(name), job_type=job_type, state=state,
            created_by=self.alice.user, started_at=started, heartbeat_at=timezone.now(),
            finished_at=None if state == State.RUNNING else started + timedelta(minutes=40),
        )  # fmt: skip
        self.runs.append(run)
        requested = {"photos": ["latest"], "holdout": ["v1"]}
        self.usages += [
            ArtifactUsage(run=run, version=version, requested_as=requested.get(self._name_of(version), []))
            for version in used
        ]
        return run

    def export(self, model: ArtifactVersion, name: str, aliases: Sequence[str]) -> None:
        """A detector made small by a run, and another one by hand."""
        small = self.version("detector-int8", "model", 24 * 2**20, self.run(name, "export", [model]), aliases)
        onnx = self.version("detector-onnx", "model", 92 * 2**20)
        self.sources += [VersionSource(version=onnx, source=model, requested_as="best")]
        for site in ("firmware", "dashboard", "edge-bundle"):
            bundle = self.version(site, "code", 2**20)
            self.sources.append(VersionSource(version=bundle, source=small, requested_as=aliases[0]))

    def write(self) -> None:
        Run.objects.bulk_create(self.runs)
        ArtifactVersion.objects.bulk_create(self.versions)
        counted = ["version_count", "latest_version_number", "last_assigned_number", "latest_size"]
        Artifact.objects.bulk_update(self.artifacts.values(), counted)
        ArtifactUsage.objects.bulk_create(self.usages)
        VersionSource.objects.bulk_create(self.sources)
        ArtifactAlias.objects.bulk_create(
            ArtifactAlias(artifact=artifact, alias=alias, version=version)
            for (artifact, alias), version in self.aliases.items()
        )

    def _name_of(self, version: ArtifactVersion) -> str:
        return next((name for name, artifact in self.artifacts.items() if artifact == version.artifact), "")


def _use_elsewhere(stranger: User, version: ArtifactVersion) -> None:
    actor = Actor(stranger)
    project = projects.create(actor, stranger.personal_team, "undisclosed")
    run = Run.objects.create(project=project, name="copycat", created_by=stranger)
    artifact = artifacts.create(actor, project, "copy", "model")
    ArtifactUsage.objects.create(run=run, version=version)
    ArtifactVersion.objects.create(
        artifact=artifact, number=1, state="finalized", integrity="verified", run=run, created_by=stranger,
        finalized_at=timezone.now(), digest="0" * 64, storage_path=f"artifacts/{artifact.pk}/v1/",
    )  # fmt: skip
