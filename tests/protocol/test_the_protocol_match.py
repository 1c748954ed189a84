"""protocol.md, time-to-match-PKD: what the board says against plain loops, on all records and on made ones."""

from __future__ import annotations

import math
import re

import boards
import by_hand
import pytest
from boards import HERE, World, cells, column, committed, machines, made

from bench.board.analysis import Analysis
from bench.board.leaderboard import leaderboard
from bench.board.over_tasks import over_tasks, summary
from bench.board.plots import profile_plot
from bench.board.stored_targets import StoredTargets
from bench.board.tables.ladder import ladder
from bench.board.tables.lead import lead
from bench.board.tables.match import brackets, matching
from bench.board.tables.time import times
from bench.registry import Registry


def with_target(world: World) -> list[tuple[Analysis, by_hand.Runs, float]]:
    """Sections in which PKD has 5 seeds that have an m at the end, and their τ by hand."""
    found = []
    for analysis, runs in world.groups():
        level = by_hand.target(by_hand.standing_for(runs, "pkd"))
        assert (level is None) == isinstance(analysis.target, str)
        if level is not None:
            found.append((analysis, runs, level))
    assert len(found) > 2
    return found


def test_m_is_the_mean_of_the_last_three_select_evaluations(world: World) -> None:
    """“m(e) = mean of the last 3 `select` evaluations up to e”; a stage that trains no classifier does not count."""
    entries = {(e.record.machine, e.record.key): e for a in world.board.analyses for e in a.group.entries}
    assert len(entries) > 100
    for run in world.records:
        if (run.machine, run.key) in entries:
            found = entries[run.machine, run.key].evaluations.smooth.tolist()
            assert [None if math.isnan(m) else m for m in found] == pytest.approx(by_hand.smoothed(run))


def test_the_target_is_the_lower_median_of_m_at_the_end_minus_delta(world: World) -> None:
    """“Target τ = lower median over PKD's seeds of m at the end of training, minus δ (δ = .3 points), ≥ 5 seeds.”"""
    for analysis, runs, level in with_target(world):
        assert analysis.target.value == pytest.approx(level)
        pkd = by_hand.by_seed(by_hand.standing_for(runs, "pkd"))
        assert analysis.target.by_seed == pytest.approx({seed: by_hand.at_the_end(run) for seed, run in pkd.items()})


def test_an_even_number_of_seeds_takes_the_lower_one_for_the_target_and_the_upper_one_for_a_row() -> None:
    """“lower median over PKD's seeds” and “(even n: the upper one)”: the made PKD has six seeds."""
    analysis, runs = made().section("cifar100")
    pkd = by_hand.done(by_hand.standing_for(runs, "pkd"), HERE)
    ends = sorted(by_hand.at_the_end(run) for run in pkd)
    assert len(ends) == 6
    assert ends[2] < ends[3]
    assert analysis.target.value == pytest.approx(ends[2] - 0.3)
    level = ends[2] - 0.3
    reached = [(run, by_hand.first_at(by_hand.smoothed(run), level)) for run in pkd]
    seconds = sorted(math.inf if at is None else run.curve.train_seconds[at] for run, at in reached)
    shown = column(matching(analysis, HERE), "time to match pkd")
    assert seconds[2] < seconds[3] == shown["pkd", 1, "{}"]


def test_the_target_does_not_depend_on_the_hardware() -> None:
    """“It does not depend on the hardware; seconds do, and are compared within one hardware fingerprint only.”"""
    moved = [run.model_copy(update={"machine": "elsewhere"}) if run.machine == HERE else run for run in made().records]
    alone = [run for run in made().records if run.machine == HERE]
    targets = [World(each).section("cifar100")[0].target.content for each in (made().records, moved, alone)]
    assert targets[0] == targets[1] == targets[2]


def test_the_target_is_stored_with_its_seeds_configuration_and_version(tmp_path) -> None:
    """“It is stored with the seeds' values, the configuration hash and a version.”"""
    analysis, _ = made().section("cifar100")
    board = leaderboard(boards.records.placed(made().records), tmp_path, tmp_path / "LEADERBOARD.md")
    for path, text in board.targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    stored = StoredTargets(tmp_path)
    assert stored.number(analysis.target) == 1
    assert len(analysis.target.content["by_seed"]) == 6
    assert re.fullmatch("[0-9a-f]{64}", analysis.target.content["configuration"])
    one_less = World([run for run in made().records if (run.cell.method.name, run.cell.seed) != ("pkd", 5)])
    other = one_less.section("cifar100")[0].target
    assert stored.number(other) is None
    stored.keep(other)
    assert stored.number(other) == 2
    assert other.configuration == analysis.target.configuration


