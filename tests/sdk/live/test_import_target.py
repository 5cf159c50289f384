"""What an import writes to a server, and writes again where it was interrupted."""

from pathlib import Path

import wanllmdb as wandb
from wanllmdb.sdk.wandb_import.target import Target


def test_a_number_that_was_left_out_before_an_interruption_is_left_out_once(run, project, tmp_path: Path):
    path = tmp_path / "rows.csv"
    path.write_text("a")
    assert run.log_artifact(path, "gaps", "dataset").version == "v1"
    target = Target(wandb.Api()._connection, project, "https://source.example.org", "theirs/demo")
    record = target.find_artifact("gaps")
    assert record is not None
    target.use_number(record["id"], 3)
    target.use_number(record["id"], 3)
    path.write_text("b")
    assert run.log_artifact(path, "gaps", "dataset").version == "v4"
