"""protocol.md, Fairness 3 and 6 to 8, Statistics, Beyond accuracy: the tables against plain loops on all records."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import boards
import by_hand
import pytest
from boards import HERE, THERE, World, cells, made

from bench.board.analysis import Analysis, runs_on
from bench.board.leaderboard import leaderboard
from bench.board.markdown import name
from bench.board.over_tasks import over_tasks, summary
from bench.board.section import verdict
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


@pytest.fixture(params=["committed", "made"])
def world(request: pytest.FixtureRequest) -> World:
    return boards.world(request.param)


def column(table: Table, title: str) -> dict[tuple, float | None]:
    """Row → number of one column; empty if nothing in it is known."""
    return {boards.key_of(row): shown[title].number for row, shown in cells(table) if title in shown}


def metric_column(runs: by_hand.Runs) -> str:
    return f"test {runs[0].metric}"


def machines(runs: by_hand.Runs) -> list[str]:
    return sorted({run.machine for run in by_hand.done(runs)})


def page(world: World) -> str:
    return leaderboard(boards.records.placed(world.records), boards.REPOSITORY, boards.REPOSITORY / "B.md").text


# --- Fairness ---


def test_sections_hold_what_may_be_compared_and_nothing_else(world: World) -> None:
    """“every method gets the same teacher checkpoint”; “Its rows never mix with fair rows”: a section by hand each."""
    whole = [runs for runs in by_hand.groups(world.records) if runs[0].cell.budget == 1]
    assert len(list(world.groups())) == len(whole) == len(world.board.analyses)
    for analysis, runs in world.groups():
        assert len({(run.cell.protocol["name"], run.cell.budget) for run in runs}) == 1
        assert len({run.teacher.sha256 for run in runs if run.teacher}) <= 1
        assert {boards.key_of(row) for row in analysis.group.rows} == by_hand.rows(runs).keys()


def test_the_result_is_that_of_the_last_epoch_and_the_chosen_epochs_stands_beside_it(world: World) -> None:
    """“Reported result = test metric of the last epoch; the epoch chosen on `select` beside it.”"""
    for analysis, runs in world.groups():
        table = accuracy(analysis)
        last, chosen = column(table, metric_column(runs)), column(table, "at best select")
        for key, row in by_hand.rows(runs).items():
            seeds = by_hand.by_seed(row)
            assert last[key] == (pytest.approx(by_hand.mean(by_hand.scores(row).values())) if seeds else None)
            selected = [run.result.test_selected[run.metric] for run in seeds.values() if run.result.test_selected]
            assert chosen.get(key) == (pytest.approx(by_hand.mean(selected)) if selected else None)


def test_nothing_is_chosen_on_test(world: World) -> None:
    """“No figure that chooses anything comes from `test`”: with other test figures targets and times stay."""
    draw = random.Random(0)
    other = []
    for run in world.records:
        if run.ok:
            test = {metric: draw.uniform(0, 100) for metric in run.result.test}
            result = {"test": test, "test_selected": test, "most_frequent": None}
            run = run.model_copy(update={"result": run.result.model_copy(update=result)})
        other.append(run)
    pairs = list(zip(world.board.analyses, World(other).board.analyses, strict=True))
    assert len(pairs) > 3
    for ours, theirs in pairs:
        if isinstance(ours.target, str):
            assert ours.target == theirs.target
            continue
        assert ours.target.content == theirs.target.content
        assert ours.ranked == theirs.ranked
        for machine in ours.group.machines:
            figures = [
                {boards.key_of(row): [each.text for each in shown.values()] for row, shown in cells(table)}
                for table in (matching(ours, machine), matching(theirs, machine))
            ]
            assert figures[0] == figures[1]
        standing = [[row and row.identity for _, row in each.controls] for each in (ours, theirs)]
        assert standing[0] == standing[1]


def test_rows_with_fewer_than_five_seeds_are_shown_provisional_and_claim_no_order(world: World) -> None:
    """“At least 5 seeds for a board row that claims an order … Fewer seeds: shown, marked provisional.”"""
    few = 0
    for analysis, runs in world.groups():
        for table in (accuracy(analysis), lead(analysis, machines(runs)[0])):
            order = []
            for row, shown in cells(table):
                seeds = len(by_hand.by_seed(by_hand.rows(runs)[boards.key_of(row)]))
                assert name(row).endswith(r"\*") == (seeds < 5)
                assert ("rank" in shown and shown["rank"].number is not None) == (seeds >= 5)
                order.append(seeds < 5)
                few += seeds < 5
            assert len(order) == len(analysis.group.rows)
            assert order == sorted(order)  # below the others
    assert few > 1


def test_runs_on_a_machine_that_are_fewer_than_five_are_marked_there() -> None:
    """“Fewer seeds: shown, marked provisional”: PKD has six seeds, but two of them on the other machine."""
    analysis, _ = made().section("cifar100")
    text = page(made())
    assert not name(analysis.group.row_of("pkd")).endswith("*")
    expected = {"kd": 5, "sp": 5, "pkd": 2, "scratch": 2}
    for make in (times, memory):
        assert {line.of.method: line.seeds for line in make(analysis, THERE).lines} == expected
    # FSP's only run there diverged.
    assert {line.of.method: line.seeds for line in matching(analysis, THERE).lines} == expected | {"fsp": 0}
    assert re.search(rf"pkd\\\* on {THERE}", text)


def test_the_controls_and_the_teacher_are_always_on_the_board(world: World) -> None:
    """“The board always has `scratch` and `kd`, and the teacher's own row.”"""
    for analysis, runs in world.groups():
        lines = accuracy(analysis).lines
        teacher = next(run.teacher for run in runs if run.teacher)
        assert lines[0].of == f"teacher: {teacher.network}"
        assert teacher.test in [figure.number for figure in lines[0].figures]
        there = {key[0] for key in by_hand.rows(runs)}
        for control in ("scratch", "kd"):
            assert [row.method for row, _ in cells(accuracy(analysis))].count(control) == sum(
                key[0] == control for key in by_hand.rows(runs)
            )
            assert control in there


