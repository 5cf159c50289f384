"""A first project, logged through the SDK over HTTP as anybody would: so that a new server has something to show.

A table of houses in three versions, two models that learn prices from it, this repository's own documents and code;
what happens to aliases: one that a rule protects, one that went back, one that waits for a second person; a collection
with links to the models; and a tree of records, in a hierarchy that is open to everybody on this machine. What was done
already is left alone, so a start that was cut short is gone on with, and nothing is done twice.
"""

import csv
import json
import math
import os
import random
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import urllib3

import wanllmdb as wandb

ROOT = Path(__file__).parents[2]
PROJECT = "first-steps"
COLUMNS = ("area", "rooms", "age", "distance", "price")
MODEL = "price-model"
COLLECTION = "served-price-model"
HIERARCHY = "experiments"
# Reasons that the pages show; here they mark a step as done.
ROLLBACK_REASON = "The error is too large: back to all columns"
PROPOSAL_REASON = "Less error on the houses that were held out"

House = Mapping[str, float]


def main() -> None:
    api = wandb.Api()
    project = f"{api.viewer['default_team']}/{PROJECT}"
    marks = set(completed_marks(api, project)) if project in {row.full_name for row in api.projects()} else set()
    for mark, step in STEPS.items():
        if mark not in marks:
            step(project)


def completed_marks(api: wandb.Api, project: str) -> Iterable[str]:
    """What earlier starts have left behind: aliases, and the reasons of what happened to them."""
    for artifact in api.artifacts(project):
        yield from (f"{artifact.name}:{alias}" for alias in artifact.all_aliases())
        if artifact.name == MODEL:
            yield from (change.reason for change in wandb.registry.history(artifact.qualified_name))
            yield from (proposal.reason for proposal in wandb.registry.proposals(artifact.qualified_name, state=None))


# --- The data ---------------------------------------------------------------------------------------------------------


def collect(project: str, name: str, rows: int, alias: str) -> None:
    """Rows as they come in, some of them wrong."""
    with wandb.init(project=project, name=name, job_type="collect", config={"rows": rows, "seed": 7}) as run:
        houses = list(generate_houses(rows))
        log_table(run, houses, "As it came in: about one row in a hundred is wrong.", [alias])
        run.log({"rows": len(houses)})


def clean(project: str) -> None:
    with wandb.init(project=project, name="clean", job_type="clean", config={"smallest_area": 10}) as run:
        houses = read_table(run.use_artifact("houses:v0.2.0", type="dataset"))
        good = [house for house in houses if house["area"] >= run.config["smallest_area"] and house["price"] > 0]
        log_table(run, good, "Without the rows that cannot be right.", ["v1.0.0", "production"])
        run.log({"rows": len(good), "dropped": len(houses) - len(good)})


def generate_houses(rows: int) -> Iterable[House]:
    """Always the same houses for the same number of rows."""
    generator = random.Random(7)
    for _ in range(rows):
        area, age = generator.uniform(25, 240), generator.uniform(0, 120)
        rooms, distance = max(1, round(area / 28 + generator.gauss(0, 0.8))), generator.expovariate(1 / 8)
        price = 60_000 + 3_100 * area + 9_000 * rooms - 700 * age - 4_000 * distance + generator.gauss(0, 25_000)
        if generator.random() < 0.01:
            area, price = generator.choice([(0.0, price), (area, -1.0)])
        yield dict(zip(COLUMNS, (round(area, 1), rooms, round(age), round(distance, 2), round(price, -2)), strict=True))


def log_table(run: wandb.Run, houses: Sequence[House], description: str, aliases: list[str]) -> None:
    table = wandb.Artifact("houses", "dataset", description, {"rows": len(houses), "columns": list(COLUMNS)})
    with table.new_file("houses.csv") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(houses)
    with table.new_file("README.md") as file:
        file.write(
            f"# Houses\n\n{len(houses)} invented houses: area in m², distance to the centre in km. {description}\n"
        )
    run.log_artifact(table, aliases=aliases)


def read_table(table: wandb.Artifact) -> list[House]:
    rows = csv.DictReader(read(table, "houses.csv").splitlines())
    return [{name: float(value) for name, value in row.items()} for row in rows]


