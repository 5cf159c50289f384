"""Keep the predictions of a model beneath the training that made it, and walk the tree.

python examples/records/02_hierarchical.py
"""

import asyncio
import os

import pandas as pd
from sklearn.linear_model import LinearRegression

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager, ArtifactOut, MLMetadata

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="forecasts", level_labels={0: "training", 1: "prediction"})
CONFIG_ID = "01JADZ8Y3V5M6Q7R8S9TAVBWCX"
WEEKS = {"week 1": [[5, 6], [6, 7]], "week 2": [[7, 8], [8, 9]], "week 3": [[9, 10]]}


def metadata(minute: int) -> dict[str, object]:
    times = {"started_at": f"2026-05-03T10:{minute:02}:00Z", "completed_at": f"2026-05-03T10:{minute:02}:30Z"}
    return MLMetadata(status="success", config_id=CONFIG_ID, duration_seconds=30.0, **times).model_dump()


async def train(manager: ArtifactManager) -> ArtifactOut:
    data = {
        "type": "ml_training_workspace",
        "metadata": metadata(0),
        "content": LinearRegression().fit([[1, 2], [2, 3], [3, 4]], [3, 5, 7]),
        "content_type": "application/x-pickle",
    }
    return await manager.save(ArtifactIn(data=data))


async def predict(manager: ArtifactManager, training: ArtifactOut, minute: int, rows: list[list[int]]) -> ArtifactOut:
    frame = pd.DataFrame(rows, columns=["a", "b"])
    frame["predicted"] = training.data["content"].predict(rows)
    data = {
        "type": "ml_prediction",
        "metadata": metadata(minute),
        "content": frame,
        "content_type": "application/vnd.chapkit.dataframe+json",
    }
    return await manager.save(ArtifactIn(parent_id=training.id, data=data))


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        training = await train(manager)
        found = await manager.find_by_id(training.id)
        assert found is not None
        for minute, (week, rows) in enumerate(WEEKS.items(), 1):
            prediction = await predict(manager, found, minute, rows)
            print(f"{week}: {prediction.id} on level {prediction.level}, beneath {prediction.parent_id}")

        tree = await manager.build_tree(training.id)
        assert tree is not None
        print(f"{HIERARCHY.label_for(tree.level)} {tree.id}")
        for child in tree.children:
            frame = child.data["content"]
            print(f"  {HIERARCHY.label_for(child.level)} {child.id}: {[round(x, 1) for x in frame['predicted']]}")
        assert len(tree.children) == len(WEEKS)


if __name__ == "__main__":
    asyncio.run(main())
