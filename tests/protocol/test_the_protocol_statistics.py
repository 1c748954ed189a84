"""protocol.md, Statistics: the tables against plain loops on all records."""

from __future__ import annotations

import random
import re

import boards
import by_hand
import pytest
from boards import HERE, World, cells, column, machines, made, page

from bench.board.analysis import Analysis, runs_on
from bench.board.facts import verdict
from bench.board.over_tasks import over_tasks, summary
from bench.board.table import Table
from bench.board.tables.accuracy import accuracy
from bench.board.tables.fidelity import fidelity
from bench.board.tables.ladder import ladder
from bench.board.tables.lead import lead
from bench.board.tables.leaders import leaders
from bench.board.tables.match import matching
from bench.board.tables.memory import memory
from bench.board.tables.networks import networks
from bench.board.tables.time import times


def test_mean_deviation_and_interval_over_seeds(world: World) -> None:
    """“Mean, standard deviation, 95% interval over seeds (t)”; “n … always shown”."""
    for analysis, runs in world.groups():
        table = accuracy(analysis)
        for row, shown in cells(table):
            values = list(by_hand.scores(by_hand.rows(runs)[boards.key_of(row)]).values())
            figure = shown[f"test {runs[0].metric}"]
            if len(values) > 1:
                assert figure.text == f"{by_hand.mean(values):.2f} ± {by_hand.half_width(values):.2f} ({len(values)})"
                assert shown["sd"].number == pytest.approx(by_hand.deviation(values))
            elif values:
                assert figure.text == f"{values[0]:.2f} (1)"


def test_differences_are_paired_by_seed_and_tested_with_holm_over_the_table(world: World) -> None:
    """“seed-paired differences against `kd` and against `scratch` with a paired t-test, Holm over a table”."""
    significant = tested = 0
    for analysis, runs in world.groups():
        found, adjusted = by_hand.rows(runs), by_hand.adjusted(runs)
        for control in ("scratch", "kd"):
            reference = by_hand.standing_for(runs, control)
            against = next(key for key, row in found.items() if row is reference or row == reference)
            for row, shown in cells(accuracy(analysis)):
                key = boards.key_of(row)
                figure, p = shown.get(f"vs {control}"), shown.get(f"p vs {control}")
                gaps = by_hand.differences(found[key], reference)
                if key == against or not gaps:
                    assert figure is None or figure.number is None
                    continue
                assert figure.number == pytest.approx(by_hand.mean(gaps), abs=1e-9)
                assert figure.text.endswith(f" ({len(gaps)})")
                expected = adjusted.get((key, against))
                assert (p.number if p else None) == (None if expected is None else pytest.approx(expected, abs=1e-12))
                assert figure.strong == (expected is not None and expected < 0.05)
                significant += figure.strong
                tested += expected is not None
    assert 0 < significant < tested


def test_ranks_count_the_methods_that_are_significantly_better(world: World) -> None:
    """“rank = 1 + the number of methods that are significantly better (not being different is not transitive)”."""
    seen = set()
    for analysis, runs in world.groups():
        ranks = {key: by_hand.rank(key, runs) for key in by_hand.rows(runs)}
        shown = column(accuracy(analysis), "rank")
        assert {key: shown.get(key) for key in ranks} == ranks
        assert column(lead(analysis, machines(runs)[0]), "rank") == shown
        seen |= set(ranks.values())
        unbeaten = {key for key, place in ranks.items() if place == 1}
        lines = leaders([analysis], machines(runs)[0]).lines
        if sum(place is not None for place in ranks.values()) > 1:
            assert len(lines) == len(unbeaten)
        else:
            assert "no order is claimed" in lines[0].figures[0].text
    assert {None, 1, 2} <= seen


def test_the_words_say_what_the_tests_say(world: World) -> None:
    """“At least 5 seeds for a board row that claims an order”: the sentence over a table names no other rows."""
    for analysis, runs in world.groups():
        scratch = by_hand.standing_for(runs, "scratch")
        adjusted = by_hand.adjusted(runs)
        against = next(key for key, row in by_hand.rows(runs).items() if row == scratch)
        said = verdict(analysis)
        better = re.search(r"Better than scratch: (.*?)\.(?= [A-Z]|$)", said)
        count = sum(
            adjusted.get((key, against), 1) < 0.05 and by_hand.mean(by_hand.differences(row, scratch)) > 0
            for key, row in by_hand.rows(runs).items()
        )
        assert (0 if better is None else len(re.findall(r"[+-][0-9.]+", better[1]))) == count


def test_small_test_sets_have_a_bootstrap_over_items_and_seeds(world: World) -> None:
    """“Small test sets (RTE, MRPC): bootstrap over items and seeds”: drawn one by one here, so equal but for chance."""
    shown_anywhere = 0
    for analysis, runs in world.groups():
        test_items = max(run.test_items for run in by_hand.done(runs))
        intervals = {boards.key_of(row): shown.get("over items and seeds") for row, shown in cells(accuracy(analysis))}
        if test_items >= 1000:
            assert set(intervals.values()) == {None}
            continue
        key = ("pkd", 1, next(params for method, _, params in intervals if method == "pkd"))
        right = [run.predictions.unpack()[1].tolist() for run in by_hand.by_seed(by_hand.rows(runs)[key]).values()]
        low, high = drawn_interval(right, random.Random(1))
        ours = [float(each) for each in intervals[key].text.split("–")]
        width = high - low
        assert ours == pytest.approx([low, high], abs=0.15 * width + 0.3)
        shown_anywhere += 1
    assert shown_anywhere > 1


