"""Which experiment, and which model, does a prediction come from?

python examples/records/use_case_ml_lineage.py
"""

import asyncio
import os

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="ml_lineage", level_labels={0: "experiment", 1: "trained_model", 2: "predictions"})


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        experiment = await manager.save(
            ArtifactIn(data={"experiment_name": "rainfall", "started_at": "2026-05-03T10:00:00Z"})
        )
        for alpha, rmse in [(0.01, 0.25), (0.1, 0.31)]:
            model = await manager.save(
                ArtifactIn(
                    parent_id=experiment.id,
                    data={"model_type": "Ridge", "hyperparameters": {"alpha": alpha}, "metrics": {"rmse": rmse}},
                )
            )
            last = await manager.save(
                ArtifactIn(parent_id=model.id, data={"prediction_date": "2026-05-05", "num_predictions": 1000})
            )

        # Upwards: what the last predictions come from.
        expanded = await manager.expand_artifact(last.id)
        assert expanded is not None
        for ancestor in expanded.ancestors:
            print(f"{HIERARCHY.label_for(ancestor.level)}: {ancestor.data}")

        # Downwards: the best model of the experiment.
        tree = await manager.build_tree(experiment.id)
        assert tree is not None
        best = min(tree.children, key=lambda node: node.data["metrics"]["rmse"])
        print(f"best: alpha {best.data['hyperparameters']['alpha']}, with {len(best.children)} sets of predictions")


if __name__ == "__main__":
    asyncio.run(main())
