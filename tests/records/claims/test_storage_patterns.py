"""The three patterns of the guide, as it writes them."""

import base64
import hashlib
import pickle

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from wanllmdb.records import ArtifactIn, PandasDataFrame

pytestmark = pytest.mark.asyncio


async def test_a_data_frame_is_stored_as_json(manager):
    df = pd.DataFrame({"feature1": [1.0, 2.0, 3.0], "feature2": [4.0, 5.0, 6.0]})
    pandas_df = PandasDataFrame.from_dataframe(df)
    artifact = await manager.save(ArtifactIn(data={"dataframe": pandas_df.model_dump()}))

    artifact = await manager.find_by_id(artifact.id)

    again = PandasDataFrame(**artifact.data["dataframe"]).to_dataframe()
    pd.testing.assert_frame_equal(again, df)


async def test_a_record_points_to_a_blob_elsewhere(manager, tmp_path):
    binary = bytes(range(256)) * 1000
    blob = tmp_path / "model.bin"
    blob.write_bytes(binary)
    artifact = await manager.save(
        ArtifactIn(data={"blob_url": blob.as_uri(), "blob_size": len(binary), "blob_type": "model/pytorch"})
    )

    found = await manager.find_by_id(artifact.id)

    assert found.data == {"blob_url": blob.as_uri(), "blob_size": len(binary), "blob_type": "model/pytorch"}
    # Larger data need not be elsewhere: bytes in the data are kept beside it.
    kept = await manager.save(ArtifactIn(data={"blob": binary}))
    again = (await manager.find_by_id(kept.id)).data["blob"]
    assert hashlib.sha256(again).digest() == hashlib.sha256(binary).digest()


async def test_a_model_is_pickled_by_hand(manager):
    model = LinearRegression().fit([[1, 2], [2, 3], [3, 4]], [3, 5, 7])
    model_bytes = pickle.dumps(model)
    artifact = await manager.save(
        ArtifactIn(
            data={
                "model": base64.b64encode(model_bytes).decode("utf-8"),
                "model_type": type(model).__name__,
                "model_size": len(model_bytes),
            }
        )
    )

    artifact = await manager.find_by_id(artifact.id)

    assert (artifact.data["model_type"], artifact.data["model_size"]) == ("LinearRegression", len(model_bytes))
    model = pickle.loads(base64.b64decode(artifact.data["model"]))
    assert model.predict([[5, 6]]) == pytest.approx([11.0])
