"""What screenshots show of a project with ordinary names: a year's lineage, and photos that stay where they are."""

from datetime import timedelta

from django.utils import timezone

from accounts import users
from accounts.actor import Actor, Channel
from accounts.models import Team, User
from artifacts import artifacts, folder_summaries, search_index
from artifacts.models import ArtifactFile, ArtifactVersion, ReferenceState
from artifacts.versions import begin
from harness import lineage_data
from projects import projects
from projects.models import Project

TEAM, PROJECT, ARTIFACT = "acme", "vision", "street-photos"
CITIES = ("berlin", "wien", "zürich")
_STATES = {3: ReferenceState.CHANGED, 11: ReferenceState.MISSING, 17: ReferenceState.UNCHECKED}


def fill() -> None:
    """The project, a user who has nothing yet, and an operator."""
    alice = Actor(User.objects.get(username="alice"), Channel.WEB)
    about = "Detectors for street photos, from cameras in three cities."
    project = projects.create(alice, Team.objects.get(name=TEAM), PROJECT, description=about)
    lineage_data.fill(alice, project)
    _photos(alice, project)
    users.create("nora", password="nora has a long password")
    users.create("olga", password="olga has a long password", is_superuser=True)
    search_index.rebuild()


def _photos(alice: Actor, project: Project) -> None:
    about = "Photos of all cameras. They stay in the bucket of the **mapping** team."
    artifact = artifacts.create(alice, project, ARTIFACT, "dataset", description=about, tags=["photos", "raw"])
    version = ArtifactVersion.objects.create(
        artifact=artifact, number=1, state="finalized", integrity="verified", created_by=alice.user,
        finalized_at=timezone.now() - timedelta(days=9), digest="7" * 64, storage_path=f"artifacts/{artifact.pk}/v1/",
        metadata={"cameras": 12, "resolution": [1920, 1080], "licence": "CC-BY-4.0"},
    )  # fmt: skip
    artifact.version_count = artifact.latest_version_number = artifact.last_assigned_number = 1
    artifact.save()
    _refer(version, 48)
    _refer(begin(alice, artifact, numbering="on_finalize").version, 5)


def _refer(version: ArtifactVersion, count: int) -> None:
    checked = timezone.now() - timedelta(hours=3)
    files = []
    for number in range(count):
        path = f"{CITIES[number % 3]}/2026-{1 + number // 6:02}-{1 + number % 28:02}.tar"
        state = _STATES.get(number, ReferenceState.UNCHANGED) if version.is_finalized else ReferenceState.UNCHECKED
        files.append(
            ArtifactFile(
                version=version, path=path, name=path.rpartition("/")[2], size=(number + 3) * 700 * 2**20,
                mime_type="application/x-tar", reference_uri=f"s3://acme-datasets/public/{path}",
                reference_identity=f"etag:{number:032x}", reference_version_id="", reference_state=state,
                reference_checked_at=None if state == ReferenceState.UNCHECKED else checked,
            )
        )  # fmt: skip
    ArtifactFile.objects.bulk_create(files)
    version.file_count = version.reference_count = len(files)
    version.total_size = version.referenced_size = sum(file.size for file in files)
    if version.is_finalized:
        version.reference_state, version.references_checked_at = ReferenceState.MISSING, checked
    version.save()
    folder_summaries.store(version)
