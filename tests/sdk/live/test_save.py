"""`wandb.save`: the files of a run."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import wanllmdb as wandb


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def saved(project: str) -> Callable[[], dict[str, str]]:
    """What the only run of the project keeps, by path."""

    def download() -> dict[str, str]:
        (stored,) = wandb.Api().runs(project)
        with TemporaryDirectory() as root:
            return {file.name: Path(file.download(root)).read_text() for file in stored.files()}

    return download


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def test_files_of_a_run(run, project, saved, directory, capsys):
    write("model.pkl", "weights")
    assert wandb.save("model.pkl", policy="now") == ["model.pkl"]
    # What is gone later was kept.
    Path("model.pkl").unlink()
    write("logs/a.txt", "a")
    write("logs/deep/b.txt", "b")
    assert run.save("logs/**/*.txt") == ["logs/a.txt", "logs/deep/b.txt"]
    assert saved() == {"model.pkl": "weights", "logs/a.txt": "a", "logs/deep/b.txt": "b"}
    write("logs/a.txt", "a and more")
    write("logs/c.txt", "c")
    assert run.save("none/*", policy="now") == []
    assert "save: no file matches 'none/*'" in capsys.readouterr().err
    write("plots/p.svg", "p")
    assert run.save(Path("plots"), policy="end") == ["plots/p.svg"]
    write("plots/q.svg", "q")
    Path("logs/a.txt").unlink()
    with wandb.restore("logs/a.txt", root=".") as file:
        assert file.read() == "a"
    write("logs/a.txt", "a and more")
    run.finish()
    assert saved() == {
        "model.pkl": "weights", "logs/a.txt": "a and more", "logs/deep/b.txt": "b", "logs/c.txt": "c",
        "plots/p.svg": "p", "plots/q.svg": "q",
    }  # fmt: skip
    stored = wandb.Api().run(run.path)
    file = stored.file("logs/a.txt")
    assert (file.size, file.mimetype, len(file.md5)) == (10, "text/plain", 32)
    with pytest.raises(wandb.Invalid, match="is there already"):
        file.download()
    assert Path(file.download(exist_ok=True)).read_text() == "a and more"
    file.delete()
    with pytest.raises(wandb.NotFound):
        file.download(replace=True)
    assert stored.upload_file("plots/p.svg", root="plots").name == "p.svg"
    with pytest.raises(wandb.Invalid, match="has ended"):
        run.save("logs/a.txt")


def test_one_file_that_cannot_be_kept_does_not_cost_the_others(run, saved, directory):
    with pytest.raises(wandb.Invalid, match="/proc/self/mem cannot be read"):
        run.save("/proc/self/mem")
    write("logs/a.txt", "a")
    run.save("logs/*", policy="end")
    write("logs/bad\\name", "b")
    (directory / "logs/mem").symlink_to("/proc/self/mem")
    with pytest.raises(wandb.Invalid, match="backslash"):
        run.finish()
    assert (run.state, saved()) == ("crashed", {"logs/a.txt": "a"})


def test_a_program_that_just_ends(python, project, saved):
    script = f"import wanllmdb as wandb; wandb.init(project={project!r}); wandb.save('*.txt', policy='end')\n"
    result: subprocess.CompletedProcess[str] = python(script + "open('a.txt', 'w').write('a')")
    assert result.stderr == ""
    assert saved() == {"a.txt": "a"}