def read(artifact: wandb.Artifact, path: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        return Path(artifact.get_path(path).download(directory)).read_text("utf-8")


# --- The models -------------------------------------------------------------------------------------------------------


def train(project: str, name: str, features: Sequence[str], aliases: list[str]) -> None:
    """Least squares. One house in five is kept back to say how good it is."""
    config = {"model": "least squares", "features": list(features), "held_out": 0.2}
    with wandb.init(project=project, name=name, job_type="train", config=config, tags=["baseline"]) as run:
        data = run.use_artifact("houses:production", type="dataset")
        houses = read_table(data)
        held_out = int(len(houses) * run.config["held_out"])
        weights = fit(
            [feature_vector(house, features) for house in houses[held_out:]], [h["price"] for h in houses[held_out:]]
        )
        errors = [dot(weights, feature_vector(house, features)) - house["price"] for house in houses[:held_out]]
        rmse = math.sqrt(sum(error**2 for error in errors) / len(errors))
        run.log({"rmse": round(rmse), "trained_on": len(houses) - held_out, "data": data.version})
        log_model(run, features, weights, rmse, aliases)


def log_model(run: wandb.Run, features: Sequence[str], weights: list[float], rmse: float, aliases: list[str]) -> None:
    names = ["intercept", *features]
    model = wandb.Artifact(MODEL, "model", f"Prices from {', '.join(features)}.", {"rmse": round(rmse)})
    with model.new_file("model.json") as file:
        json.dump({"weights": dict(zip(names, weights, strict=True)), "rmse": rmse}, file, indent=2)
    with model.new_file("model.safetensors", "wb") as file:
        tensor = struct.pack(f"<{len(weights)}d", *weights)
        about = {"weights": {"dtype": "F64", "shape": [len(weights)], "data_offsets": [0, len(tensor)]}}
        header = json.dumps(about).encode()
        file.write(struct.pack("<Q", len(header)) + header + tensor)
    run.log_artifact(model, aliases=aliases)


def compare(project: str) -> None:
    """The better of the two waits for somebody to promote it."""
    with wandb.init(project=project, name="compare", job_type="evaluate") as run:
        models = [run.use_artifact(f"{MODEL}:{alias}", type="model") for alias in ("v1.0.0", "v1.1.0")]
        for model in models:
            run.summary[f"rmse_{model.version}"] = json.loads(read(model, "model.json"))["rmse"]
        run.log_artifact(min(models, key=lambda model: model.metadata["rmse"]), aliases=["staging"])


def feature_vector(house: House, features: Sequence[str]) -> list[float]:
    return [1.0, *(house[name] for name in features)]


def dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def fit(rows: Sequence[Sequence[float]], targets: Sequence[float]) -> list[float]:
    """The weights with the least squared error: the normal equations, by Gauss-Jordan elimination."""
    columns = list(zip(*rows, strict=True))
    matrix = [[dot(left, right) for right in columns] + [dot(left, targets)] for left in columns]
    for pivot in range(len(matrix)):
        best = max(range(pivot, len(matrix)), key=lambda row: abs(matrix[row][pivot]))
        matrix[pivot], matrix[best] = matrix[best], matrix[pivot]
        scale = matrix[pivot][pivot]
        matrix[pivot] = [value / scale for value in matrix[pivot]]
        for row in range(len(matrix)):
            if row != pivot:
                factor = matrix[row][pivot]
                pairs = zip(matrix[row], matrix[pivot], strict=True)
                matrix[row] = [value - factor * base for value, base in pairs]
    return [row[-1] for row in matrix]


# --- What happens to aliases ------------------------------------------------------------------------------------------


def protect(project: str) -> None:
    """From now on only admins move `production`. Rules are made on the pages, or as here with a request."""
    body = {"project": project, "pattern": "production", "role": "admin", "needs_approval": False}
    post("/api/v1/alias-rules", body)


def move_and_roll_back(project: str) -> None:
    """A move that turned out to be wrong, and the way back."""
    model = f"{project}/{MODEL}"
    wandb.registry.transition_stage(model, "v1.0.0", "Staging", comment="One column is easier to explain")
    wandb.registry.rollback(model, "staging", reason=ROLLBACK_REASON)


def propose(project: str) -> None:
    wandb.registry.propose(f"{project}/{MODEL}", "v1.1.0", "production", reason=PROPOSAL_REASON)


# --- A collection -----------------------------------------------------------------------------------------------------


def link(project: str) -> None:
    """What is served, and what comes next: links, which copy nothing."""
    about = {"project": project, "name": COLLECTION, "type": "model", "kind": "collection"}
    post("/api/v1/artifacts", about | {"description": "The price model that is served, and the next one."})
    for version, alias in (("v1.0.0", "production"), ("v1.1.0", "candidate")):
        wandb.Api().artifact(f"{project}/{MODEL}:{version}").link(f"{project}/{COLLECTION}", aliases=[alias])


# --- A tree of records ------------------------------------------------------------------------------------------------


def keep_records(project: str) -> None:
    """A hierarchy that everybody on this machine may read and write without a key, and a first tree in it."""
    labels = {"0": "experiment", "1": "model", "2": "predictions"}
    body = {"project": project, "name": HIERARCHY, "level_labels": labels, "access": "open"}
    body["description"] = "Experiments, their models and what these predicted. Open to everybody on this machine."
    if not post("/api/v1/hierarchies", body):
        return
    weather = {"experiment_name": "weather_forecast", "started_at": "2025-10-18T10:00:00Z"}
    model = {"model_type": "LinearRegression", "hyperparameters": {"alpha": 0.01}, "metrics": {"rmse": 0.25}}
    prices = [[48.5, 2, 248_000], [96.0, 4, 425_500], [143.2, 5, 563_100]]
    items = [
        {"data": weather, "tags": ["demo"]},
        {"parent_id": "#0", "data": model},
        {"parent_id": "#0", "data": model | {"hyperparameters": {"alpha": 0.1}, "metrics": {"rmse": 0.31}}},
        {"parent_id": "#1", "data": {"prediction_date": "2025-10-20", "num_predictions": 1000}},
        {"data": {"experiment_name": "house_prices", "started_at": "2025-11-03T09:00:00Z"}, "tags": ["demo"]},
        {
            "parent_id": "#4",
            "data": typed("ml_training_workspace", {"weights": f"artifact://{project}/{MODEL}:v1.1.0"}),
        },
        {"parent_id": "#5", "data": typed("ml_prediction", {"columns": ["area", "rooms", "price"], "data": prices})},
    ]
    post(f"/h/{project}/{HIERARCHY}/api/v1/artifacts/$batch", {"items": items})


def typed(type: str, content: Mapping[str, object]) -> dict[str, object]:
    """Data of a type that the pages have a card for."""
    metadata = {
        "status": "success", "config_id": "least-squares", "started_at": "2025-11-03T09:00:00Z",
        "completed_at": "2025-11-03T09:00:02Z", "duration_seconds": 2.4, "exit_code": 0, "stdout": "4,000 houses\n",
    }  # fmt: skip
    return {"type": type, "metadata": metadata, "content": content}


def post(path: str, body: Mapping[str, object]) -> bool:
    """Whether it was made now, rather than by an earlier start."""
    answer = urllib3.request(
        "POST",
        os.environ["WANLLMDB_BASE_URL"] + path,
        json=body,
        headers={"Authorization": f"Bearer {os.environ['WANLLMDB_API_KEY']}"},
    )
    if answer.status not in (201, 409):
        raise SystemExit(f"POST {path} was refused: {answer.status} {answer.json().get('detail')}")
    return answer.status == 201


# --- This repository --------------------------------------------------------------------------------------------------


def document(project: str) -> None:
    with wandb.init(project=project, name="document", job_type="publish") as run:
        handbook = wandb.Artifact("handbook", "file", "What wanLLMDB is, and how to use it.")
        source = wandb.Artifact("wanllmdb-source", "code", "The server and the SDK that you are using.")
        add(handbook, ["README.md", "docs/**/*.md"])
        add(source, ["manage.py", *(f"{part}/**/*.py" for part in ("accounts", "projects", "artifacts", "wanllmdb"))])
        for artifact in (handbook, source):
            run.log_artifact(artifact, aliases=[f"v{wandb.__version__}", "production"])


def add(artifact: wandb.Artifact, patterns: Iterable[str]) -> None:
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        artifact.add_file(path, path.relative_to(ROOT).as_posix())


# What marks a step as done, an alias or a reason, and the step.
STEPS: dict[str, Callable[[str], None]] = {
    "houses:v0.1.0": lambda project: collect(project, "collect-first", 1000, "v0.1.0"),
    "houses:v0.2.0": lambda project: collect(project, "collect-more", 4000, "v0.2.0"),
    "houses:v1.0.0": clean,
    f"{MODEL}:v1.0.0": lambda project: train(project, "train-by-area", ["area"], ["v1.0.0", "production"]),
    f"{MODEL}:v1.1.0": lambda project: train(project, "train-by-all", COLUMNS[:-1], ["v1.1.0"]),
    f"{MODEL}:staging": compare,
    ROLLBACK_REASON: move_and_roll_back,
    PROPOSAL_REASON: propose,
    "wanllmdb-source:production": document,
    f"{COLLECTION}:candidate": link,
    # These leave no mark, and may be asked for again.
    "a rule for production": protect,
    "a tree of records": keep_records,
}


if __name__ == "__main__":
    main()
