"""Where the paths of saved files count from. In mode `disabled`, which stores nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import wanllmdb as wandb


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[wandb.Run]:
    for path in ("work/out/models/a.pkl", "work/out/models/b.pkl", "beside/c.txt", "work/[1].txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    with wandb.init(mode="disabled") as run:
        yield run


@pytest.mark.parametrize("policy", ["live", "now", "end"])
def test_paths(run, tmp_path, policy):
    pickles = ["models/a.pkl", "models/b.pkl"]
    for arguments, expected in (
        (("out/**/*.pkl",), [f"out/{path}" for path in pickles]),
        (("./out",), [f"out/{path}" for path in pickles]),
        (("out/models/a.pkl",), ["out/models/a.pkl"]),
        (("out/models/*.pkl", "out"), pickles),
        # As the first of these was meant by some.
        (("models/*.pkl", Path("out")), pickles),
        ((tmp_path / "work/out/**/*.pkl",), pickles),
        ((tmp_path / "work/out/models/*.pkl", tmp_path / "work/out"), pickles),
        (("../beside/*.txt",), ["c.txt"]),
        (("~/beside/*.txt", "~"), ["beside/c.txt"]),
        (("out/*",), []),
        (("[[]1].txt",), ["[1].txt"]),
        ((".",), ["work/[1].txt", *(f"work/out/{path}" for path in pickles)]),
    ):
        assert run.save(*arguments, policy=policy) == expected
    run.finish()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "takes a file"),
        (("out/*", None, "soon"), "'soon' is not a policy"),
        (("../beside/*", "out"), "not below the base path 'out'"),
        (("/etc/hostname", "out"), "not below the base path 'out'"),
    ],
)
def test_refusals(run, arguments, message):
    with pytest.raises(wandb.Invalid, match=message):
        run.save(*arguments)
