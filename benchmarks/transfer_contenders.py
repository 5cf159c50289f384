"""Who `benchmarks.transfer` measures: each makes its own environment, and says how it does what."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import environments, mlflow, process_usage
from harness import servers
from harness.servers import Stack

CLIENTS = Path(__file__).with_name("transfer_clients.py")


@dataclass(frozen=True)
class Job:
    """What a contender does in one round: its data, a directory of its own, and a name that nobody else has."""

    name: str
    source: Path
    work: Path
    target: Path


@dataclass
class Usage:
    """Of the client, in seconds, and in bytes for the largest of its processes."""

    seconds: float
    cpu: float
    memory: int


class Contender:
    name = ""
    acts: tuple[str, ...] = ("up", "down")
    # Whether it logs versions to our server, whose worker verifies them.
    uses_our_server = False

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.bucket, self.endpoint = stack.env["S3_BUCKET"], stack.env["S3_ENDPOINT_URL"]
        self.env = {
            "PATH": "/usr/bin:/bin",
            "AWS_ACCESS_KEY_ID": stack.env["S3_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": stack.env["S3_SECRET_ACCESS_KEY"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def install(self) -> None:
        """Make its environment, unless it is there."""

    def prepare(self, job: Job) -> None:
        """What comes before its first act, and is not measured. The data is in `job.source` after this."""

    def command(self, act: str, job: Job) -> list[str]:
        raise NotImplementedError

    def downloaded(self, job: Job) -> Path:
        """Where the files are after `down`."""
        return job.target

    def usage(self, output: str, measured: Usage) -> Usage:
        """`measured` is what was seen of the program from outside."""
        return measured


class Library(Contender):
    """A library of Python, which measures itself: the start of Python is nobody's merit."""

    python = sys.executable

    def command(self, act: str, job: Job) -> list[str]:
        about = {
            **{name: str(value) for name, value in vars(job).items()},
            "bucket": self.bucket,
            "endpoint": self.endpoint,
        }
        # `-P`: beside the program there is a module `mlflow`, which is not the one that is meant.
        return [str(self.python), "-P", str(CLIENTS), self.name.lower(), act, json.dumps(about)]

    def prepare(self, job: Job) -> None:
        job.target.mkdir()

    def usage(self, output: str, measured: Usage) -> Usage:
        return Usage(**json.loads(output.splitlines()[-1]))


class Sdk(Library):
    name = "SDK"
    acts = ("up", "verified", "again", "changed", "middle", "down")
    uses_our_server = True

    def command(self, act: str, job: Job) -> list[str]:
        self.env |= {
            "PYTHONPATH": str(servers.ROOT),
            "WANLLMDB_BASE_URL": self.stack.base_url,
            "WANLLMDB_API_KEY": self.stack.key("alice"),
            "WANLLMDB_SILENT": "1",
            # What it remembers of an earlier round would be no merit either.
            "WANLLMDB_CACHE_DIR": str(job.work / "cache"),
        }
        return super().command(act, job)


class Wandb(Library):
    """The official client, unmodified, of the environments that `make clients` makes."""

    name = "wandb"
    acts = ("up", "verified", "again", "changed", "middle", "down")
    uses_our_server = True
    python = Path(f"{sys.prefix}-wandb-newest", "bin", "python")

    def command(self, act: str, job: Job) -> list[str]:
        self.env |= {
            "HOME": str(job.work),
            "WANDB_DIR": str(job.work),
            "WANDB_CACHE_DIR": str(job.work / "cache"),
            "WANDB_BASE_URL": self.stack.base_url,
            "WANDB_API_KEY": self.stack.key("alice"),
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
        }
        return super().command(act, job)


class OldestWandb(Wandb):
    name = "wandb-oldest"
    python = Path(f"{sys.prefix}-wandb-oldest", "bin", "python")


class Boto3(Library):
    name = "boto3"


class Obstore(Library):
    name = "obstore"


