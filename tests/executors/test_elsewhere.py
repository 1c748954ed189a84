"""A job for other machines."""

from __future__ import annotations

from dataclasses import replace

from bench.executors.elsewhere import needed_paths, portable


def test_folders_of_language_models_get_absolute_paths_and_folders_named_like_a_network_do_not(job, tmp_path):
    for name in ("models/tiny", "bert", "resnet20"):
        (tmp_path / name).mkdir(parents=True)
        if name != "resnet20":
            (tmp_path / name / "config.json").write_text("{}")
    there = portable(replace(job, pairs="resnet56->resnet20, bert -> ./models/tiny"))
    assert there.pairs == f"resnet56->resnet20,{tmp_path}/bert->{tmp_path}/models/tiny"
    assert needed_paths(there, [])[-2:] == [tmp_path / "bert", tmp_path / "models/tiny"]
