"""Runs: one execution of a script that logs into a project."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, Union

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.urls import reverse
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models.team import Membership
from core import long_values
from core.validators import escape_directions
from projects.models.project import Project, as_uuid
from projects.validators import NAME, validate_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models.user import User


class State(models.TextChoices):
    """One whose heartbeat stopped is crashed without `finished_at`, and is running again at its next heartbeat.

    A pending one waits for a machine; a preempting one is about to lose its own, and has when it is preempted.
    """

    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CRASHED = "crashed", "Crashed"
    KILLED = "killed", "Killed"
    PENDING = "pending", "Pending"
    PREEMPTING = "preempting", "Preempting"
    PREEMPTED = "preempted", "Preempted"


# Those with a process that sends heartbeats.
ALIVE = [State.RUNNING, State.PREEMPTING]


class Resume(models.TextChoices):
    """Whether starting a run of a certain name goes on with the run that has the name."""

    NEVER = "never", "Start a new run, whose name must be free"
    ALLOW = "allow", "Go on with the run if there is one, or else start it"
    MUST = "must", "Go on with a run, which must exist"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Union["User", "AnonymousUser"]) -> Self:
        return self.filter(project__in=Project.objects.visible_to(user))

    def with_role_of(self, user: Any) -> Self:
        """Each with the user's role in its team as `role`; None for who is not in it."""
        memberships = Membership.objects.filter(team=OuterRef("project__team"), user=user)
        return self.annotate(role=Subquery(memberships.values("role")[:1]))

    def filter_by(self, *, ordering: str = "-id", **columns: Any) -> Self:
        """Those with these values of columns, in that order."""
        # The id makes the order total.
        return self.filter(**columns).order_by(ordering, "-id")

    def for_display(self) -> Self:
        """With all that a line of a list shows."""
        return long_values.defer(self.select_related("project__team", "created_by"), "project")

    def with_client(self) -> Self:
        """Each with the version of the official client that logged it as `client_version`; None for other clients."""
        return self.annotate(client_version=KT("wandb__cli_version"))

    def for_change(self) -> Self:
        """With all that its verbs ask of it."""
        return self.select_related("project__team", "created_by")

    def called(self, project: Project, reference: str) -> "Run | None":
        """The run of the project that has this name, or else this id."""
        rows = self.filter(project=project)
        pk = as_uuid(reference)
        return rows.filter(name=reference).first() or (rows.filter(pk=pk).first() if pk else None)

    def open(self) -> Self:
        """Runs that nobody has finished: also those that crashed because their heartbeat stopped."""
        return self.filter(finished_at=None)

    def stale(self, since: datetime) -> Self:
        """Those with a process whose last heartbeat was before `since`."""
        return self.filter(state__in=ALIVE, heartbeat_at__lt=since)


class Run(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The constraint's index begins with the project.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs", db_index=False)
    name = models.CharField(max_length=128, validators=[validate_name])
    display_name = models.CharField(max_length=256, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    config = models.JSONField(default=dict, blank=True)
    # What the official client keeps for itself in the config, and gets back there.
    wandb = models.JSONField(default=dict, blank=True, editable=False)
    summary = models.JSONField(default=dict, blank=True)
    system_metrics = models.JSONField(default=dict, blank=True, editable=False, help_text="The last of each.")
    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    job_type = models.CharField(max_length=128, blank=True)
    group = models.CharField(max_length=128, blank=True)
    host = models.CharField(max_length=255, blank=True)
    git_commit = models.CharField(max_length=64, blank=True)
    git_remote = models.CharField(max_length=1024, blank=True)
    program = models.CharField(max_length=1024, blank=True, help_text="The path of the script.")
    sweep_name = models.CharField(max_length=128, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    error = models.CharField(max_length=1024, blank=True, help_text="The last line of the error that ended it.")
    stop_requested = models.BooleanField(default=False, editable=False, help_text="Its process is asked to stop.")
    # Chosen by whoever starts it: a request that is repeated starts one run.
    idempotency_key = models.UUIDField(null=True, editable=False)
    history_row_count = models.PositiveIntegerField(default=0, editable=False)
    last_step = models.BigIntegerField(null=True, editable=False, help_text="The largest step of the history.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = RunQuerySet.as_manager()
    LONG_VALUES = ("config", "summary", "notes")
    UNLISTED_VALUES = ("wandb", "system_metrics")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="run_name_unique"),
            models.UniqueConstraint(fields=["project", "idempotency_key"], name="run_idempotency_key_unique"),
            models.CheckConstraint(condition=Q(name__regex=NAME), name="run_name_form"),
            models.CheckConstraint(
                condition=Q(state__in=[State.RUNNING, State.PENDING, State.PREEMPTING], finished_at=None)
                | Q(state__in=[State.CRASHED, State.PREEMPTED])
                | Q(state__in=[State.FINISHED, State.FAILED, State.KILLED], finished_at__isnull=False),
                name="run_state_known",
            ),
        ]
        indexes = [
            # Ids grow with time: this is the list of a project, newest first.
            models.Index(fields=["project", "id"], name="run_project_newest"),
            # For the table of runs, by each of its columns.
            models.Index(fields=["project", "state", "id"], name="run_by_state"),
            models.Index(fields=["project", "job_type", "id"], name="run_by_job_type"),
            models.Index(fields=["heartbeat_at"], condition=Q(state__in=ALIVE), name="run_running_heartbeat"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """What people call it; its name is its id in URLs."""
        return escape_directions(self.display_name or self.name)

    def get_absolute_url(self) -> str:
        return reverse("run", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its page's URL names, of a run whose project and team are loaded."""
        return [*self.project.url_args, self.name]

    @property
    def client(self) -> str:
        """What logged it, such as `wandb 0.31.0`, where that was the official client; else empty."""
        version = self.wandb.get("cli_version") if isinstance(self.wandb, dict) else None
        return f"wandb {version}"[:64] if isinstance(version, str) else ""

    @property
    def duration(self) -> timedelta:
        """How long it ran; where the heartbeat stopped, until the last one."""
        last = timezone.now() if self.state == State.RUNNING else self.heartbeat_at
        return max((self.finished_at or last) - self.started_at, timedelta())