def test_a_control_without_a_run_is_named_as_missing() -> None:
    """“The board always has `scratch` and `kd`”: where nobody ran one, the section says that it is not there."""
    without = World([run for run in made().records if run.cell.method.name != "scratch"])
    assert "The control scratch has no run here: nothing can be held against it." in page(without)


def test_paper_has_no_target_and_a_section_of_its_own() -> None:
    """“Its rows never mix with fair rows”; without `select` nothing can be matched."""
    analysis, runs = made().section("cifar100", "paper")
    assert {run.cell.protocol["name"] for run in runs} == {"paper"}
    assert isinstance(analysis.target, str)
    assert matching(analysis, HERE) is None
    assert not any("paper" in each.protocol and each.profile for each in over_tasks(made().board))
    assert "## cifar100 v1 · resnet56->resnet20 · paper v1" in page(made())


# --- Statistics ---


def test_mean_deviation_and_interval_over_seeds(world: World) -> None:
    """“Mean, standard deviation, 95% interval over seeds (t)”; “n … always shown”."""
    for analysis, runs in world.groups():
        table = accuracy(analysis)
        for row, shown in cells(table):
            values = list(by_hand.scores(by_hand.rows(runs)[boards.key_of(row)]).values())
            figure = shown[metric_column(runs)]
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
                shown = [figure for figure in line.figures if figure.number is not None and not figure.strong]
                teacher_or_constant = isinstance(line.of, str) and line.of.startswith(("teacher: ", "most frequent"))
                if not shown or (teacher_or_constant and table.name == "accuracy"):
                    continue
                if table.name == "leaders" and "no order is claimed" in line.figures[0].text:
                    continue
                told = [COUNTED.search(figure.text) for figure in line.figures] + counts
                assert any(each is not None for each in told), (table.name, line)


def test_a_tuned_row_says_so_and_the_defaults_stand_as_control() -> None:
    """“Hyperparameters are the published defaults unless a row says how it was tuned.”"""
    analysis, runs = made().section("cifar100")
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


# --- figures of one machine ---


Cost = Callable[[object], float | None]