@pytest.mark.parametrize(
    ("title", "unit"),
    [("time to match pkd", "train_seconds"), ("steps", "steps"), ("FLOPs", "flops")],
)
def test_a_row_is_the_median_over_seeds_with_infinity_taking_part(world: World, title: str, unit: str) -> None:
    """“`train_seconds` at the first evaluation with m ≥ τ; no interpolation … median over seeds … steps and FLOPs.”"""
    seen = set()
    for analysis, runs, level in with_target(world):
        column = title if analysis.ranked or unit != "train_seconds" else f"{title} (not ranked)"
        for machine in machines(runs):
            for row, shown in cells(matching(analysis, machine)):
                median, hits, n = by_hand.to_match(by_hand.rows(runs)[boards.key_of(row)], machine, level, unit)
                assert shown[column].number == pytest.approx(median)
                assert shown[column].text.endswith(f" ({hits}/{n})")
                assert shown[column].text.startswith("∞") == math.isinf(median)
                seen.add((math.isinf(median), hits == n))
    assert {(True, False), (False, False), (False, True)} <= seen


def test_a_run_that_diverged_is_a_miss_and_one_that_was_cut_off_is_none() -> None:
    """“Not reached: … +∞ in the arithmetic”; “n and hits are always shown”: five hits and one NaN are 5/6."""
    analysis, _ = made().section("cifar100")
    shown = {boards.key_of(row)[0]: figure for row, figure in cells(matching(analysis, HERE)) if not row.tuned}
    assert shown["sp"]["steps"].text.endswith("(5/6)")
    assert shown["at"]["steps"].text.endswith("(3/3)")


def test_a_row_is_shown_as_a_ratio_to_pkds_own(world: World) -> None:
    """“… and as a ratio to PKD's own.”"""
    ratios = 0
    for analysis, runs, level in with_target(world):
        for machine in machines(runs):
            found = column(matching(analysis, machine), "× pkd")
            own = by_hand.to_match(by_hand.standing_for(runs, "pkd"), machine, level, "train_seconds")
            for key, row in by_hand.rows(runs).items():
                median = by_hand.to_match(row, machine, level, "train_seconds")
                if median is None:
                    assert key not in found
                elif own is None or math.isinf(own[0]):
                    assert found[key] is None
                else:
                    assert found[key] == pytest.approx(median[0] / own[0])
                    ratios += 1
    assert ratios > 20


def test_the_evaluation_before_is_kept_as_bracket(world: World) -> None:
    """“the evaluation before is kept as bracket”."""
    for analysis, runs, level in with_target(world):
        for machine in machines(runs):
            for row, _ in cells(matching(analysis, machine)):
                expected = []
                for run in by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine):
                    number = by_hand.first_at(by_hand.smoothed(run), level)
                    times_ = [0.0, *run.curve.train_seconds]
                    expected.append("∞" if number is None else f"{times_[number]:.3g}–{times_[number + 1]:.3g} s")
                assert brackets(analysis, row, machine, analysis.target) == ", ".join(expected)


def test_evaluations_of_a_stage_that_trains_no_classifier_do_not_count() -> None:
    """“Evaluations inside a stage that trains no classifier do not count”: the made hints show 99 points."""
    analysis, runs = made().section("cifar100")
    [fitnets] = [row for (name, _, _), row in by_hand.rows(runs).items() if name == "fitnets"]
    assert all(run.curve.select[3] == 99 and not run.curve.counts[3] for run in fitnets)
    # Three evaluations after the four of the hints is where m begins.
    assert column(matching(analysis, HERE), "steps")["fitnets", 1, "{}"] >= 700
    counted = [run for run in committed().records if not all(run.curve.counts)]
    assert {run.cell.method.name for run in counted} == {"fitnets", "fsp", "minilm", "tinybert"}
    assert all(run.curve.counts == sorted(run.curve.counts) and run.curve.counts[-1] for run in counted)


def test_match_best_is_the_papers_own_form(world: World) -> None:
    """“`match_best` beside it: first single evaluation ≥ the median of PKD's best. Secondary, named as such.”"""
    for analysis, runs, _ in with_target(world):
        level = by_hand.best_target(by_hand.standing_for(runs, "pkd"))
        for machine in machines(runs):
            table = matching(analysis, machine)
            [column] = [each for each in table.columns if each.title == "match best"]
            assert column.meaning.startswith("secondary")
            for row, shown in cells(table):
                own = by_hand.rows(runs)[boards.key_of(row)]
                median, hits, n = by_hand.to_match(own, machine, level, "train_seconds", by_hand.singles)
                assert shown["match best"].number == pytest.approx(median)
                assert shown["match best"].text.endswith(f" ({hits}/{n})")


