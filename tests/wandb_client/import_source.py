"""Fills a project by the official `wandb` client, for others to copy. It runs where that client is installed."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import wandb

PROJECT = sys.argv[1]
SALT = sys.argv[2]


def settings() -> wandb.Settings:
    return wandb.Settings(silent=True, console="wrap")


def write(path: str, text: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(f"{text} {SALT}")
    return Path(path)


def version(text: str, **more: object) -> wandb.Artifact:
    artifact = wandb.Artifact("_set", "my results", **more)
    artifact.add_file(write("data/a.txt", text), "sub/a.txt")
    artifact.add_file(write("data/same.txt", "the same in all"), "same.txt")
    return artifact


def log_versions(run: wandb.Run) -> None:
    ttl = datetime.timedelta(days=9)
    first = version("first", description="the first", metadata={"rows": 2, "nested": {"x": [1]}})
    run.log_artifact(first, aliases=["two words"], tags=["clean"]).wait()
    for number in range(1, 4):
        run.log_artifact(version(f"number {number}"), aliases=["prod"]).wait()
    wandb.Api().artifact(f"{PROJECT}/_set:v1").delete()
    last = wandb.Api().artifact(f"{PROJECT}/_set:v3")
    last.ttl = ttl
    last.save()
    pointers = wandb.Artifact("pointers", "dataset")
    pointers.add_reference("https://example.org/some/key.csv", "key.csv", checksum=False)
    pointers.add_reference(wandb.Api().artifact(f"{PROJECT}/_set:v0").get_entry("sub/a.txt"), "theirs.txt")
    run.log_artifact(pointers).wait()
    for name, alias in (("_set:v3", "blessed by all"), ("_set:v0", "old")):
        run.link_artifact(wandb.Api().artifact(f"{PROJECT}/{name}"), f"{PROJECT}/shelf", aliases=[alias])


def main() -> None:
    config = {"lr": 0.1, "layers": [1, 2], "name": "bert"}
    with wandb.init(project=PROJECT, name="first run", config=config, tags=["a", "b"], notes="Some notes",
                    group="grid", job_type="train", settings=settings()) as run:  # fmt: skip
        print("printed by the program")
        run.define_metric("val/*", step_metric="epoch")
        for step in range(2500):
            run.log({"loss": 1 / (step + 1), "nested": {"acc": step}, "nan": float("nan"), "epoch": step // 100})
        run.log({"table": wandb.Table(columns=["n"], data=[[1], [2]])})
        run.save(str(write("notes/some notes.txt", "notes")), base_path=".", policy="now")
        log_versions(run)
        run.summary["best"] = 0.25
    with wandb.init(project=PROJECT, name="second run", settings=settings()) as run:
        run.use_artifact("_set:v2")
    run = wandb.init(project=PROJECT, name="failed run", settings=settings())
    run.finish(exit_code=1)
    collection = wandb.Api().artifact_collection("my results", f"{PROJECT}/_set")
    collection.description = "All results"
    collection.tags = ["raw"]
    collection.save()
    os._exit(0)


main()
