"""Hierarchies of records: a week of experiments, and what a layout has to stand.

`manage.py shell` runs `fill` where there are the projects of the browser tests. Ids are given, so that pages have URLs
that are known.
"""

from typing import Any

from accounts.actor import Actor, Channel
from accounts.models import User
from harness.long_names import MODEL, PROJECT, TEAM, long
from harness.record_names import (
    CROWDED_EXPERIMENT,
    CROWDED_HIERARCHY,
    CROWDED_PREDICTION,
    CROWDED_TRAINING,
    EMPTY_HIERARCHY,
    EXPERIMENT,
    HIERARCHY,
    PREDICTION,
    TRAINING,
)
from hierarchies import data_indexes, hierarchies, records, retention_rules
from hierarchies.models import Hierarchy, Record
from hierarchies.record_specs import RecordSpec
from projects.models import Project

CHILDREN, DEPTH = 1_000, 40
LABELS = {"0": "experiment", "1": "model", "2": "predictions"}
_STDOUT = "\n".join(
    f"epoch {number:>2}  loss {1 / (number + 2):.4f}  rmse {0.9 / (number + 3):.4f}" for number in range(40)
)
_CITIES = ("Oslo", "Kampala", "Vientiane", "Lilongwe", "Zürich")


def fill() -> None:
    alice = Actor(User.objects.get(username="alice"), Channel.WEB)
    usual = Project.objects.get(team__name="acme", name="recommender")
    hierarchy = hierarchies.create(
        alice, usual, HIERARCHY, description="Forecasts of **rainfall**: what was tried, and what came of it.",
        level_labels=LABELS, enforce_levels=True,
    )  # fmt: skip
    week(alice, hierarchy)
    hierarchies.create(alice, usual, EMPTY_HIERARCHY, level_labels={"0": "project", "1": "document", "2": "version"})
    govern(alice, hierarchy, "experiment_name")
    crowd(alice, Project.objects.get(team__name=TEAM, name=PROJECT))


def week(actor: Actor, hierarchy: Hierarchy) -> None:
    """Three experiments with models, and predictions of each."""
    for number, name in enumerate(("weather_forecast", "weather_forecast_gpu", "malaria_early_warning")):
        data = {"experiment_name": name, "started_at": f"2026-11-0{number + 1}T10:00:00Z", "owner": "alice"}
        root = _record(actor, hierarchy, data, id=EXPERIMENT if not number else None, tags=["rain", "weekly"])
        for alpha in (0.01, 0.1, 1.0):
            is_first = not number and alpha == 0.01
            model = _record(
                actor, hierarchy, training(alpha, "ranker:v5" if is_first else ""), root,
                id=TRAINING if is_first else None, tags=["ridge"],
            )  # fmt: skip
            for month in range(3):
                pk = PREDICTION if is_first and not month else None
                _record(actor, hierarchy, prediction(month), model, id=pk)


def govern(actor: Actor, hierarchy: Hierarchy, path: str) -> None:
    """A rule of retention for each of two levels, and an index."""
    for level in (1, 2):
        retention_rules.create(actor, hierarchy, level=level, keep_last=5_000)
    data_indexes.create(actor, hierarchy, path)


def training(alpha: float, version: str = "") -> dict[str, Any]:
    """A training as the pages show it, with a model of an artifact's version if one is named."""
    metadata = {
        "status": "success" if alpha < 1 else "failed", "config_id": "01JZCNF000000000000000WTHR",
        "started_at": "2026-11-02T10:00:00Z", "completed_at": "2026-11-02T10:05:12Z", "duration_seconds": 312.4,
        "exit_code": 0 if alpha < 1 else 1, "stdout": _STDOUT, "stderr": "" if alpha < 1 else "ValueError: diverged\n",
        "metrics": {"rmse": 0.25 + alpha / 7, "mae": 0.18 + alpha / 9, "rows": 1_000},
    }  # fmt: skip
    content = {"weights": f"artifact://acme/recommender/{version}"} if version else {"coefficients": [0.4, 1.6, alpha]}
    return {"type": "ml_training_workspace", "metadata": metadata, "content": {"alpha": alpha, **content}}


