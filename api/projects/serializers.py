"""Serializers of projects and runs."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import (
    BoundedDictField,
    BoundedListField,
    EnumField,
    JSONObjectField,
    LineField,
    ListItemMixin,
    ProseField,
    TagsField,
)
from api.pagination import CursorQuery, PageQuery
from api.search_filter import QueryField
from projects import metric_definitions
from projects.metric_definitions import MetricDefinition
from projects.models import Project, Resume, Run, RunEnvironment, State, Visibility
from projects.validators import NAME, NAME_RULE, validate_packages
from tracking import history
from tracking.history_keys import MAX_KEY_LENGTH

MAX_HISTORY_ROWS = 10_000
MAX_QUERY_KEYS = 100


class NameField(serializers.RegexField):
    """The name of a project or run."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(NAME, max_length=128, trim_whitespace=False, **kwargs)
        self.error_messages["invalid"] = NAME_RULE


def ordering(default: str, *columns: str) -> serializers.ChoiceField:
    """A query parameter for the columns by which a list can be sorted, `-` for descending."""
    return serializers.ChoiceField([*columns, *(f"-{column}" for column in columns)], default=default)


class ProjectSerializer(serializers.ModelSerializer):
    """A project with its team and creator loaded."""

    team = serializers.CharField(source="team.name", read_only=True)
    full_name = serializers.CharField(read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Project
        fields = [
            "id", "team", "name", "full_name", "description", "visibility", "created_by", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class ProjectItemSerializer(ListItemMixin, ProjectSerializer):
    """A project in a list."""


class ProjectCreate(serializers.Serializer):
    team = serializers.CharField(required=False, max_length=64, help_text="Your personal team if absent.")
    name = NameField()
    description = ProseField(required=False)
    visibility = EnumField(Visibility, required=False, help_text="Private if absent.")


class ProjectUpdate(serializers.Serializer):
    team = serializers.CharField(required=False, max_length=64, help_text="A project stays in its team.")
    name = NameField(required=False)
    description = ProseField(required=False)
    visibility = EnumField(Visibility, required=False)


class ProjectQuery(PageQuery):
    q = QueryField()
    team = serializers.CharField(required=False, max_length=64)
    name = serializers.CharField(required=False, max_length=128, help_text="The exact name.")
    visibility = EnumField(Visibility, required=False)
    search = serializers.CharField(required=False, max_length=100, help_text="Part of name or description.")
    ordering = ordering("-id", "id", "name", "created_at", "updated_at")


class RunSerializer(serializers.ModelSerializer):
    """A run with its project, team and creator loaded."""

    project = serializers.UUIDField(source="project_id", read_only=True)
    project_name = serializers.CharField(source="project.full_name", read_only=True)
    config = JSONObjectField(read_only=True)
    summary = JSONObjectField(read_only=True)
    tags = TagsField(read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id", "project", "project_name", "name", "display_name", "state", "config", "summary", "tags", "notes",
            "job_type", "group", "host", "git_commit", "git_remote", "started_at", "heartbeat_at", "finished_at",
            "exit_code", "error", "stop_requested",
            "history_row_count", "last_step", "created_by", "url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_url(self, run: Run) -> str:
        return settings.BASE_URL + run.get_absolute_url()


class EnvironmentSerializer(serializers.ModelSerializer):
    """What a run was started with."""

    class Meta:
        model = RunEnvironment
        fields = ["command", "python_version", "packages"]


class MetricDefinitionSerializer(serializers.Serializer):
    """What a program says about one of its metrics."""

    step_metric = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_KEY_LENGTH, help_text="The metric that is its x axis."
    )
    step_sync = serializers.BooleanField(
        required=False, source="is_step_synced", help_text="Rows without `step_metric` get its last value."
    )
    hidden = serializers.BooleanField(required=False, source="is_hidden", help_text="It has no chart of its own.")
    summary = BoundedListField(
        child=serializers.ChoiceField(metric_definitions.SUMMARIES),
        max_length=len(metric_definitions.SUMMARIES),
        required=False,
        help_text="What the summary keeps of it; the last value if empty.",
    )
    goal = serializers.ChoiceField(metric_definitions.GOALS, required=False, allow_blank=True)


class MetricDefinitionsField(BoundedDictField):
    """Definitions by the name of the metric; one that ends in `*` is for all that begin so."""

    child = MetricDefinitionSerializer()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=metric_definitions.MAX_DEFINITIONS, **kwargs)

    def to_internal_value(self, data: Any) -> list[MetricDefinition]:
        found = super().to_internal_value(data)
        if any(not 0 < len(name) <= MAX_KEY_LENGTH or "\0" in name for name in found):
            raise serializers.ValidationError(f"The name of a metric has 1 to {MAX_KEY_LENGTH} characters.")
        return [MetricDefinition(name, **_as_tuples(about)) for name, about in found.items()]

    def to_representation(self, value: Any) -> dict[str, Any]:
        return {name: MetricDefinitionSerializer(definition).data for name, definition in value.items()}


def _as_tuples(about: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()}


class RunDetailSerializer(RunSerializer):
    """A run with its environment loaded."""

    metrics = serializers.SerializerMethodField(help_text="What its program said about its metrics, by their names.")
    environment = EnvironmentSerializer(read_only=True, allow_null=True, default=None)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "metrics", "environment"]
        read_only_fields = fields

    @extend_schema_field(MetricDefinitionsField)
    def get_metrics(self, run: Run) -> dict[str, Any]:
        return MetricDefinitionsField().to_representation(metric_definitions.of_run(run))


class RunItemSerializer(ListItemMixin, RunSerializer):
    """A run in a list."""


class RunStartedSerializer(RunSerializer):
    """The run, and whether it is a new one."""

    created = serializers.BooleanField(help_text="False if a run goes on.")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "created"]
        read_only_fields = fields


