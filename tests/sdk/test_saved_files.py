"""Where the paths of saved files count from. In mode `disabled`, which stores nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.saved_files import SavedFiles


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
        (("out/**", "out"), pickles),
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


def test_what_is_in_the_directory_of_the_run_is_kept_at_its_end(tmp_path, monkeypatch):
    logged = []
    monkeypatch.setattr(SavedFiles, "_log", lambda self, draft: logged.append(sorted(draft.sources)))
    for given in (None, tmp_path / "given"):
        with wandb.init(mode="disabled", dir=given) as run:
            directory = Path(run.dir)
            assert run.dir == str(directory)
            Path(directory, "sub").mkdir()
            Path(directory, "sub/a.txt").write_text("a")
        assert directory.exists() is (given is not None)
        assert given is None or directory.is_relative_to(given)
    with wandb.init(mode="disabled") as run:
        assert Path(run.dir).is_dir()
    assert logged == [["sub/a.txt"]] * 2
    ended = wandb.init(mode="disabled")
    ended.finish()
    with pytest.raises(wandb.Invalid, match="has ended"):
        _ = ended.dir


def test_code_is_logged_as_an_artifact(run, tmp_path):
    for path in ("train.py", "lib/net.py", "lib/__pycache__/net.py", ".venv/x.py", "notes.md"):
        (tmp_path / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / path).write_text(path)
    artifact = run.log_code(tmp_path / "code")
    assert (artifact.name, artifact.type) == ("source-uncategorized", "code")
    assert [file.path for file in artifact.files()] == ["lib/net.py", "train.py"]
    chosen = run.log_code(
        tmp_path / "code", "chosen", lambda path: path.endswith((".py", ".md")), lambda path, root: "lib" in path
    )
    assert [file.path for file in chosen.files()] == ["notes.md", "train.py"]
    assert run.log_code(tmp_path / "beside") is None
    with pytest.raises(wandb.Invalid, match=r"log_code: .* is not a directory"):
        run.log_code(tmp_path / "absent")


def test_models_are_logged_and_used_by_their_path(run, tmp_path):
    assert run.log_model(tmp_path / "beside/c.txt", "net", ["best"]).type == "model"
    assert Path(run.use_model("net:best")).read_text() == "beside/c.txt"
