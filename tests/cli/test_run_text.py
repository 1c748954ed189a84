"""`run` on text as a user types it: folders of pretrained models, GLUE on disk, and what is refused before training."""

from __future__ import annotations

from pathlib import Path

import pytest
from language import model_folder

from bench.store import Store
from tasks.glue import MRPC, RTE


def glue(folder: Path, monkeypatch: pytest.MonkeyPatch, broken: bool = False) -> Path:
    """Two tasks of the classic layout with 600 and 20 rows; `broken`: RTE lacks the label of a row."""
    for task, label in ((MRPC, "Quality"), (RTE, "label")):
        monkeypatch.setattr(task, "train_items", 600)
        monkeypatch.setattr(task, "test_items", 20)
        place = folder / "glue_data" / task.source.folder
        place.mkdir(parents=True)
        for part, count in (("train", 600), ("dev", 20)):
            rows = [
                f"the cat is big\tthe {('dog', 'cat')[n % 2]} is small\t{task.source.labels[n % 2]}"
                for n in range(count)
            ]
            if broken and task is RTE and part == "dev":
                rows[7] = "the cat\tthe dog\tmaybe"
            header = "\t".join((*task.source.classic_columns, label))
            (place / f"{part}.tsv").write_text("\n".join((header, *rows)) + "\n")
    return folder


def test_methods_run_on_glue_with_a_folder_of_a_pretrained_model(bench, tmp_path: Path, monkeypatch) -> None:
    backbone, results = model_folder(tmp_path / "small"), tmp_path / "results"
    run = ["run", "--tasks", "glue/mrpc", "--pairs", f"{backbone}->layers:2", "--protocol", "smoke"]
    run += ["--workers", "0"]  # the official sizes are changed in this process
    data = glue(tmp_path / "data", monkeypatch)
    code, _, err = bench(*run, "--methods", "scratch,tinybert", "--data-dir", data, "--results", results)
    assert code == 0, err
    records = {record.cell.method.name: record for _, record in Store(results).records()}
    assert set(records) == {"scratch", "tinybert"}
    for record in records.values():
        assert str(record.cell.pair) == "small->layers:2"
        assert len(record.cell.pretrained) == 64
        assert set(record.result.test) == {"accuracy", "f1"}
        assert str(tmp_path) not in record.provenance.command
    assert set(records["tinybert"].teacher.further) == {"f1"}
    board = (results / "LEADERBOARD.md").read_text()
    assert "test f1" in board
    assert "students start from pretrained weights" in board
    assert bench(*run, "--methods", "scratch,tinybert", "--results", results)[1].count("2 done") == 1

    again = tmp_path / "again"
    code, _, err = bench(*run, "--methods", "tinybert", "--data-dir", data, "--results", again)
    assert code == 0, err
    [same] = [record for _, record in Store(again).records()]
    first = records["tinybert"]
    assert (same.key, same.result, same.predictions) == (first.key, first.result, first.predictions)
    assert same.curve.train_loss == first.curve.train_loss


def test_broken_data_are_told_before_anything_is_trained(bench, tmp_path: Path, monkeypatch) -> None:
    backbone, results = model_folder(tmp_path / "small"), tmp_path / "results"
    data = glue(tmp_path / "data", monkeypatch, broken=True)
    run = ["run", "--tasks", "glue/mrpc,glue/rte", "--pairs", f"{backbone}->layers:2", "--protocol", "smoke"]
    run += ["--workers", "0"]  # the official sizes are changed in this process
    code, _, err = bench(*run, "--methods", "scratch", "--data-dir", data, "--results", results)
    assert code != 0
    assert "dev.tsv, line 9: label 'maybe' is none of entailment, not_entailment" in err
    assert not list(Store(results).records())


def test_compiling_is_refused_on_text(bench, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CXX", "sh")
    code, _, err = bench(
        "run", "--tasks", "agreement", "--methods", "kd", "--compile", "--results", tmp_path / "results"
    )
    assert code == 2
    assert "--compile does not pay on agreement" in err
