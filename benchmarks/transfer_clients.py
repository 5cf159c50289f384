"""What `benchmarks.transfer` runs in the environment of each library: one act, timed without the start of Python.

`python transfer_clients.py NAME ACT JOB`, where JOB is JSON; prints seconds, seconds of CPU and bytes of memory as
JSON. It imports nothing of ours but the SDK, since other environments have nothing else.
"""

import asyncio
import base64
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

THREADS = 16
_RANGE = 16 * 2**20

Job = dict[str, str]
Act = Callable[[], object]


def main() -> None:
    name, act, job = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    # What it imports and connects to first is not the act.
    perform = CLIENTS[name](act, job)
    cpu, started_at = _cpu(), time.perf_counter()
    perform()
    seconds = time.perf_counter() - started_at
    print(json.dumps({"seconds": seconds, "cpu": _cpu() - cpu, "memory": _peak_memory()}))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak_memory() -> int:
    # Not `ru_maxrss`, which begins with what the parent had when it started this process.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def sdk(act: str, job: Job) -> Act:
    """Of any act but `down` the version is logged to one project, so that it finds what is there."""
    import wanllmdb as wandb

    version = Path(job["work"], "version")
    if act == "down":
        artifact = wandb.Api().artifact(version.read_text())
        return lambda: artifact.download(job["target"])
    run = wandb.init(project=job["name"])

    def log() -> None:
        artifact = wandb.Artifact("data", type="dataset")
        artifact.add_dir(job["source"])
        run.log_artifact(artifact)
        version.write_text(artifact.qualified_name)
        version.with_name("version-id").write_text(artifact.id)

    return log


def wandb(act: str, job: Job) -> Act:
    """The same by the official client."""
    import wandb as library

    version = Path(job["work"], "version")
    if act == "down":
        artifact = library.Api().artifact(version.read_text())
        return lambda: artifact.download(job["target"])
    entity, project = job["name"].split("/")
    run = library.init(entity=entity, project=project)

    def log() -> None:
        artifact = library.Artifact("data", type="dataset")
        artifact.add_dir(job["source"])
        logged = run.log_artifact(artifact).wait()
        version.write_text(f"{job['name']}/data:v{logged.version.removeprefix('v')}")
        version.with_name("version-id").write_text(base64.b64decode(logged.id).decode().partition(":")[2])

    return log


def boto3(act: str, job: Job) -> Act:
    import boto3 as library
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    config = Config(max_pool_connections=THREADS)
    client = library.client("s3", endpoint_url=job["endpoint"], region_name="us-east-1", config=config)
    transfer = TransferConfig(max_concurrency=THREADS)

    def send(path: Path) -> None:
        client.upload_file(str(path), job["bucket"], f"{job['name']}/{path.name}", Config=transfer)

    def fetch(path: Path) -> None:
        client.download_file(job["bucket"], f"{job['name']}/{path.name}", str(_target(job, path)), Config=transfer)

    return lambda: _in_threads(send if act == "up" else fetch, Path(job["source"]).iterdir())


def obstore(act: str, job: Job) -> Act:
    import obstore as library
    from obstore.store import S3Store

    store = S3Store(
        job["bucket"],
        prefix=job["name"],
        endpoint=job["endpoint"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )

    async def send(path: Path) -> None:
        await library.put_async(store, path.name, path)

    async def fetch(path: Path) -> None:
        size, target = path.stat().st_size, _target(job, path)
        if size <= _RANGE:
            result = await library.get_async(store, path.name)
            target.write_bytes(await result.bytes_async())
            return
        with target.open("wb") as file:
            limit = asyncio.Semaphore(THREADS // 2)

            async def fetch_range(start: int) -> None:
                async with limit:
                    length = min(_RANGE, size - start)
                    content = await library.get_range_async(store, path.name, start=start, length=length)
                    await asyncio.to_thread(os.pwrite, file.fileno(), content, start)

            await asyncio.gather(*(fetch_range(start) for start in range(0, size, _RANGE)))

    async def all_files() -> None:
        limit = asyncio.Semaphore(THREADS)

        async def one(path: Path) -> None:
            async with limit:
                await (send if act == "up" else fetch)(path)

        await asyncio.gather(*map(one, Path(job["source"]).iterdir()))

    return lambda: asyncio.run(all_files())


def mlflow(act: str, job: Job) -> Act:
    """Straight to the store, with its records in a SQLite file: without a server that would cost more."""
    os.environ["MLFLOW_S3_ENDPOINT_URL"] = job["endpoint"]
    import mlflow as library

    library.set_tracking_uri(f"sqlite:///{job['work']}/mlflow.db")
    run_id = Path(job["work"], "run")
    if act == "down":
        uri = f"runs:/{run_id.read_text()}/data"
        return lambda: library.artifacts.download_artifacts(artifact_uri=uri, dst_path=job["target"])
    experiment = library.create_experiment(job["name"], f"s3://{job['bucket']}/{job['name']}")

    def log() -> None:
        with library.start_run(experiment_id=experiment) as run:
            library.log_artifacts(job["source"], "data")
        run_id.write_text(run.info.run_id)

    return log


def _target(job: Job, path: Path) -> Path:
    return Path(job["target"], path.name)


def _in_threads(act: Callable[[Path], object], paths: Iterable[Path]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(act, path) for path in paths]:
            done.result()


CLIENTS = {"sdk": sdk, "wandb": wandb, "wandb-oldest": wandb, "boto3": boto3, "obstore": obstore, "mlflow": mlflow}

if __name__ == "__main__":
    main()
