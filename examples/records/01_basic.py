"""Train a model, store it as a typed record, find it again, and predict with it.

    python examples/records/01_basic.py

Records go to memory; RECORDS_URL=sqlite:///records.db keeps them in a file.
"""

import asyncio
import os
from datetime import datetime, timezone

from sklearn.linear_model import LinearRegression

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, MLMetadata, MLTrainingWorkspaceArtifactData

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="training_runs", level_labels={0: "training"})
# The target is the sum of the two features.
FEATURES = [[1, 2], [2, 3], [3, 4], [4, 5]]
TARGETS = [3, 5, 7, 9]


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        started_at = datetime.now(timezone.utc)
        model = LinearRegression().fit(FEATURES, TARGETS)
        completed_at = datetime.now(timezone.utc)

        # The schema refuses a status that does not exist, or a metadata field that is missing.
        training = MLTrainingWorkspaceArtifactData(
            type="ml_training_workspace",
            metadata=MLMetadata(
                status="success",
                config_id="01JADZ8Y3V5M6Q7R8S9TAVBWCX",
                started_at=started_at.isoformat(),
                completed_at=completed_at.isoformat(),
                duration_seconds=(completed_at - started_at).total_seconds(),
            ),
            content=model,
            content_type="application/x-pickle",
        )
        # `model_dump()` would turn metadata and content into JSON. The record gets the object itself.
        saved = await manager.save(
            ArtifactIn(
                data={
                    "type": training.type,
                    "metadata": training.metadata.model_dump(),
                    "content": model,
                    "content_type": training.content_type,
                    "content_size": training.content_size,
                }
            )
        )
        print(f"Stored {saved.id}, a {HIERARCHY.label_for(saved.level)} (level {saved.level})")

        found = await manager.find_by_id(saved.id)
        assert found is not None
        print(f"It took {found.data['metadata']['duration_seconds']:.3f} s: {found.data['metadata']['status']}")
        print(f"[5, 6] gives {found.data['content'].predict([[5, 6]])[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
