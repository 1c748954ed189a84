"""JSON files of pytest-benchmark: read whatever is in them, matched by name, compared by ratios of one run."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.compare.benchmark_file import BenchmarkRun, benchmark_runs
from bench.compare.benchmarks import compare_benchmarks
from bench.compare.finding import Figure, Finding, Verdict
from bench.errors import StoreError

MACHINE = {
    "node": "host",
    "processor": "",
    "machine": "x86_64",
    "python_implementation": "CPython",
    "python_version": "3.11.7",
    "system": "Linux",
    "cpu": {"brand_raw": "Test CPU", "arch": "X86_64", "count": 2, "hz_actual": [2_000_000_000, 0]},
}
STATS = {"min": 1.0, "max": 2.0, "mean": 1.5, "rounds": 2, "ops": 0.5, "data": [1.0, 2.0]}
GOOD = {
    "machine_info": MACHINE,
    "commit_info": {"id": "abc", "dirty": False},
    "benchmarks": [
        {
            "group": None,
            "name": "test_b[x]",
            "fullname": "benchmarks/test_a.py::test_b[x]",
            "params": {"x": 1},
            "extra_info": {"ratio": 2.0, "ratios": [1.9, 2.0, 2.1], "note": "text"},
            "options": {"warmup": False},
            "stats": STATS,
        },
        {"name": "test_a", "fullname": "benchmarks/test_a.py::test_a", "extra_info": {}, "stats": {"mean": 1.0}},
    ],
    "datetime": "2026-01-01T00:00:00",
    "version": "5.2.0",
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def runs(content: Any, path: Path = Path("bench.json")) -> list[BenchmarkRun]:
    return benchmark_runs(path, content if isinstance(content, bytes) else json.dumps(content).encode())


def edited(path: str, value: Any) -> dict[str, Any]:
    content = part = copy.deepcopy(GOOD)
    *parents, last = (int(each) if each.isdecimal() else each for each in path.split("."))
    for parent in parents:
        part = part[parent]
    part[last] = value
    return content


def run(name: str = "a", *, ratios=(), **machine: str) -> BenchmarkRun:
    alike = {"processor": "Test CPU", "architecture": "X86_64", "cores": "2", "system": "Linux", "Python": "3.11"}
    return BenchmarkRun(name, alike | machine, tuple(ratios))


def only(base: BenchmarkRun, head: BenchmarkRun, **options: float) -> Finding:
    [finding] = compare_benchmarks([base], [head], **options)
    assert (finding.row, finding.figure) == (base.name, Figure.TIME)
    return finding


def test_a_file_gives_its_benchmarks_by_name() -> None:
    first, second = runs(GOOD)
    assert (first.name, first.ratios) == ("benchmarks/test_a.py::test_a", ())
    assert second.ratios == (1.9, 2.0, 2.1)
    assert second.machine == {
        "processor": "Test CPU", "architecture": "X86_64", "cores": "2", "system": "Linux", "Python": "CPython 3.11.7"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("benchmarks", {}, "benchmarks"),
        ("benchmarks", None, "benchmarks"),
        ("benchmarks.0", 7, "benchmarks.0"),
        ("benchmarks.0.fullname", 7, "benchmarks.0.fullname"),
        ("benchmarks.0.extra_info.ratios", [1.0, "2"], "benchmarks.0.extra_info.ratios.1"),
        ("benchmarks.0.extra_info.ratios", [0.0], "benchmarks.0.extra_info.ratios.0"),
        ("benchmarks.0.extra_info.ratios", [math.nan], "benchmarks.0.extra_info.ratios.0"),
        ("machine_info.cpu", [], "machine_info.cpu"),
        ("machine_info", None, "machine_info"),
    ],
)
def test_a_file_of_another_form_is_named_with_the_field(path: str, value: Any, said: str) -> None:
    with pytest.raises(StoreError, match=rf"odd\.json is not a JSON of pytest-benchmark: .*{said}"):
        runs(edited(path, value), Path("odd.json"))


def test_a_file_without_benchmarks_and_one_with_a_benchmark_twice_are_refused() -> None:
    with pytest.raises(StoreError, match=r"odd\.json holds no benchmarks"):
        runs(edited("benchmarks", []), Path("odd.json"))
    with pytest.raises(StoreError, match=r"odd\.json has the benchmark .*test_a more than once"):
        runs(edited("benchmarks", [GOOD["benchmarks"][1]] * 2), Path("odd.json"))


@given(st.integers(0, len(json.dumps(GOOD)) - 1))
def test_a_torn_file_is_named_wherever_it_is_torn(length: int) -> None:
    with pytest.raises(StoreError, match=r"torn\.json is not a JSON of pytest-benchmark"):
        runs(json.dumps(GOOD).encode()[:length], Path("torn.json"))


PATHS = ("machine_info", "machine_info.cpu", "machine_info.cpu.brand_raw", "benchmarks", "benchmarks.0")
INSIDE = ("fullname", "extra_info", "extra_info.ratios")


@given(st.sampled_from([*PATHS, *(f"benchmarks.0.{each}" for each in INSIDE)]), json_values)
def test_whatever_stands_in_a_file_is_read_or_refused_by_name_and_what_is_read_can_be_compared(
    path: str, value: Any
) -> None:
    try:
        read = runs(edited(path, value), Path("odd.json"))
    except StoreError as error:
        assert str(error).startswith("odd.json ")  # noqa: PT017
        return
    assert not any(finding.is_regression for finding in compare_benchmarks(read, read))


@given(st.binary(max_size=50))
def test_other_bytes_are_refused_by_name(content: bytes) -> None:
    with pytest.raises(StoreError, match=r"odd\.json"):
        runs(content, Path("odd.json"))


def test_a_lower_ratio_is_slower_and_the_mirror_image_is_faster() -> None:
    fast, slow = run(ratios=[2.0, 2.02, 1.98, 2.0]), run(ratios=[1.6, 1.62, 1.58, 1.6])
    worse = only(fast, slow)
    assert worse.verdict is Verdict.WORSE
    assert worse.difference.value == pytest.approx(25, abs=0.1)
    assert worse.seen == "25.0% slower by the ratio to the other way, measured in one run, over 4 and 4 rounds"
    better = only(slow, fast)
    assert better.verdict is Verdict.BETTER
    assert better.difference.value == pytest.approx(-20, abs=0.1)
    assert better.p == pytest.approx(worse.p)
    assert worse.is_regression
    assert not better.is_regression


def test_the_interval_is_that_of_welch_on_the_logarithms() -> None:
    from scipy import stats

    base, head = [2.0, 2.2, 1.9, 2.1, 2.05], [1.9, 2.0, 1.7]
    finding = only(run(ratios=base), run(ratios=head), margin=0.0)
    test = stats.ttest_ind(-np.log(head), -np.log(base), equal_var=False, alternative="greater")
    interval = stats.ttest_ind(-np.log(head), -np.log(base), equal_var=False).confidence_interval(0.95)
    assert finding.p == pytest.approx(test.pvalue, rel=1e-9)
    assert finding.difference.low == pytest.approx(100 * math.expm1(interval.low), rel=1e-9)
    assert finding.difference.high == pytest.approx(100 * math.expm1(interval.high), rel=1e-9)


@pytest.mark.parametrize(("margin", "verdict"), [(5, Verdict.WORSE), (20, Verdict.WORSE), (30, Verdict.SAME)])
def test_only_a_slowdown_that_passes_the_margin_is_worse(margin: float, verdict: Verdict) -> None:
    finding = only(run(ratios=[2.0, 2.02, 1.98]), run(ratios=[1.6, 1.62, 1.58]), margin=margin)
    assert finding.verdict is verdict
    assert (finding.p < 0.05) is (verdict is Verdict.WORSE)


def test_noise_is_no_change() -> None:
    """As many false alarms as the level allows: of 2,000 unchanged benchmarks no more than 1 in 20 at a margin of 0."""
    draws = np.random.default_rng(0)
    alarms = {0.0: 0, 5.0: 0}
    for number in range(2_000):
        base, head = (run(str(number), ratios=np.exp(draws.normal(0, 0.05, 5))) for _ in range(2))
        for margin in alarms:
            alarms[margin] += only(base, head, margin=margin).verdict is Verdict.WORSE
    assert 60 <= alarms[0.0] <= 120
    assert alarms[5.0] <= 10


def test_rounds_that_are_all_the_same_need_no_luck() -> None:
    assert only(run(ratios=[2.0] * 3), run(ratios=[2.0] * 3)).p == 1.0
    assert only(run(ratios=[2.0] * 3), run(ratios=[1.0] * 3)).verdict is Verdict.WORSE


def test_p_is_adjusted_for_all_benchmarks_that_are_tested() -> None:
    base, head = run(ratios=[2.0, 2.2, 1.9, 2.1, 2.05]), run(ratios=[1.7, 1.9, 1.6])
    alone = only(base, head, margin=0.0)
    others = [run(str(number), ratios=[1.0, 1.1]) for number in range(9)]
    among = compare_benchmarks([base, *others, run("seconds")], [head, *others, run("seconds")], margin=0.0)
    [finding] = [each for each in among if each.row == "a"]
    assert alone.p < 0.05 < finding.p == pytest.approx(10 * alone.p)
    assert (alone.verdict, finding.verdict) == (Verdict.WORSE, Verdict.SAME)
    assert finding.test.endswith("p adjusted for 10 benchmarks")


@pytest.mark.parametrize(
    ("base", "head", "why"),
    [
        (run(), run(), "in seconds alone, which differ from run to run"),
        (run(ratios=[1.0, 1.0]), run(), "in seconds alone, which differ from run to run"),
        (run(ratios=[1.0]), run(ratios=[1.0, 1.0]), "over 1 and 2 rounds: no test with fewer than 2"),
        (run(ratios=[1.0] * 2), run(ratios=[1.0] * 2, processor="Other"), "processor Test CPU → Other"),
        (run(ratios=[1.0] * 2), run(ratios=[1.0] * 2, Python="3.12", cores="4"), "cores 2 → 4, Python 3.11 → 3.12"),
        (
            run(ratios=[1.0] * 2, processor=None),
            run(ratios=[1.0] * 2, processor=None),
            "the files do not name their processor",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(base: BenchmarkRun, head: BenchmarkRun, why: str) -> None:
    finding = only(base, head)
    assert finding.verdict is Verdict.NOT_COMPARABLE
    assert why in finding.seen
    assert not finding.is_regression


def test_benchmarks_of_one_side_are_new_or_missing() -> None:
    base, head = [run("a", ratios=[1, 1]), run("b", ratios=[1, 1])], [run("b", ratios=[1, 1]), run("c", ratios=[1, 1])]
    found = [(each.row, each.figure, each.verdict) for each in compare_benchmarks(base, head)]
    assert found == [
        ("a", Figure.MISSING, Verdict.MISSING),
        ("b", Figure.TIME, Verdict.SAME),
        ("c", Figure.MISSING, Verdict.NEW),
    ]
