"""The command that writes the page."""

from pathlib import Path

import pytest

from bench.cli.report import report_folder


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def test_a_report_is_written_where_it_is_said(results, bench, tmp_path):
    code, out, _ = bench("report", "--results", results, "--output", tmp_path / "page")
    assert (code, out) == (0, f"wrote {tmp_path / 'page' / 'index.html'}\n")
    assert (tmp_path / "page" / "index.html").exists()


def test_a_report_inside_the_results_is_no_record(results, bench):
    for _ in range(2):
        assert bench("report", "--results", results)[0] == 0
    assert (results / "report" / "index.html").exists()
    assert bench("leaderboard", "--results", results)[0] == 0


def test_the_usual_folder_has_its_report_beside_it(tmp_path):
    assert report_folder(Path("results")) == report_folder(Path("results").resolve()) == Path("report")
    assert report_folder(tmp_path / "results") == tmp_path / "results" / "report"


def test_without_results_it_says_so(bench, tmp_path):
    code, _, err = bench("report", "--results", tmp_path / "none")
    assert code == 1
    assert f"{tmp_path / 'none'} does not exist" in err


def test_the_results_are_never_replaced(results, bench):
    (results / "record.txt").write_text("mine")
    code, _, err = bench("report", "--results", results, "--output", results)
    assert code == 1
    assert "is not a report" in err
    assert (results / "record.txt").exists()
