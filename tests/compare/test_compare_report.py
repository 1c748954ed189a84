"""The report in its four formats: what fails first, nothing left out, and whatever names there are."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree

import pytest
from findings import FAIL_ON, SEEN, changed, finding, in_doubt, report, row, unchanged, worse
from hypothesis import given
from hypothesis import strategies as st
from small_boards import markdown_tables

from bench.compare.finding import Difference, Figure, RowName, Verdict
from bench.compare.more_seeds import MoreSeeds
from bench.compare.report import json as as_json
from bench.compare.report import junit, markdown, text
from bench.compare.report.report import Report
from bench.compare.report.words import basis, difference, probability

FORMATS = (text, markdown, as_json, junit)
CELLS = MoreSeeds(
    "head", ("at",), (3, 4), "digits", "a->b", "smoke", 1.0, "float32", False, "cpu", (), (), "", "abcdef123456"
)
ODD = "\x1b[2J\x00|<b>`@somebody`</b>&\n]]>\u202e\ud800\ufffe"


def mixed() -> Report:
    """Of six rows: two that fail, one that is only slower, one announced, one in doubt, one unchanged."""
    slower = finding("sp", Figure.TIME, Verdict.WORSE, seen="12% slower")
    announced = finding("fsp", Figure.COST, Verdict.WORSE, seen="steps 10 → 20", announced="fsp v1 → v2")
    rows = [*unchanged("scratch"), changed(), *unchanged("kd")[3:], worse(), slower, announced, in_doubt()]
    return report(rows, [CELLS])


def test_the_verdict_and_the_count_of_every_kind() -> None:
    made = mixed()
    assert made.verdict == "regression"
    assert made.summary == (
        "regression in 2 of 6 rows: 1 worse, 1 behaviour changed; the others: 2 worse (time, announced: no failure), "
        "2 no change, 1 in doubt"
    )
    assert report([*unchanged("kd"), *unchanged("at")]).summary == "no regression: 2 rows, 2 no change"
    assert report([finding("kd")]).summary == "no regression: 1 row, 1 no change"


@pytest.mark.parametrize("figure", list(Figure))
@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("announced", ["", "kd v1 → v2"])
def test_a_row_fails_exactly_for_a_regression_in_a_figure_that_is_named(figure, verdict, announced) -> None:
    regressions = {Verdict.FAILURE, Verdict.MISSING, Verdict.WORSE, Verdict.CHANGED}
    made = report([finding("kd", figure, verdict, announced=announced)])
    assert bool(made.failing) is (verdict in regressions and not announced and figure in FAIL_ON)
    assert not report([finding("kd", figure, verdict, announced=announced)], fail_on=frozenset()).failing


def test_sides_without_a_common_row_have_nothing_in_common() -> None:
    made = report([finding(str(verdict), Figure.MISSING, verdict) for verdict in (Verdict.NEW, Verdict.MISSING)])
    assert made.nothing_in_common
    assert made.summary == "nothing is comparable: 2 rows, 1 missing (missing: no failure), 1 new"
    assert report([]).nothing_in_common
    assert not report([*made.findings, finding("kd")]).nothing_in_common


def test_that_no_row_is_comparable_is_an_answer() -> None:
    made = report([finding("kd", Figure.MISSING, Verdict.NOT_COMPARABLE)])
    assert made.summary == "nothing is comparable: 1 row, 1 not comparable"
    assert not made.nothing_in_common
    assert not made.failing


def test_a_row_is_not_comparable_only_if_nothing_of_it_was_compared() -> None:
    [one] = report(unchanged("kd")).rows
    assert one.verdict is Verdict.SAME
    [one] = report([finding("kd", Figure.MISSING, Verdict.NOT_COMPARABLE)]).rows
    assert one.verdict is Verdict.NOT_COMPARABLE


def test_what_could_not_be_compared_is_never_called_no_change() -> None:
    present = [finding("kd", figure) for figure in (Figure.FAILURES, Figure.MISSING)]
    apart = [finding("kd", figure, Verdict.NOT_COMPARABLE) for figure in (Figure.BEHAVIOUR, Figure.COST, Figure.TIME)]
    assert report([*present, *apart]).summary == "nothing is comparable: 1 row, 1 not comparable"
    assert report([*present, *apart, finding("kd", Figure.ACCURACY)]).summary == (
        "no regression: 1 row, 1 no change, 1 not comparable in behaviour, 1 not comparable in cost"
    )


def test_text_has_what_fails_first_and_the_verdict_last() -> None:
    written = text.render(mixed())
    titles = [line for line in written.splitlines() if line.isupper() and line[0] != " "]
    assert titles == [
        "REGRESSIONS",
        "ALSO CHANGED OR IN DOUBT",
        "NO CHANGE",
        "MORE SEEDS SETTLE WHAT IS IN DOUBT",
    ]
    failing = written.split("\n\n")[1]
    assert failing.splitlines()[1:] == [
        str(row("kd")),
        f"  behaviour changed: {SEEN}",
        str(row("pkd")),
        "  worse in accuracy: 69.84 → 69.32 over 5 and 5 seeds",
        "    one-sided Welch test, Holm over 22 rows, p = 0.0012, -0.52 points (95%: -0.71 to -0.33)",
    ]
    assert written.splitlines()[-1] == mixed().summary


def test_text_names_every_row_and_every_sentence_once() -> None:
    written = text.render(mixed())
    for said in ("12% slower", "announced by fsp v1 → v2", "in doubt: needs 5 seeds a side", SEEN):
        assert written.count(said) == 1
    assert f"  {row('scratch')}: failures, behaviour, cost, memory, accuracy\n" in written
    for method in ("scratch", "kd", "pkd", "sp", "fsp", "at"):
        assert str(row(method)) in written


def test_a_reason_that_a_whole_board_shares_is_said_once() -> None:
    found = [each for number in range(22) for each in unchanged(f"m{number:02d}")]
    written = text.render(report(found, fail_on=FAIL_ON | {Figure.TIME}))
    assert written.count("1 seed in common, expected at least 3") == 1
    assert "1 seed in common, expected at least 3" in markdown.render(report(found, fail_on=FAIL_ON | {Figure.TIME}))
    for renderer in (text, markdown):  # nobody asked for the time
        assert "1 seed in common" not in renderer.render(report(found))
    assert "22 rows: m00 · " in written
    assert "and 20 more" in written
    assert written.count("failures, behaviour, cost") == 22


def test_many_rows_without_a_change_are_counted() -> None:
    written = text.render(report([each for number in range(500) for each in unchanged(f"m{number}")]))
    assert "NO CHANGE\n  500 rows\n" in written
    assert len(written.splitlines()) < 20


def test_what_fails_fits_on_a_screen_on_a_board_of_22_rows() -> None:
    rows = [each for number in range(20) for each in unchanged(f"m{number}")]
    written = text.render(report([*rows, changed(), worse()]))
    assert written.index("m0 · ") > written.index(str(row("pkd")))
    assert len(written.splitlines()) <= 45


def test_the_commands_are_said_with_their_side_and_commit() -> None:
    line = f"{CELLS.command('results')}  # head, at commit abcdef123456"
    for render in (text.render, markdown.render):
        assert line in render(mixed())
        assert "git archive main" not in render(mixed())
    unpacked = text.render(report([in_doubt()], [MoreSeeds(**{**vars(CELLS), "side": "base", "commit": ""})]))
    assert "  git archive main  # base: the records of main as a folder\n" in unpacked
    assert f"{CELLS.command('main')}  # base\n" in unpacked


def test_markdown_tells_the_verdict_what_changed_and_all_rows() -> None:
    written = markdown.render(mixed())
    assert written.startswith("### regression in 2 of 6 rows")
    changes, everything = markdown_tables(written)
    assert [each for each in changes if each != "head"] == [str(row(name)) for name in ("kd", "pkd", "sp", "fsp", "at")]
    assert changes[str(row("kd"))][:3] == ["behaviour", "**behaviour changed**", SEEN]
    assert changes[str(row("pkd"))][3:] == [
        "one-sided Welch test, Holm over 22 rows, p = 0.0012",
        "-0.52 points (95%: -0.71 to -0.33)",
    ]
    assert changes[str(row("sp"))][1] == "worse"
    assert everything["head"] == ["Row", *Figure]
    assert everything[str(row("scratch"))] == [*["no change"] * 5, "–", "no change", "not comparable"]
    assert everything[str(row("at"))][6] == "no change, in doubt"
    assert written.count("<details>") == written.count("</details>") == 2


def test_a_comment_is_never_too_long_and_says_what_was_cut() -> None:
    long = [finding(f"m{number}", verdict=Verdict.WORSE, seen="x" * 200) for number in range(400)]
    many = [MoreSeeds(**{**vars(CELLS), "task": f"t{number}"}) for number in range(400)]
    written = markdown.render(
        report([*long, *(each for number in range(400) for each in unchanged(f"n{number}"))], many)
    )
    assert 30_000 < len(written) < 65_536
    shown = [len(table) - 1 for table in markdown_tables(written)]
    assert [int(number) for number in re.findall(r"(\d+) of [48]00 lines are cut", written)] == [
        400 - shown[0],
        800 - shown[1],
    ]
    assert re.search(r"# \d+ more commands", written)
    assert written.count("```") == 2
    assert written.rstrip().endswith("</details>")


def test_one_line_that_is_far_too_long_does_not_take_all_room() -> None:
    written = markdown.render(report([finding(verdict=Verdict.WORSE, seen="x" * 100_000)]))
    assert len(written) < 65_536
    assert "1 of 1 lines are cut" in written


def test_seeds_that_are_gone_hide_nothing_of_what_was_compared() -> None:
    gone = finding("kd", Figure.MISSING, Verdict.MISSING, seen="seed 1 of base is not in head")
    assert report([gone, *unchanged("kd")]).rows[0].verdict is Verdict.SAME
    assert report([gone, *unchanged("kd")], fail_on=frozenset({Figure.MISSING})).rows[0].verdict is Verdict.MISSING
    unknown = finding("kd", Figure.ACCURACY, Verdict.NOT_COMPARABLE)
    assert report([gone, unknown]).rows[0].verdict is Verdict.MISSING


def test_json_has_everything_under_stable_names() -> None:
    content = json.loads(as_json.render(mixed()))
    assert list(content) == ["base", "head", "verdict", "summary", "fail_on", "sides", "rows", "more_seeds"]
    assert (content["base"], content["head"], content["verdict"]) == ("main", "results", "regression")
    assert content["fail_on"] == sorted(FAIL_ON)
    assert content["sides"]["head"] == {"records": 2, "benchmarks": 0, "commits": ["c" * 12], "unpack": None}
    rows = {each["cells"]["method"]: each for each in content["rows"]}
    assert [name for name, each in rows.items() if each["fails"]] == ["kd", "pkd"]
    assert rows["pkd"]["findings"] == [
        {
            "figure": "accuracy",
            "verdict": "worse",
            "is_regression": True,
            "fails": True,
            "seen": "69.84 → 69.32 over 5 and 5 seeds",
            "test": "one-sided Welch test, Holm over 22 rows",
            "p": 0.0012,
            "difference": {"value": -0.52, "low": -0.71, "high": -0.33, "unit": "points"},
            "announced": None,
            "in_doubt": False,
            "more_seeds": None,
        }
    ]
    assert rows["sp"]["findings"][0]["is_regression"]
    assert not rows["sp"]["findings"][0]["fails"]
    assert rows["fsp"]["findings"][0]["announced"] == "fsp v1 → v2"
    assert sum(len(each["findings"]) for each in content["rows"]) == len(mixed().findings)
    [cells] = content["more_seeds"]
    assert (cells["seeds"], cells["command"]) == ([3, 4], CELLS.command("results"))


def test_json_has_no_infinity() -> None:
    open_end = finding(p=math.nan, difference=Difference(1.0, -math.inf, math.inf, "%"))
    [one] = json.loads(as_json.render(report([open_end])))["rows"]
    assert one["findings"][0]["p"] is None
    assert one["findings"][0]["difference"] == {"value": 1.0, "low": None, "high": None, "unit": "%"}


def test_a_benchmark_is_a_row_without_cells() -> None:
    made = report([finding().__class__("a.py::b[x]", Figure.TIME, Verdict.SAME, "seen")])
    [one] = json.loads(as_json.render(made))["rows"]
    assert (one["name"], one["benchmark"], one["cells"]) == ("a.py::b[x]", "a.py::b[x]", None)
    assert "a.py::b[x]: time" in text.render(made)


def test_junit_has_a_case_for_every_figure_of_every_row() -> None:
    suite = ElementTree.fromstring(junit.render(mixed()))
    cases = suite.findall("testcase")
    assert suite.tag == "testsuite"
    assert len(cases) == int(suite.get("tests")) == len(mixed().findings)
    failing = [(case.get("classname"), case.get("name")) for case in cases if case.find("failure") is not None]
    assert failing == [(str(row("kd")), "behaviour"), (str(row("pkd")), "accuracy")]
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert skipped == ["time", "time"]
    assert (suite.get("failures"), suite.get("skipped"), suite.get("errors")) == ("2", "2", "0")
    assert suite.find("testcase/failure").get("message") == f"behaviour changed: {SEEN}"
    assert suite.find("system-out").text == mixed().summary


@given(st.text(max_size=30).map(lambda drawn: drawn + ODD), st.sampled_from(list(Verdict)), st.integers(0, 1))
def test_odd_characters_break_no_format(odd: str, verdict: Verdict, doubt: int) -> None:
    name = RowName(*[odd] * 6)
    cells = MoreSeeds(**{**vars(CELLS), "methods": (odd,), "task": odd, "commit": odd})
    odd_finding = finding(name, Figure.COST, verdict, seen=odd, test=odd, announced=odd, more_seeds=doubt * 5)
    made = report([odd_finding, finding(), finding(name, Figure.TIME, Verdict.NOT_COMPARABLE, seen=odd)], [cells])
    for render in (text.render, markdown.render):
        written = render(made)
        assert all(char.isprintable() or char == "\n" for char in written)
    [suite] = [ElementTree.fromstring(junit.render(made))]
    assert len(suite.findall("testcase")) == 3
    assert json.loads(as_json.render(made))["rows"][0]["findings"][0]["seen"] == odd
    outside = re.sub(r"```+sh\n.*?\n```+\n", "", markdown.render(made), flags=re.DOTALL)
    for markup in ("<b>", "@somebody", "`"):
        assert markup not in outside
    assert len({line.count("|") for line in outside.splitlines() if line.startswith("|")}) <= 2


@pytest.mark.parametrize(
    ("p", "said"), [(None, ""), (0.0, "p < 0.0001"), (0.5, "p = 0.5"), (0.00123, "p = 0.0012"), (1.0, "p = 1")]
)
def test_a_probability_in_words(p: float | None, said: str) -> None:
    assert probability(p) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (Difference(0.0, None, None, "points"), "0 points"),
        (Difference(18, None, None, "forwards"), "+18 forwards"),
        (Difference(-1_234_567, None, None, "bytes"), "-1,234,567 bytes"),
        (Difference(0.0123, -0.5, None, "points"), "+0.012 points (95%: -0.50 to ?)"),
        (Difference(5.25, 4.0, 6.5, "%"), "+5.25% (95%: +4 to +6.50)"),
    ],
)
def test_a_difference_in_words(value: Difference | None, said: str) -> None:
    assert difference(value) == said


def test_what_a_verdict_rests_on_is_empty_where_there_is_nothing() -> None:
    assert basis(finding()) == ""
    assert basis(finding(test="exact", more_seeds=3)) == "exact, in doubt: needs 3 seeds a side"
    assert basis(finding(test="exact", undecided=True)) == "exact, in doubt: has all the seeds that are looked at"
