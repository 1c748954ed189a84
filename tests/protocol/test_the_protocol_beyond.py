"""protocol.md, Beyond accuracy: the tables against plain loops on all records."""

from __future__ import annotations

import boards
import by_hand
import pytest
from boards import HERE, World, cells, column, machines, made

from bench.board.tables.accuracy import accuracy
from bench.board.tables.fidelity import fidelity
from bench.board.tables.memory import memory
from bench.board.tables.networks import networks


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
    analysis, _ = made().section("cifar100")
    assert "energy, J" not in [each.title for each in memory(analysis, HERE).columns]
    joules = [
        run.model_copy(update={"cost": run.cost.model_copy(update={"energy_joules": 100.0 + run.cell.seed})})
        for run in boards.runs(["scratch", "kd"])
    ]
    shown = column(memory(World(joules).board.analyses[0], HERE), "energy, J")
    assert list(shown.values()) == [102.0, 102.0]
