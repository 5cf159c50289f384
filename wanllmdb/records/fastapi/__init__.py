"""Records in a service of one's own: a FastAPI router with the API that the server has for each hierarchy.

    app = FastAPI()
    mount(app, "sqlite:///data.db", hierarchy)

Needs `pip install "wanllmdb[records-service]"`. A service checks no keys: who reaches it reads and writes.
"""

try:
    import fastapi as _fastapi  # noqa: F401
except ImportError as error:
    raise ImportError('Services need FastAPI: pip install "wanllmdb[records-service]"') from error

from wanllmdb.records.fastapi.applications import mount
from wanllmdb.records.fastapi.router import ArtifactRouter

__all__ = ["ArtifactRouter", "mount"]
