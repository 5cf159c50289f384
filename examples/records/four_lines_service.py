"""A service that keeps trees of records, in four lines.

pip install ".[records-service]" uvicorn
uvicorn --app-dir examples/records four_lines_service:app
"""

import os

from fastapi import FastAPI

from wanllmdb.records import ArtifactHierarchy
from wanllmdb.records.fastapi import mount

URL = os.environ.get("RECORDS_URL", "sqlite:///data.db")

hierarchy = ArtifactHierarchy(name="ml_pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})
app = FastAPI()
mount(app, URL, hierarchy)