class RunFields(serializers.Serializer):
    display_name = LineField(required=False, allow_blank=True, max_length=256)
    config = JSONObjectField(required=False)
    summary = JSONObjectField(required=False)
    tags = TagsField(required=False)
    notes = ProseField(required=False)
    job_type = LineField(required=False, allow_blank=True, max_length=128)
    group = LineField(required=False, allow_blank=True, max_length=128)


class RunUpdate(RunFields):
    metrics = MetricDefinitionsField(required=False, help_text="They replace those of the same names.")
    add_tags = TagsField(required=False, help_text="Added to those that it has, whatever others do meanwhile.")
    remove_tags = TagsField(required=False, help_text="Removed, if it has them.")
    merge = serializers.BooleanField(
        default=False, help_text="Add the keys of config and summary to those that the run has."
    )


class Environment(serializers.Serializer):
    command = LineField(required=False, allow_blank=True, max_length=4096)
    python_version = LineField(required=False, allow_blank=True, max_length=64)
    packages = JSONObjectField(
        required=False, validators=[validate_packages], help_text="Versions by name, at most 1,000."
    )


class RunCreate(RunFields):
    project = serializers.CharField(
        max_length=200, help_text="An id, `team/name`, or `name` in your personal team; created if it does not exist."
    )
    name = NameField(required=False, allow_null=True, help_text="Generated if absent; to resume a run, its id will do.")
    resume = EnumField(
        Resume,
        default=Resume.NEVER,
        help_text="Go on with the run of this name: if there is one (`allow`), or if not it is an error (`must`).",
    )
    idempotency_key = serializers.UUIDField(
        required=False, allow_null=True, help_text="Random: the same one again returns the run that it started."
    )
    started_at = serializers.DateTimeField(
        required=False, help_text="When it began, if that was earlier. Not for a run that goes on."
    )
    host = LineField(required=False, allow_blank=True, max_length=255)
    git_commit = LineField(required=False, allow_blank=True, max_length=64)
    git_remote = LineField(required=False, allow_blank=True, max_length=1024)
    environment = Environment(required=False)


class RunFinish(serializers.Serializer):
    exit_code = serializers.IntegerField(
        required=False, min_value=-(2**31), max_value=2**31 - 1, help_text="0 means finished, anything else crashed."
    )
    state = EnumField(
        State,
        some=[State.FINISHED, State.FAILED, State.CRASHED, State.KILLED],
        required=False,
        help_text="Takes precedence over the exit code.",
    )
    error = LineField(
        required=False, allow_blank=True, max_length=1024, help_text="The last line of the error that ended it."
    )
    summary = JSONObjectField(required=False, allow_null=True)
    finished_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When it ended, if that was earlier."
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        exit_code = data.get("exit_code")
        if "state" not in data:
            if exit_code is None:
                raise serializers.ValidationError("Send how the run ended: exit_code or state.")
            data["state"] = State.CRASHED if exit_code else State.FINISHED
        return data


class HistoryRowField(JSONObjectField):
    """A JSON object with an integer `_step`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        row = super().to_internal_value(data)
        step = row.get(history.STEP)
        if not isinstance(step, int) or isinstance(step, bool) or not -(2**63) <= step < 2**63:
            raise serializers.ValidationError(f"A row needs '{history.STEP}', an integer.")
        return row


class HistoryAppend(serializers.Serializer):
    writer = serializers.UUIDField(help_text="Random, one for each process that logs into the run.")
    offset = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1 - MAX_HISTORY_ROWS, help_text="How many rows this writer has sent before."
    )
    rows = BoundedListField(child=HistoryRowField(), max_length=MAX_HISTORY_ROWS)


class HistoryAppended(serializers.Serializer):
    history_row_count = serializers.IntegerField()
    last_step = serializers.IntegerField(allow_null=True)
    stop_requested = serializers.BooleanField(help_text="The program is asked to stop.")


class HistoryQuery(CursorQuery):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_HISTORY_ROWS, default=1000)
    min_step = serializers.IntegerField(
        required=False, min_value=-(2**63), max_value=2**63 - 1, help_text="The first step."
    )
    max_step = serializers.IntegerField(
        required=False, min_value=-(2**63), max_value=2**63 - 1, help_text="The step after the last one."
    )
    keys = BoundedListField(
        child=serializers.CharField(max_length=MAX_KEY_LENGTH, trim_whitespace=False),
        max_length=MAX_QUERY_KEYS,
        required=False,
        help_text="Only these values, with `_step` and `_timestamp`, of the rows that have one of them; nested ones "
        "have dots. Repeat it for each.",
    )
    samples = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_HISTORY_ROWS,
        help_text="Instead of pages: at most so many rows, evenly spread from the first to the last. With `keys` only "
        "those that have all of them.",
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if "samples" in data and "cursor" in data:
            raise serializers.ValidationError("Samples have no pages: leave cursor out.")
        return data


class HistoryPage(serializers.Serializer):
    items = serializers.ListField(child=JSONObjectField())
    next_cursor = serializers.CharField(allow_null=True)


class RunQuery(PageQuery):
    q = QueryField()
    project = serializers.CharField(required=False, max_length=200, help_text="An id, or `team/name`.")
    name = serializers.CharField(required=False, max_length=128, help_text="The exact name.")
    state = EnumField(State, required=False)
    group = serializers.CharField(required=False, max_length=128)
    job_type = serializers.CharField(required=False, max_length=128)
    search = serializers.CharField(required=False, max_length=100, help_text="Part of a name, of the notes or a tag.")
    ordering = ordering("-id", "id", "name", "display_name", "state", "started_at", "heartbeat_at", "finished_at")