def test_times_and_memory_are_of_one_machine(world: World) -> None:
    """“Timings compare only within one hardware fingerprint. Beside seconds stand `steps` and … FLOPs.”"""
    for analysis, runs in world.groups():
        for machine in machines(runs):
            for make in (lead, times):
                table = make(analysis, machine)
                assert table.machine == machine
                for row, shown in cells(table):
                    own = by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine)
                    expected = by_hand.mean(run.cost.train_seconds for run in own) if own else None
                    figure = shown["training time"]
                    assert figure.number == (pytest.approx(expected) if own else None)
                    if own:
                        assert figure.text.endswith(f" ({len(own)})")
                    if make is times:
                        assert shown["steps"].number == by_hand.upper_median([run.cost.steps for run in own])
                        assert shown["training FLOPs"].number == by_hand.upper_median(
                            [run.cost.train_flops for run in own]
                        )
            for row, shown in cells(memory(analysis, machine)):
                own = by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine)
                reserved = [run.cost.peak_device_reserved_bytes for run in own]
                if None not in reserved:
                    ordered = sorted(reserved)
                    middle = (ordered[(len(own) - 1) // 2] + ordered[len(own) // 2]) / 2
                    assert shown["reserved"].number == middle
                assert shown["student parameters"].number == own[0].cost.parameters
                assert shown["extra parameters"].number == max(run.cost.extra_parameters for run in own)


def test_the_board_names_one_machine_over_every_table_of_times() -> None:
    """“Timings compare only within one hardware fingerprint”: on the page, tables of two machines are apart."""
    text = page(made())
    for machine in (HERE, THERE):
        assert f"Time, memory, networks on {machine}" in text
    seconds = re.findall(r"\| kd +\|[^\n]*?([0-9.]+) ± [0-9.]+ s \(5\)", text)
    assert {float(each) < 30 for each in seconds} == {True, False}
    [there] = [each for each in over_tasks(made().board) if each.machine == THERE and "fair" in each.protocol]
    assert all(run.record.machine == THERE for cell in there.cells for run in runs_on(cell.group, THERE))


def test_rows_with_too_few_seeds_on_a_machine_are_in_no_profile_of_it() -> None:
    """“At least 5 seeds for a board row that claims an order”: PKD has two seeds on the other machine."""
    [found] = [each for each in over_tasks(made().board) if each.machine == THERE]
    assert found.profile.ratios.keys() == {"kd", "sp"}


# --- Beyond accuracy ---


def test_fidelity_and_calibration_are_means_over_seeds(world: World) -> None:
    """“Fidelity: top-1 agreement …; mean KL …; given the teacher is right, and wrong. Calibration: ECE; NLL; Brier.”"""
    titles = {
        "agreement": ("fidelity", "agreement"),
        "KL": ("fidelity", "kl"),
        "… teacher right": ("fidelity", "agreement_teacher_right"),
        "… teacher wrong": ("fidelity", "agreement_teacher_wrong"),
        "ECE": ("calibration", "ece"),
        "NLL": ("calibration", "nll"),
        "Brier": ("calibration", "brier"),
    }
    for analysis, runs in world.groups():
        for title, (part, field) in titles.items():
            shown = column(fidelity(analysis), title)
            for key, row in by_hand.rows(runs).items():
                parts = [getattr(run, part) for run in by_hand.by_seed(row).values()]
                known = [getattr(each, field) for each in parts if each]
                known = [each for each in known if each is not None]
                assert shown.get(key) == (pytest.approx(by_hand.mean(known)) if known else None)


def test_exemplars_are_items_whose_modal_label_differs(world: World) -> None:
    """“with ≥5 seeds on both sides, test items whose modal label … differs …; count, and accuracy on them”."""
    found_any = 0
    for analysis, runs in world.groups():
        scratch = by_hand.by_seed(by_hand.standing_for(runs, "scratch"))
        for row, shown in cells(fidelity(analysis)):
            students = by_hand.by_seed(by_hand.rows(runs)[boards.key_of(row)])
            if min(len(students), len(scratch)) < 5 or students == scratch:
                assert "changed items" not in shown or shown["changed items"].number is None
                continue
            ours, theirs = (votes(each) for each in (students, scratch))
            changed = [item for item in range(len(ours)) if modal(ours[item]) != modal(theirs[item])]
            right = [run.predictions.unpack()[1] for run in students.values()]
            assert shown["changed items"].number == len(changed)
            assert shown["changed items"].text == f"{len(changed):,} of {len(ours):,}"
            if changed:
                known = [100.0 * bool(each[item]) for each in right for item in changed]
                assert shown["accuracy there"].number == pytest.approx(by_hand.mean(known))
                found_any += 1
    assert found_any > 5


def votes(students: dict[int, object]) -> list[list[int]]:
    """Of every item, the classes that the seeds give."""
    return list(map(list, zip(*(run.predictions.unpack()[0].tolist() for run in students.values()), strict=True)))


def modal(labels: list[int]) -> int:
    """The most frequent; of several, the lowest."""
    return min(set(labels), key=lambda label: (-labels.count(label), label))


def test_worst_class_accuracy_is_shown(world: World) -> None:
    """“worst-class accuracy”: mean over seeds."""
    for analysis, runs in world.groups():
        shown = column(accuracy(analysis), "worst class")
        for key, row in by_hand.rows(runs).items():
            worst = [run.result.worst_class for run in by_hand.by_seed(row).values()]
            assert shown[key] == (pytest.approx(by_hand.mean(worst)) if worst else None)


def test_what_a_run_costs_is_shown(world: World) -> None:
    """“parameters …; FLOPs a sample; inference latency and throughput of the student and the teacher; energy”."""
    for analysis, runs in world.groups():
        for machine in machines(runs):
            table = networks(analysis, machine)
            titles = [each.title for each in table.columns]
            lines = {line.of.split(":")[0]: dict(zip(titles, line.figures, strict=True)) for line in table.lines}
            for network in ("student", "teacher"):
                measured = [getattr(run.cost, network) for run in by_hand.done(runs, machine)]
                for title, field in (
                    ("FLOPs an example", "flops"),
                    ("latency", "latency_seconds"),
                    ("examples a second", "examples_per_second"),
                ):
                    ordered = sorted(getattr(each, field) for each in measured if each)
                    if not ordered:  # only runs that use no teacher were made on this machine
                        assert network == "teacher"
                        assert network not in lines
                        continue
                    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
                    assert lines[network][title].number == pytest.approx(middle)


def test_energy_is_shown_where_the_device_reports_it() -> None:
    """“energy where the device reports it”."""
    analysis, runs = made().section("cifar100")
    assert "energy" not in [each.title for each in memory(analysis, HERE).columns]
    joules = [
        run.model_copy(update={"cost": run.cost.model_copy(update={"energy_joules": 100.0 + run.cell.seed})})
        for run in boards.runs(["scratch", "kd"])
    ]
    shown = column(memory(World(joules).board.analyses[0], HERE), "energy")
    assert list(shown.values()) == [102.0, 102.0]
