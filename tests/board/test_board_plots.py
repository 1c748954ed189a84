"""The SVGs: the same bytes everywhere, names drawn as they are, sealed, and drawn only when something changed."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from records import record
from small_boards import analysis, board, golden

from bench.board.over_tasks import Profile
from bench.board.plots import SEAL, profile_plot, runs_plot
from bench.store import Store

NAMES = ["_private", "__x__", "a$b$c", "<script>alert(1)</script>", "a&b;", "naïve τ", "教师", '"q"', "]]>", "--", "%s"]
WILD = """\
svg.fonttype: path
svg.hashsalt: other
font.size: 33
font.family: serif
text.usetex: True
text.parse_math: True
axes.facecolor: red
axes.grid: False
axes.prop_cycle: cycler('color', ['ff0000'])
figure.constrained_layout.use: True
savefig.bbox: tight
savefig.dpi: 7
path.sketch: 1, 100, 2
lines.linewidth: 12
axes.unicode_minus: False
"""
PROFILE = Profile({"pkd": [1.0, 2.0], "kd": [1.5, float("inf")], "_a<b": [float("inf")]})


def runs(names=("kd", "scratch"), machine="cpu-2c-8g"):
    found = analysis(*(record(name, seed, test=60.0 + seed + 2 * i) for i, name in enumerate(names) for seed in (0, 1)))
    return runs_plot(found, machine, "name", "A title")


def words(svg):
    """Every text of a figure, as a browser shows it."""
    root = ElementTree.fromstring(svg)
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_same_bytes_twice_and_nothing_of_today_or_this_version(svg):
    assert svg == runs().svg()
    assert "Matplotlib" not in svg
    assert "<dc:date>" not in svg
    assert not re.search(r"[ \t]\n", svg)
    assert profile_plot(PROFILE, "n", "t").svg() == profile_plot(PROFILE, "n", "t").svg()


def test_names_are_drawn_as_they_are_and_nothing_can_run():
    svg = runs(NAMES).svg()
    assert {f"{name}*" for name in NAMES} <= set(words(svg))
    assert "<script" not in svg
    assert not [each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith(("script", "foreignObject"))]
    assert {"pkd (2)", "kd (2)", "_a<b (1)"} <= set(words(profile_plot(PROFILE, "n", "t").svg()))


def test_what_cannot_be_seen_is_not_drawn():
    svg = runs(["a\x00b\nc\x1b[31m\u202e"]).svg()
    assert "a b c [31m*" in words(svg)


def test_a_name_in_another_script_is_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs(["教师"]).svg()


def test_many_rows_are_told_apart():
    svg = runs([f"m{number}" for number in range(23)]).svg()
    assert {f"m{number}*" for number in range(23)} <= set(words(svg))


def test_data_are_the_figures_of_the_board():
    found = analysis(*golden())
    data = runs_plot(found, "cpu-2c-8g", "n", "t").data
    assert data["target"] == 62.7
    assert data["target_method"] == "pkd"
    assert [row["label"] for row in data["rows"]] == ["pkd", "kd", "scratch", "at*"]
    row = data["rows"][0]
    assert row["seconds"] == [80.0, 0.0]
    assert row["score"] == [70.4, 0.392649]
    # Means of m over the five seeds: of 57.67, 58.33, 57, 58, 56.33 after three evaluations, and of the ends.
    assert row["curve"] == [[60.0, 57.467], [80.0, 62.7]]
    assert runs_plot(found, "another", "n", "t") is None


def test_runs_of_other_lengths_and_without_select_are_drawn():
    made = [record("kd", 0), record("kd", 1, select=(50.0, 60.0, 61.0)), record("sp", select=[None] * 4)]
    data = runs_plot(analysis(*made), "cpu-2c-8g", "n", "t").data
    assert [len(row["curve"]) for row in data["rows"]] == [1, 0]
    ElementTree.fromstring(runs_plot(analysis(*made), "cpu-2c-8g", "n", "t").svg())


def test_a_miss_in_a_profile_is_in_no_share():
    data = profile_plot(PROFILE, "n", "t").data
    assert data["rows"] == [
        {"label": "pkd", "ratios": [1.0, 2.0], "cells": 2},
        {"label": "kd", "ratios": [1.5, None], "cells": 2},
        {"label": "_a<b", "ratios": [None], "cells": 1},
    ]


@pytest.fixture(scope="module")
def svg():
    return runs().svg()


@pytest.fixture
def drawn(tmp_path, svg):
    plot = runs()
    path = tmp_path / "figure.svg"
    path.write_text(svg, encoding="utf-8")
    assert plot.is_drawn(path)
    return plot, path


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("training time", "time"),
        lambda text: text + "\n",
        lambda text: text.replace("</svg>", "<!-- --></svg>"),
        lambda text: SEAL.sub("", text),
        lambda text: SEAL.sub(lambda found: found[0].replace(found[1], "0" * 64), text),
        lambda text: SEAL.sub(lambda found: found[0].replace(found[2], "0" * 64), text),
    ],
)
def test_the_seal_notices_an_edited_file(drawn, edit):
    plot, path = drawn
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert not plot.is_drawn(path)


def test_the_seal_notices_other_data_and_what_is_no_text(drawn):
    plot, path = drawn
    assert not runs(["kd", "sp"]).is_drawn(path)
    assert not plot.is_drawn(path.parent / "absent.svg")
    path.write_bytes(b"\xff\xfe")
    assert not plot.is_drawn(path)
    assert not plot.is_drawn(path.parent)


def test_what_rounds_to_the_same_picture_is_not_drawn_again():
    one, other = (analysis(record("kd", seconds=each)) for each in (10.0, 10.0 + 1e-9))
    assert runs_plot(one, "cpu-2c-8g", "n", "t").digest == runs_plot(other, "cpu-2c-8g", "n", "t").digest


def process(code, **environment):
    """A fresh interpreter, as the user has it."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_users_settings_of_matplotlib_change_nothing(tmp_path):
    settings = tmp_path / "matplotlibrc"
    settings.write_text(WILD)
    plot = runs(["kd", "a$b$c", "a_b"])
    code = (
        "import sys; from bench.board.plots import Plot\n"
        f"sys.stdout.reconfigure(encoding='utf-8'); sys.stdout.write(Plot({plot.name!r}, {plot.data!r}).svg())"
    )
    assert process(code, MATPLOTLIBRC=str(settings), MPLBACKEND="pdf", PYTHONIOENCODING="utf-8") == plot.svg()


def test_what_is_drawn_already_needs_no_matplotlib(tmp_path):
    results = tmp_path / "results"
    store = Store(results)
    for made in golden():
        store.write(made)
    code = (
        "import sys; from pathlib import Path; from bench.cli.main import main\n"
        f"assert main(['leaderboard', '--results', {str(results)!r}, '--output', {str(tmp_path / 'L.md')!r}]) == 0\n"
        "print([name for name in ('matplotlib', 'torch', 'pandas', 'timm') if name in sys.modules])"
    )
    assert process(code).splitlines()[-1] == "['matplotlib']"
    assert process(code).splitlines()[-1] == "[]"


def test_settings_of_this_process_are_left_as_they_were():
    import matplotlib

    before = dict(matplotlib.rcParams)
    runs().svg()
    assert dict(matplotlib.rcParams) == before


def test_every_figure_of_a_board_is_well_formed(tmp_path):
    for path, plot in board(golden(), tmp_path).plots.items():
        assert path.parent == Path(tmp_path / "results" / "figures")
        ElementTree.fromstring(plot.svg())