def prediction(month: int) -> dict[str, Any]:
    """Predictions with their table in the data itself."""
    metadata = {
        "status": "success", "config_id": "01JZCNF000000000000000WTHR", "started_at": f"2026-11-0{month + 3}T06:00:00Z",
        "completed_at": f"2026-11-0{month + 3}T06:00:09Z", "duration_seconds": 9.2, "exit_code": 0,
        "stdout": "1,000 rows predicted\n",
    }  # fmt: skip
    rows = [[city, f"2026-{month + 1:02}", 12.5 * (month + 1) + index, None if index == 3 else 0.9] for index, city in
            enumerate(_CITIES)]  # fmt: skip
    frame = {"columns": ["city", "month", "rain_mm", "confidence"], "data": rows}
    content_type = "application/vnd.chapkit.dataframe+json"
    return {"type": "ml_prediction", "metadata": metadata, "content": frame, "content_type": content_type}


def crowd(actor: Actor, project: Project) -> None:
    """The longest names, labels and values, a record with very many below it, and a deep tree."""
    labels = {str(level): long(f"level_{level}", 64) for level in range(20)}
    about = f"{long('about', 300)}. Niederschläge, 降水量."
    hierarchy = hierarchies.create(actor, project, CROWDED_HIERARCHY, description=about, level_labels=labels)
    hierarchies.create(actor, project, EMPTY_HIERARCHY, description=about, level_labels=labels)
    for number in range(12):
        name = long(f"other_{number}", 128)
        hierarchies.create(actor, project, name, description=about, level_labels=labels, access="public")
    tags = [f"tag-{number}" for number in range(15)] + [long("tag", 64)]
    text, key = long("value", 400), long("key", 150)
    wide = {"columns": [long(f"column_{number}", 90) for number in range(14)], "data": [[long("cell", 300)] * 14] * 30}
    data = {
        "experiment_name": long("experiment", 300),
        key: {key: {key: [text] * 30}},
        "классы": "止まれ 🚸",
        "frame": wide,
    }
    root = _record(actor, hierarchy, data, id=CROWDED_EXPERIMENT, tags=tags)
    metadata = training(0.1)["metadata"] | {
        "config_id": long("config", 200), "stdout": f"{long('line', 300)}\n" * 60,
        "metrics": {long("metric", 90): 0.7123456789, "mAP": 1e-9, long("text", 90): long("value", 200)},
    }  # fmt: skip
    content = {"_type": long("Model", 120), "_module": long("module", 200), "_repr": long("repr", 199),
               "_serialization_error": "not JSON"}  # fmt: skip
    trained = {
        "type": "ml_training_workspace",
        "metadata": metadata,
        "content": content,
        "content_type": long("type", 90),
    }
    model = _record(actor, hierarchy, trained, root, id=CROWDED_TRAINING, tags=tags)
    predicted = prediction(0)
    predicted["metadata"] |= {"stdout": f"{long('line', 300)}\n" * 60, "config_id": long("config", 200)}
    predicted["content"] = {"frame": wide, "version": f"artifact://{TEAM}/{PROJECT}/{MODEL}:v5"}
    _record(actor, hierarchy, predicted, model, id=CROWDED_PREDICTION, tags=tags)
    specs = [RecordSpec({"name": f"{long('child', 100)}_{number}"}, root.pk) for number in range(CHILDREN)]
    records.create_many(actor, hierarchy, specs)
    chain = [RecordSpec({"name": f"{long('deep', 100)}_{number}"}, f"#{number - 1}" if number else None) for number in
             range(DEPTH)]  # fmt: skip
    records.create_many(actor, hierarchy, chain)
    govern(actor, hierarchy, long("key", 60))


def _record(
    actor: Actor, hierarchy: Hierarchy, data: Any, parent: Record | None = None, *, id: str | None = None,
    tags: list[str] | None = None,
) -> Record:  # fmt: skip
    return records.create(actor, hierarchy, RecordSpec(data, parent.pk if parent else None, tags=tags or (), id=id))
