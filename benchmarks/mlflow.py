"""An MLflow server to measure ours against, in an environment of its own and on the PostgreSQL of the tests."""

import subprocess
import urllib.request
from dataclasses import dataclass

import psycopg

from benchmarks import environments
from harness import servers
from harness.servers import Server

PACKAGES = ("mlflow", "psycopg2-binary", "boto3")
_DATABASE = "mlflow"


@dataclass(frozen=True)
class MLflow:
    server: Server
    port: int
    version: str
    database: str

    @classmethod
    def start(cls) -> "MLflow":
        """One with the options that it has by default, but for port and database."""
        programs = environments.make("mlflow", *PACKAGES)
        database = f"{servers.postgres()}/{_DATABASE}"
        url = database.replace("postgres:", "postgresql+psycopg2:", 1)
        with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{_DATABASE}"')
        directory, port = servers.session_directory() / "mlflow", servers.free_port()
        directory.mkdir()
        env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(directory)}
        # Whoever asks first makes its tables, which takes longer than a server may take to start.
        first = [programs / "mlflow", "experiments", "search"]
        subprocess.run(first, cwd=directory, env=env | {"MLFLOW_TRACKING_URI": url}, check=True, capture_output=True)
        command = 'cd "$HOME" && exec mlflow server --backend-store-uri "$0" --port "$1"'
        server = Server("mlflow", ["sh", "-c", command, url, str(port)], env, lambda: _answers(port), start_timeout=300)
        server.start()
        result = subprocess.run([programs / "mlflow", "--version"], env=env, check=True, capture_output=True, text=True)
        return cls(server, port, result.stdout.split()[-1], database)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False
