"""`--export-student`: the best student of a command, in a folder that its own library loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from language import model_folder
from PIL import Image, ImageOps
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from bench.engine.evaluate import logits_of
from bench.engine.observe import observed
from bench.store import Store
from tasks.digits import Digits
from tasks.own_text import OwnText

SMOKE = ["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8", "--methods", "scratch,kd"]


def loaded(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the code of kdbench.json calls `model`, from inside of the folder."""
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(code, found)
    return found["model"]


def test_the_exported_student_gives_the_recorded_metric_again(bench, tmp_path: Path, monkeypatch) -> None:
    folder, results = tmp_path / "best", tmp_path / "results"
    code, out, _ = bench(*SMOKE, "--seeds", "0,1", "--export-student", folder, "--results", results)
    assert code == 0
    assert f"exported to {folder}" in out
    assert sorted(path.name for path in folder.iterdir()) == ["kdbench.json", "model.safetensors"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    said = json.loads((folder / "kdbench.json").read_text())
    records = {record.key: record for _, record in Store(results).records()}
    best = {key: max(value for value in record.curve.select) for key, record in records.items()}
    assert best[said["key"]] == max(best.values()) == said["select"]
    assert said["test"] == records[said["key"]].result.test_selected
    assert said["inputs"] == Digits.input_format
    assert said["precision"] == "float32"
    network = loaded(said["load"], folder, monkeypatch)
    task = Digits()
    test = task.load(None).test
    with torch.no_grad():
        logits = logits_of(observed(network.to(memory_format=torch.channels_last), "float32"), task, test)
    assert task.score(logits, test.labels) == said["test"]

    own = ["--pairs", "resnet8->resnet8", "--methods", "kd", "--teacher", folder, "--results", results]
    code, _, err = bench("run", "--tasks", "digits", "--protocol", "smoke", *own)
    assert code == 0, err
    [taught] = [record for _, record in Store(results).records() if record.teacher and record.teacher.key[:4] == "file"]
    assert taught.teacher.test == said["test"]["accuracy"]


def test_a_regression_gives_the_recorded_correlation_through_the_public_pipeline(bench, tmp_path: Path) -> None:
    table, folder = tmp_path / "scores.csv", tmp_path / "best"
    rows = [(f"the {'big ' * (n % 5)}cat", f"the {'dog ' * (n % 3)}", n % 5 - n % 3 + 0.5) for n in range(300)]
    pd.DataFrame(rows, columns=["text", "text2", "label"]).to_csv(table, index=False)
    run = ["run", "--tasks", f"csv:{table}", "--protocol", "smoke", "--results", tmp_path / "results"]
    # The pipeline computes in float32; what the protocol would choose depends on the processor.
    pair = ["--pairs", f"{model_folder(tmp_path / 'small')}->layers:2", "--precision", "float32"]
    code, _, err = bench(*run, *pair, "--methods", "scratch,kd,tinybert", "--export-student", folder)
    assert code == 0, err
    said = json.loads((folder / "kdbench.json").read_text())
    records = [record for _, record in Store(tmp_path / "results").records()]
    assert len(records) == 3
    for record in records:
        assert set(record.result.test) == {"pearson_spearman", "pearson", "spearman"}
        assert (record.calibration, record.predictions, record.result.worst_class) == (None, None, None)
    board = (tmp_path / "results" / "LEADERBOARD.md").read_text()
    assert "test pearson_spearman" in board
    assert "test spearman" in board

    test = OwnText("csv", str(table))._test
    classify = pipeline("text-classification", model=str(folder), device="cpu")
    texts = [{"text": row.text, "text_pair": row.text2} for row in test.itertuples()]
    scores = [each["score"] for each in classify(texts)]
    assert np.corrcoef(scores, test["label"])[0, 1] == pytest.approx(said["test"]["pearson"] / 100, abs=1e-4)


def test_a_student_of_text_is_a_hugging_face_folder_and_can_be_a_teacher(bench, tmp_path: Path) -> None:
    table, backbone = own_texts(tmp_path / "mine.csv"), model_folder(tmp_path / "small")
    folder, results = tmp_path / "best", tmp_path / "results"
    run = ["run", "--tasks", f"csv:{table}", "--protocol", "smoke", "--results", results]
    code, _, err = bench(
        *run, "--methods", "scratch", "--pairs", f"{backbone}->layers:2", "--export-student", folder, "--seeds", "0,1"
    )
    assert code == 0, err
    said = json.loads((folder / "kdbench.json").read_text())

    test = pd.read_csv(table).iloc[[row - 1 for row in said["test_examples"]]]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        logits = network(**tokenizer(test["text"].tolist(), padding=True, return_tensors="pt")).logits
    predicted = [("no", "yes")[number] for number in logits.argmax(dim=1)]
    assert said["test"]["accuracy"] == pytest.approx(100 * (test["label"] == predicted).mean())
    assert network.config.id2label == {0: "no", 1: "yes"}

    code, _, err = bench(*run, "--methods", "kd", "--pairs", f"{folder}->layers:1", "--teacher", folder)
    assert code == 0, err
    [record] = [record for _, record in Store(results).records() if record.cell.method.name == "kd"]
    assert record.teacher.test == said["test"]["accuracy"]
    assert record.teacher.trained_on == "unknown"


def test_a_student_that_has_learnt_nothing_is_said(bench, tmp_path: Path) -> None:
    table, backbone = tmp_path / "mine.csv", model_folder(tmp_path / "small")
    rows = [f"the cat is big,{'no' if number % 3 else 'yes'}" for number in range(200)]
    table.write_text("\n".join(["text,label", *rows]))
    run = ["run", "--tasks", f"csv:{table}", "--protocol", "smoke", "--results", tmp_path / "results"]
    pair = ["--pairs", f"{backbone}->layers:1"]
    code, out, err = bench(*run, *pair, "--methods", "scratch", "--export-student", tmp_path / "best")
    assert code == 0, err
    assert "NOT better than one class for everything" in out


def test_a_student_of_own_images_gives_the_recorded_metric_through_timm(bench, tmp_path: Path, monkeypatch) -> None:
    random = np.random.Generator(np.random.PCG64(0))
    images, folder = tmp_path / "mine", tmp_path / "best"
    for label, mean in (("dark", 110), ("light", 145)):
        (images / label).mkdir(parents=True)
        for number in range(40):
            pixels = random.normal(mean, 60, (36, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(images / label / f"{number}.png")
    run = ["run", "--tasks", f"imagefolder:{images}", "--protocol", "smoke", "--results", tmp_path / "results"]
    pair = ["--pairs", "resnet10t->resnet10t"]
    code, _, err = bench(*run, *pair, "--methods", "kd", "--export-student", folder)
    assert code == 0, err
    said = json.loads((folder / "kdbench.json").read_text())
    assert "RGB images, the shorter side scaled to 32 pixels, the middle 32x32 of them" in said["inputs"]
    network = loaded(said["load"], folder, monkeypatch).eval()
    right = []
    for name in said["test_examples"]:
        with Image.open(images / name) as image:
            pixels = torch.from_numpy(np.array(ImageOps.fit(image.convert("RGB"), (32, 32))))
        inputs = (pixels / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
        with torch.no_grad():
            predicted = int(network(inputs.permute(2, 0, 1)[None]).argmax())
        right.append(name.startswith(("dark", "light")[predicted]))
    assert len(right) == 16
    assert said["test"]["accuracy"] == pytest.approx(100 * np.mean(right))


def own_texts(path: Path) -> Path:
    """A table of 900 texts."""
    rows = [f"the {('cat', 'dog', 'a')[n % 3]} is {('small', 'big')[n % 2]},{('no', 'yes')[n % 2]}" for n in range(900)]
    path.write_text("\n".join(["text,label", *rows]))
    return path


def test_a_record_holds_no_weights_to_export(bench, tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert bench(*SMOKE, "--results", results)[0] == 0
    code, _, err = bench(*SMOKE, "--seeds", "0,1", "--export-student", tmp_path / "best", "--results", results)
    assert code == 2
    assert (
        "2 of 4 cells have their record, which holds no weights; --only all, with a new folder, trains them again"
        in err
    )
    assert not (tmp_path / "best").exists()


def test_a_best_student_needs_one_task_and_a_select_split(bench, tmp_path: Path) -> None:
    best = ["--export-student", tmp_path / "best", "--results", tmp_path / "results"]
    code, _, err = bench("run", "--tasks", "digits,agreement", "--protocol", "smoke", "--methods", "scratch", *best)
    assert code == 2
    assert "takes the best student of one task, but these are agreement, digits" in err
    code, _, err = bench("run", "--tasks", "cifar100", "--protocol", "paper", "--methods", "scratch", *best)
    assert code == 2
    assert "protocol 'paper' has no select split" in err


def test_a_folder_that_holds_anything_is_left_alone(bench, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    results = tmp_path / "results"
    code, _, err = bench(*SMOKE, "--export-student", tmp_path / "mine", "--results", results)
    assert code == 2
    assert "is not empty" in err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert not list(results.rglob("*.json"))
