"""The flat table: one row a record, the same in every format."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from records import MIB, changed, failure, placed, record

from bench.board.export import FORMATS, frame, write
from bench.errors import UsageError
from bench.record import Passes

MADE = [
    changed(
        record("kd", 1, test=70.25, parameters={"t": 4.0}, pretrained="ab" * 32),
        cost={
            "peak_tensor_bytes": 200 * MIB,
            "energy_joules": 1500.0,
            "passes": {"teacher": Passes(forwards=800, backwards=0, updates=0)},
        },
    ),
    record("scratch"),
    failure("at"),
    record("at", budget=0.5),
]

PLACES = Path("/repo"), Path("/repo/results")


@pytest.fixture
def table():
    return frame(placed(MADE), *PLACES)


def test_one_row_a_record(table):
    assert len(table) == 4
    row = table.set_index("method").loc["kd"]
    assert row["test_accuracy"] == 70.25
    assert row["parameters"] == 278_324
    assert row["method_parameters"] == '{"t":4.0}'
    assert row["seed"] == 1
    assert row["budget"] == 1.0
    assert row["train_seconds"] == 40.0
    assert row["peak_memory_bytes"] == 200 * MIB
    assert row["energy_joules"] == 1500.0
    assert (row["teacher_forwards"], row["teacher_backwards"], row["teacher_updates"]) == (800, 0, 0)
    assert row["resident_growth_bytes"] == 200 * MIB
    assert row["ece"] == 5.0
    assert row["agreement"] == 75.0
    assert row["record"].startswith("results/cpu-2c-8g/kd-s1-")


def test_failures_are_rows_without_figures(table):
    row = table.set_index(["method", "budget"]).loc["at", 1.0]
    assert row["status"] == "nan"
    assert pd.isna(row["test_accuracy"])
    assert pd.isna(table.set_index("method").loc["scratch", "peak_memory_bytes"])


def test_order_of_files_never_matters(table):
    pd.testing.assert_frame_equal(frame(placed(MADE[::-1]), *PLACES), table)


def read_csv(path):
    # By default pandas reads the word nan, a status, as unknown.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


@pytest.mark.parametrize(("form", "load"), [("csv", read_csv), ("parquet", pd.read_parquet)])
def test_formats_hold_the_same(table, tmp_path, form, load):
    write(table, form, tmp_path / "table")
    pd.testing.assert_frame_equal(load(tmp_path / "table"), table, check_dtype=False)


@pytest.mark.parametrize("form", FORMATS)
def test_a_stream_gets_the_same_bytes_as_a_file(table, tmp_path, form):
    stream = io.BytesIO()
    write(table, form, stream)
    write(table, form, tmp_path / "table")
    assert stream.getvalue() == (tmp_path / "table").read_bytes()


def test_json_is_a_list_of_objects(table, tmp_path):
    write(table, "json", tmp_path / "t.json")
    loaded = json.loads((tmp_path / "t.json").read_text())
    assert [each["method"] for each in loaded] == table["method"].tolist()
    shown = {(each["method"], each["budget"]): each["test_accuracy"] for each in loaded}
    assert shown == {("kd", 1.0): 70.25, ("scratch", 1.0): 70.0, ("at", 1.0): None, ("at", 0.5): 70.0}


def test_unknown_format_names_the_known(table, tmp_path):
    with pytest.raises(UsageError, match="csv, json, parquet"):
        write(table, "xlsx", tmp_path / "t.xlsx")


def test_no_records_give_an_empty_table():
    assert frame([], *PLACES).empty


def test_a_miss_is_censored_never_a_time():
    early, never = (50.0, 66.0, 66.0, 66.0), (50.0, 55.0, 55.0, 55.0)
    made = [record("pkd", seed, select=early) for seed in range(5)]
    made += [
        record("kd", 0, select=early),
        record("kd", 1, select=never),
        failure("kd", 2),
        failure("kd", 3, status="oom"),
    ]
    # m of pkd is 66 at the end, so τ = 65.7: reached at the last of four evaluations, 10 s apart.
    runs = frame(placed(made), *PLACES).set_index(["method", "seed"])
    hit, miss, diverged, lost = (runs.loc["kd", seed] for seed in range(4))
    assert (hit["reached"], hit["seconds_to_match"], hit["seconds_before_match"]) == (True, 40.0, 30.0)
    assert pd.isna(hit["censored_at_seconds"])
    assert (miss["reached"], miss["censored_at_seconds"]) == (False, 40.0)
    assert (diverged["reached"], lost["status"]) == (False, "oom")
    assert pd.isna(
        [miss["seconds_to_match"], miss["steps_to_match"], diverged["seconds_to_match"], lost["reached"]]
    ).all()
    assert [miss["target"], diverged["target"]] == pytest.approx([65.7, 65.7])


def test_a_run_that_every_teacher_has_is_held_against_no_single_target():
    made = [record("pkd", seed, teacher=each * 64, machine=f"machine-{each}") for each in "ad" for seed in range(5)]
    runs = frame(placed([*made, record("scratch")]), *PLACES).set_index("method")
    assert pd.isna(runs.loc["scratch", "reached"])
    assert runs.loc["pkd", "reached"].all()