def test_the_target_of_kd_follows_the_same_rule(world: World) -> None:
    """Beside PKD's the board shows the target that the control with a teacher sets: the same arithmetic."""
    shown_anywhere = 0
    for analysis, runs, _ in with_target(world):
        kd = by_hand.standing_for(runs, "kd")
        level = by_hand.target(kd)
        for machine in machines(runs):
            for row, shown in cells(matching(analysis, machine)):
                assert ("time to match kd" in shown) == (level is not None)
                if level is not None:
                    own = by_hand.rows(runs)[boards.key_of(row)]
                    median, hits, n = by_hand.to_match(own, machine, level, "train_seconds")
                    assert shown["time to match kd"].number == pytest.approx(median)
                    assert shown["time to match kd"].text.endswith(f" ({hits}/{n})")
                    shown_anywhere += 1
    assert shown_anywhere > 9


def test_the_accuracy_of_every_method_at_pkds_seconds(world: World) -> None:
    """“And the accuracy of every method at PKD's seconds”: m at the last evaluation within PKD's whole time."""
    for analysis, runs, _ in with_target(world):
        for machine in machines(runs):
            own = [run.cost.train_seconds for run in by_hand.done(by_hand.standing_for(runs, "pkd"), machine)]
            for row, shown in cells(matching(analysis, machine)):
                reached = []
                for run in by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine) if own else []:
                    known = [
                        m
                        for m, seconds in zip(by_hand.smoothed(run), run.curve.train_seconds, strict=True)
                        if m is not None and seconds <= by_hand.upper_median(own)
                    ]
                    reached += known[-1:]
                every = own and len(reached) == len(by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine))
                expected = pytest.approx(by_hand.mean(reached)) if every and reached else None
                assert shown["m at pkd's seconds"].number == expected


@pytest.mark.parametrize(("title", "short_of"), [("to best", 0.0), ("to near best", 0.1)])
def test_time_to_best_and_to_near_best(world: World, title: str, short_of: float) -> None:
    """“`time_to_best` = time at the first evaluation that attains the run's maximum on `select` … within .1 point”."""
    for analysis, runs in world.groups():
        for machine in machines(runs):
            for row, shown in cells(times(analysis, machine)):
                seconds = []
                for run in by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine):
                    values = by_hand.singles(run)
                    known = [value for value in values if value is not None]
                    if known:
                        seconds.append(run.curve.train_seconds[by_hand.first_at(values, max(known) - short_of)])
                ordered = sorted(seconds)
                if ordered:
                    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
                    assert shown[title].number == pytest.approx(middle)
                else:
                    assert title not in shown


# --- the ladder of budgets ---


def test_the_ladder_is_walked_down_to_the_first_failure() -> None:
    """“smallest budget at which the method is not inferior to PKD at full budget (lower 95% bound > −δ; walk down)”."""
    analysis, runs = made().section("cifar100")
    pkd = by_hand.standing_for(runs, "pkd")
    rungs = {1.0: runs}
    for share in (0.25, 0.5, 0.75):
        rungs[share] = [run for run in made().records if run.cell.budget == share]
    verdicts = {}
    for row, shown in cells(ladder(analysis)):
        key, enough = boards.key_of(row), None
        for share in (1.0, 0.75, 0.5, 0.25):
            own = by_hand.rows(rungs[share])[key]
            bound = by_hand.lower_bound(by_hand.differences(own, pkd))
            passes = bound > -0.3 and all(run.ok for run in own)
            assert shown[f"{share:g} of the budget"].number == pytest.approx(
                by_hand.mean(by_hand.differences(own, pkd)), abs=1e-9
            )
            assert shown[f"{share:g} of the budget"].strong == passes
            said = float(re.search(r"bound ([+-]?[0-9.]+)", shown[f"{share:g} of the budget"].text)[1])
            assert said == pytest.approx(bound, abs=0.006)
            if not passes:
                break
            enough = share
        assert shown["enough"].number == enough
        verdicts[key[0]] = enough
    assert verdicts == {"pkd": 0.5, "kd": None, "sp": None}


def test_a_rung_that_passes_below_one_that_fails_does_not_count() -> None:
    """“walk down, stop at the first failure”."""
    changed = [
        run.model_copy(update={"result": run.result.model_copy(update={"test": {"accuracy": 0.0}})})
        if run.cell.budget == 0.75 and run.cell.method.name == "pkd"
        else run
        for run in made().records
    ]
    table = ladder(World(changed).section("cifar100")[0])
    [shown] = [shown for row, shown in cells(table) if row.method == "pkd"]
    assert shown["0.5 of the budget"].strong
    assert not shown["0.75 of the budget"].strong
    assert shown["enough"].number == 1


# --- across tasks ---


