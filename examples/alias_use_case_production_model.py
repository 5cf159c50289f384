"""Deploy by alias: training logs a model as `staging`, validation moves `production` to it, inference uses that.

Run it against your server:  WANLLMDB_BASE_URL=… WANLLMDB_API_KEY=… python examples/alias_use_case_production_model.py
"""

import os
import pickle
import random
import tempfile
from pathlib import Path

import wanllmdb as wandb

PROJECT = os.environ.get("WANLLMDB_PROJECT", "alias-use-cases")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        model = train(Path(directory))
        name = register(model)
        promote(name)
        deployed = load_for_inference(Path(directory) / "deployed")
        assert deployed.read_bytes() == model.read_bytes(), "inference loaded another model than was trained"
        print("Inference uses the model that was trained, validated and promoted")


def register(model: Path) -> str:
    """Training: log the model with a semantic version, as `staging`. Returns its full name."""
    with wandb.init(project=PROJECT, job_type="train", reinit=True) as run:
        artifact = wandb.Artifact("recommendation-model", type="model")
        artifact.add_file(model)
        run.log_artifact(artifact, aliases=["v2.1.0", "staging"])
        return f"{run.entity}/{run.project}/recommendation-model"


def promote(name: str) -> None:
    """After validation: move `production` to the version in staging, with a reason."""
    model = wandb.registry.transition_stage(name, "staging", "Production", alias="production", comment="Validated")
    model.metadata["validated"] = True
    model.save()
    print(f"Promoted {model.qualified_name}: {', '.join(model.aliases)}")


def load_for_inference(directory: Path) -> Path:
    """Inference: use the production model."""
    with wandb.init(project=PROJECT, job_type="serve", reinit=True) as run:
        model = run.use_artifact("recommendation-model", alias="production")
        return Path(model.download(directory)) / "model.pkl"


def train(directory: Path) -> Path:
    """Generate a model."""
    weights = [random.gauss(0, 1) for _ in range(10_000)]
    (directory / "model.pkl").write_bytes(pickle.dumps(weights))
    return directory / "model.pkl"


if __name__ == "__main__":
    main()