class MLflow(Library):
    name = "MLflow"
    python = servers.ROOT / "var" / "mlflow" / "bin" / "python"

    def install(self) -> None:
        environments.make("mlflow", *mlflow.PACKAGES)
        self.env |= {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "HOME": str(servers.session_directory())}

    def downloaded(self, job: Job) -> Path:
        return job.target / "data"


class Rclone(Contender):
    name = "rclone"
    acts = ("up", "again", "changed", "middle", "down")

    def install(self) -> None:
        if shutil.which("rclone") is None:
            subprocess.run([servers.ROOT / "deploy" / "debian.sh", "rclone"], check=True)
        about = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": self.endpoint}
        self.env |= {f"RCLONE_CONFIG_STORE_{name}": value for name, value in about.items()}
        self.env |= {"RCLONE_CONFIG": "/dev/null"}

    def command(self, act: str, job: Job) -> list[str]:
        there = f"store:{self.bucket}/{job.name}"
        pair = [there, str(job.target)] if act == "down" else [str(job.source), there]
        together = ["--transfers=16", "--checkers=16", "--s3-upload-concurrency=8", "--multi-thread-streams=8"]
        return ["rclone", "copy", *pair, *together, "--s3-no-check-bucket", "--quiet"]


class Dvc(Contender):
    """Its data is in a repository of its own, which is pulled into another one."""

    name = "DVC"
    acts = ("up", "again", "changed", "middle", "down")

    def install(self) -> None:
        programs = environments.make("dvc", "dvc[s3]")
        self.env |= {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(servers.session_directory())}

    def prepare(self, job: Job) -> None:
        self.env["DVC_SITE_CACHE_DIR"] = str(job.work / "site-cache")
        script = (
            "dvc init -q --no-scm && dvc config core.analytics false && "
            f"dvc remote add -q -d store s3://{self.bucket}/{job.name} && "
            f"dvc remote modify -q store endpointurl {self.endpoint}"
        )
        for directory in (job.source.parent, job.target):
            directory.mkdir(exist_ok=True)
            subprocess.run(["sh", "-c", script], cwd=directory, env=self.env, check=True)

    def command(self, act: str, job: Job) -> list[str]:
        if act == "down":
            shutil.copy(job.source.with_name("data.dvc"), job.target)
            return ["sh", "-c", 'cd "$0" && exec dvc pull -q -j 16', str(job.target)]
        return ["sh", "-c", 'cd "$0" && dvc add -q data && exec dvc push -q -j 16', str(job.source.parent)]

    def downloaded(self, job: Job) -> Path:
        return job.target / "data"


class Copy(Contender):
    """The floor: the same files, copied on this machine."""

    name = "cp -r"

    def command(self, act: str, job: Job) -> list[str]:
        copy = job.work / "copy"
        return ["cp", "-r", str(copy), str(job.target)] if act == "down" else ["cp", "-r", str(job.source), str(copy)]


ALL: dict[str, type[Contender]] = {
    contender.name: contender for contender in (Sdk, Obstore, Rclone, Boto3, Dvc, MLflow, Copy)
}


def perform(contender: Contender, act: str, job: Job) -> Usage:
    """Run one act as a process of its own. Raises `RuntimeError` with what it said where it fails."""
    output, errors = job.work / "output", job.work / "errors"
    command = contender.command(act, job)
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        started_at = time.perf_counter()
        process = subprocess.Popen(command, env=contender.env, cwd=job.work, stdout=stdout, stderr=stderr)
        memory = _Memory(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started_at
        most = memory.end()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{contender.name} failed to {act}:\n{output.read_text()}{errors.read_text()}")
    return contender.usage(output.read_text(), Usage(seconds, used.ru_utime + used.ru_stime, most))


class _Memory:
    """The most that a process, or one of its children, has had; `ru_maxrss` begins with what their parent had."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most = pid, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self._most = max(self._most, *map(process_usage.peak_bytes, process_usage.with_children(self._pid)))