def ranked_cells(world: World, machine: str, protocol: str) -> list[dict[str, float]]:
    """Of every cell that counts: method → time to match; rows with default parameters and five seeds there alone."""
    found: dict[tuple[str, str], tuple[int, dict[str, float]]] = {}
    for analysis, runs, level in with_target(world):
        cell = runs[0].cell
        items = {run.select_items for run in by_hand.done(runs)}
        here = by_hand.done(runs, machine)
        if cell.protocol["name"] != protocol or not here or min(items) < 1000:
            continue
        if not all(run.in_aggregates for run in runs) or analysis.constant_reaches_target:
            continue
        seconds = {}
        for (method, _, _), row in by_hand.rows(runs).items():
            if not row[0].tuned and len(by_hand.done(row, machine)) >= by_hand.SEEDS:
                seconds[method] = by_hand.to_match(row, machine, level, "train_seconds")[0]
        place = (cell.task.name, str(cell.pair))
        found[place] = max(found.get(place, (0, {})), (len(here), seconds), key=lambda each: each[0])
    return [seconds for _, seconds in found.values()]


def test_the_profile_and_the_geometric_mean_of_the_ratios() -> None:
    """“share of cells within r times the best, r ≤ 4, and the geometric mean of the ratios, a miss entering as 4”."""
    [over] = [each for each in over_tasks(made().board) if each.machine == HERE and "fair" in each.protocol]
    ratios: dict[str, list[float]] = {}
    for seconds in ranked_cells(made(), HERE, "fair"):
        for method, value in seconds.items():
            ratios.setdefault(method, []).append(value / min(seconds.values()))
    assert len(ratios["kd"]) == 2
    assert any(math.isinf(each) for each in ratios["scratch"])
    shown = {line.of: line for line in summary(over).lines}
    [place] = [number for number, column in enumerate(summary(over).columns) if column.title == "× shortest"]
    drawn = {row["label"]: row for row in profile_plot(over.profile, "profile", "title").data["rows"]}
    assert drawn.keys() == ratios.keys()
    for method, each in ratios.items():
        product = 1.0
        for ratio in each:
            product *= min(ratio, 4.0)
        assert shown[method].figures[place].number == pytest.approx(product ** (1 / len(each)))
        for r in (1.0, 1.2, 1.4, 2.0, 4.0):
            within = sum(ratio <= r for ratio in each) / len(each)
            inside = [ratio for ratio in drawn[method]["ratios"] if ratio is not None and ratio <= r]
            assert len(inside) / drawn[method]["cells"] == pytest.approx(within)
    assert over.profile.most == 4


def test_small_select_splits_are_shown_but_not_ranked(world: World) -> None:
    """“On tasks with fewer than 1,000 `select` items time-to-match is shown but not ranked.”"""
    small = 0
    for analysis, runs, _ in with_target(world):
        items = min(run.select_items for run in by_hand.done(runs))
        if items < 1000:
            small += 1
            assert not analysis.ranked
        for table in (matching(analysis, machines(runs)[0]), lead(analysis, machines(runs)[0])):
            titles = [column.title for column in table.columns if column.title.startswith("time to match pkd")]
            assert titles == ["time to match pkd" + ("" if analysis.ranked else " (not ranked)")]
    assert small
    for over in over_tasks(world.board):
        if over.profile:
            ranked = [cell for cell in over.cells if cell.ranked]
            assert max(map(len, over.profile.ratios.values())) <= len(ranked)


def test_the_small_tasks_are_those_that_the_protocol_names() -> None:
    """“fewer than 1,000 `select` items (RTE, MRPC, CoLA, STS-B, WNLI)”."""
    registry = Registry()
    names = [plugin.name for plugin in registry.plugins("tasks") if plugin.name.startswith("glue/")]
    items = {name: round(registry.task(name).select_share * registry.task(name).train_items) for name in names}
    small = {name for name, count in items.items() if count < 1000}
    assert small == {"glue/rte", "glue/mrpc", "glue/cola", "glue/stsb", "glue/wnli"}


def test_wnli_is_in_no_aggregate() -> None:
    """“WNLI is in no aggregate”: the made one would be the fastest cell of all, and ranked."""
    registry = Registry()
    outside = [p.name for p in registry.plugins("tasks") if not registry.task(p.name).in_aggregates]
    assert outside == ["glue/wnli"]
    without = World([run for run in made().records if run.cell.task.name != "wnli"])
    assert len(without.records) < len(made().records)
    ours, theirs = ([summary(each) for each in over_tasks(world.board)] for world in (made(), without))
    assert [table.lines for table in ours] == [table.lines for table in theirs]
    assert {cell.group.cell.task.name for each in over_tasks(made().board) for cell in each.cells} == {
        "cifar100",
        "sst2",
        "rte",
    }
