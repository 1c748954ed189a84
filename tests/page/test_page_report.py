"""The folder of the page: whole, of the records alone, and without a word of theirs as markup."""

import json
import re
import subprocess
import sys

import pages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import record

from bench.page.cells import PREDICTIONS
from bench.store import Store


def test_every_record_has_its_cell_as_it_is_stored(folder):
    found = pages.contents(folder)
    for path, each in Store(folder.parent / "results").records():
        cell = found[f"cells/{each.machine}/{each.key}"]
        stored = json.loads(path.read_text())
        assert cell["record"] == stored | {"predictions": None}
        assert (folder / cell["file"]).resolve() == path.resolve()


def test_a_cell_has_m_of_the_board(tmp_path):
    folder = pages.report([record("kd", select=(50.0, 60.0, 63.0, 66.0))], tmp_path)
    (cell,) = [each for name, each in pages.contents(folder).items() if name.startswith("cells/")]
    assert cell["smooth"] == [None, None, 57.6667, 63.0]


def test_cells_are_in_packs(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.page.cells.PACK_BYTES", 10_000)
    folder = pages.report(pages.made(), tmp_path)
    found = pages.contents(folder)
    packs = {path.stem for path in (folder / "data" / "cells").iterdir()}
    assert 2 < len(packs) < 20
    assert {str(number) for keys in found["cells"].values() for number in keys.values()} == packs
    for machine, keys in found["cells"].items():
        for key, number in keys.items():
            text = (folder / "data" / "cells" / f"{number}.js").read_text()
            assert f"kdbench.put('cells/{machine}/{key}'" in text


def test_predictions_are_left_out_only_where_they_are_packed():
    text = record().to_json()
    assert json.loads(PREDICTIONS.sub(b'\n "predictions": null', text.encode()))["predictions"] is None
    other = text.replace('"count": 3', '"count": "3"')
    assert PREDICTIONS.sub(b"", other.encode()) == other.encode()


def test_every_link_leads_somewhere(folder):
    found = pages.contents(folder)
    for line in found["overview"]["groups"]:
        group = found[f"groups/{line['id']}"]
        rows = {row["id"] for row in group["rows"]}
        assert f"differences/{line['id']}" in found
        assert {group["targetRow"], *group["controls"]} - {None} <= rows
        for row in group["rows"]:
            for run in row["runs"]:
                assert run["key"] in found["cells"][run["machine"]]
                places = found[f"cells/{run['machine']}/{run['key']}"]["places"]
                assert [line["id"], row["id"]] in places


def test_the_same_records_give_the_same_page(folder, tmp_path):
    again = pages.report(list(reversed(pages.made())), tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


def test_the_page_asks_the_network_for_nothing(folder):
    for path in [folder / "index.html", *(folder / "assets").iterdir()]:
        if path.name != "plotly.min.js":
            assert not re.search(
                r"https?://|//[a-z]+\.|@import|fetch\(|innerHTML|document\.write|\beval\b", path.read_text()
            )
    assert "default-src 'none'" in (folder / "index.html").read_text()


def test_hostile_records_stay_data(tmp_path):
    folder = pages.report(pages.hostile(), tmp_path)
    text = json.dumps(pages.contents(folder))
    for each in pages.HOSTILE:
        assert json.dumps(each)[1:-1] in text
    assert b"<img" not in (folder / "index.html").read_bytes()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1, max_size=50), min_size=4, max_size=4))
def test_any_text_stays_data(tmp_path_factory, texts):
    name, task, note, value = texts
    made = record(name, task=task, parameters={name: value}, environment={"device": value, "load_average": note})
    folder = pages.report([made.model_copy(update={"task_note": note})], tmp_path_factory.mktemp("page"))
    found = pages.contents(folder)
    assert found["overview"]["groups"][0]["task"] == f"{task} v1"
    (group,) = [content for name, content in found.items() if name.startswith("groups/")]
    assert group["rows"][0]["parameters"] == {name: value}


def test_no_records(tmp_path):
    (tmp_path / "results").mkdir()
    assert pages.contents(pages.report([], tmp_path)) == {
        "cells": {},
        "overview": {"records": 0, "groups": [], "leaders": [], "overTasks": []},
    }


def test_torch_is_not_imported(folder, tmp_path):
    code = (
        "import sys; from bench.cli.main import main\n"
        f"main(['report', '--results', {str(folder.parent / 'results')!r}, '--output', {str(tmp_path / 'page')!r}])\n"
        "heavy = {'torch', 'timm', 'pandas', 'plotly'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