def drawn_interval(right: list[list[bool]], draw: random.Random, draws: int = 400) -> tuple[float, float]:
    """95% of the mean, seeds and items drawn with replacement, in percent points."""
    means = []
    for _ in range(draws):
        seeds = draw.choices(right, k=len(right))
        items = draw.choices(range(len(right[0])), k=len(right[0]))
        means.append(100 * sum(sum(seed[item] for item in items) for seed in seeds) / len(seeds) / len(items))
    means.sort()
    return means[round(0.025 * draws)], means[round(0.975 * draws) - 1]


def test_the_bootstrap_draws_seeds_too() -> None:
    """“over items and seeds”: two seeds that differ a lot make it as wide as they are apart."""
    pair = [
        run.model_copy(update={"predictions": boards.Predictions.pack(labels := boards.np.zeros(50), labels + wrong)})
        for run, wrong in zip(boards.runs(["scratch"], range(2)), (0, 1), strict=True)
    ]
    [(_, shown)] = cells(accuracy(World(pair).board.analyses[0]))
    assert shown["over items and seeds"].text == "0.00–100.00"


def every_table(analysis: Analysis) -> list[Table]:
    tables = [accuracy(analysis), fidelity(analysis), ladder(analysis)]
    for machine in (each for each in analysis.group.machines if runs_on(analysis.group, each)):
        tables += [make(analysis, machine) for make in (lead, matching, times, memory, networks)]
        tables.append(leaders([analysis], machine))
    return [table for table in tables if table]


COUNTED = re.compile(r"\(([0-9]+/)?[0-9]+\)$")


def test_n_and_hits_are_always_shown(world: World) -> None:
    """“n and hits are always shown”: on every line that has a figure of several runs, in every table."""
    for analysis, _ in world.groups():
        for table in every_table(analysis):
            counts = [number for number, each in enumerate(table.columns) if each.title in ("runs", "cells", "seeds")]
            for line in table.lines:
                shown = [figure for figure in line.figures if figure.number is not None]
                teacher_or_constant = isinstance(line.of, str) and line.of.startswith(("teacher: ", "most frequent"))
                if not shown or (teacher_or_constant and table.name in ("accuracy", "lead")):
                    continue
                if table.name == "leaders" and "no order is claimed" in line.figures[0].text:
                    continue
                told = [COUNTED.search(figure.text) for figure in line.figures] + counts
                assert any(each is not None for each in told), (table.name, line)


def test_a_tuned_row_says_so_and_the_defaults_stand_as_control() -> None:
    """“Hyperparameters are the published defaults unless a row says how it was tuned.”"""
    analysis, _ = made().section("cifar100")
    labels = {row.label: row.tuned for row in analysis.group.rows if row.method == "kd"}
    assert labels == {"kd": False, "kd[temperature=8.0]": True}
    assert {label for label, _ in labels.items()} <= {row.label for row, _ in cells(lead(analysis, HERE))}
    assert dict(analysis.controls)["kd"].label == "kd"
    assert not any(
        line.of == "kd[temperature=8.0]" for over in over_tasks(made().board) for line in summary(over).lines
    )


def test_means_over_tasks_are_of_rows_with_five_seeds_in_common() -> None:
    """“At least 5 seeds for a board row that claims an order”: FSP has two seeds in common with scratch."""
    [over] = [each for each in over_tasks(made().board) if each.machine == HERE and "fair" in each.protocol]
    table = summary(over)
    shown = {line.of: dict(zip([c.title for c in table.columns], line.figures, strict=True)) for line in table.lines}
    assert shown["fsp"]["mean vs scratch"].number is None
    assert shown["fsp"]["better / open / worse"].number is None
    assert "fsp" not in shown["scratch"]["not told apart from"].text
    for method in ("kd", "pkd", "sp", "dml"):
        by_task = []
        for task in ("cifar100", "sst2", "rte"):
            _, runs = made().section(task)
            by_task.append(
                by_hand.mean(
                    by_hand.differences(by_hand.standing_for(runs, method), by_hand.standing_for(runs, "scratch"))
                )
            )
        assert shown[method]["mean vs scratch"].number == pytest.approx(by_hand.mean(by_task))


def test_a_method_without_a_seed_in_common_breaks_nothing() -> None:
    """“seed-paired differences”: where there is no pair there is no difference, and there still is a board."""
    apart = [*boards.runs(["scratch"]), *boards.runs(["kd"], range(5, 10))]
    other = [*boards.runs(["scratch"], task="b"), *boards.runs(["kd"], range(5, 10), task="b")]
    assert "## Over tasks" in page(World([*apart, *other]))
