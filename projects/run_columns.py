"""Checks and changes of the columns that the owner of a run fills in."""

from typing import Any

from django.core.exceptions import ValidationError

from accounts import errors
from core.validators import MAX_TAGS, MAX_TEXT_LENGTH, validate_json_object, validate_single_line, validate_tags
from projects import metric_definitions
from projects.metric_definitions import MetricDefinition
from projects.models import Run

# What clients tell of themselves is cut to its column, for no user chose it.
_CUT = ("host", "program", "git_remote", "git_commit")


def checked(columns: dict[str, Any]) -> dict[str, Any]:
    """What is not None, as it fits. Raises `Invalid`."""
    changes = {column: value for column, value in columns.items() if value is not None}
    for column in _CUT:
        if column in changes:
            changes[column] = changes[column][: Run._meta.get_field(column).max_length]
    for column in {"config", "summary", "wandb"} & changes.keys():
        checked_object(column, changes[column])
    try:
        for column in ("display_name", "group", "job_type", "sweep_name", *_CUT):
            validate_single_line(changes.get(column, ""))
        if "tags" in changes:
            changes["tags"] = validate_tags(changes["tags"])
    except ValidationError as error:
        raise errors.Invalid(error.messages[0]) from error
    if len(changes.get("notes", "")) > MAX_TEXT_LENGTH:
        raise errors.Invalid(f"The notes of a run have at most {MAX_TEXT_LENGTH:,} characters.")
    return changes


def checked_object(column: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value of config, summary or the like. Raises `Invalid` where it is too large, too deep or no JSON."""
    try:
        return validate_json_object(value)
    except ValidationError as error:
        raise errors.Invalid(f"{column}: {error.messages[0]}", errors={column: error.messages}) from error


def with_metrics(stored: Run, metrics: list[MetricDefinition]) -> dict[str, Any]:
    """`Run.wandb` with these definitions, which replace those of the same names. Raises `Invalid` for too many."""
    definitions = metric_definitions.of_run(stored) | {definition.name: definition for definition in metrics}
    if len(definitions) > metric_definitions.MAX_DEFINITIONS:
        raise errors.Invalid(f"A run defines at most {metric_definitions.MAX_DEFINITIONS:,} metrics.")
    return {**stored.wandb, "m": metric_definitions.to_rows(definitions.values())}


def with_tags(tags: list[str], added: list[str], removed: list[str]) -> list[str]:
    """The tags in their order, with and without these. Raises `Invalid` where they are too many."""
    changed = [tag for tag in dict.fromkeys([*tags, *added]) if tag not in removed]
    if len(changed) > MAX_TAGS:
        raise errors.Invalid(f"It would have {len(changed)} tags: at most {MAX_TAGS} are allowed.")
    return changed
