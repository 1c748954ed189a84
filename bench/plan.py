"""A selection → the cells it means, which of them are done, and what is skipped and why. Nothing runs here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from bench.cell import Cell, Skip
from bench.engine.hardware import resolve_precision
from bench.engine.observe import observed
from bench.engine.place import Place
from bench.engine.randomness import seeded
from bench.engine.teachers import EVALUATIONS, Brought, teacher_key
from bench.engine.training import blank_outputs, stage_steps
from bench.engine.workbench import blank
from bench.errors import UsageError, blamed, unknown
from bench.garbage import no_garbage_collection
from bench.method import Method, Outputs
from bench.parameters import variants
from bench.protocol import Protocol, at_share
from bench.registry import Registry
from bench.store import Mark, Store, state_of
from bench.task import Pair, Task


@dataclass(frozen=True)
class Selection:
    """What the user asked for, as written."""

    methods: str
    tasks: str
    pairs: str | None = None
    protocol: str | None = None
    seeds: tuple[int, ...] = (0,)
    budgets: tuple[float, ...] = (1.0,)
    """Shares of the protocol's epochs, each a rung of the ladder."""
    settings: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    precision: str | None = None
    compile: bool = False
    teacher: Path | None = None


@dataclass(frozen=True)
class Plan:
    """The cells, in the order in which they run, and where they run."""

    cells: tuple[Cell, ...]
    marks: tuple[Mark, ...]
    """Of each cell: what it had on disk when it was planned."""
    skips: tuple[Skip, ...]
    place: Place
    brought: Brought | None
    """The teacher given with --teacher."""

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Of each cell: `done`, `failed` or `missing`."""
        return tuple(map(state_of, self.marks))

    @property
    def machine(self) -> str:
        """The fingerprint of the place."""
        return self.place.machine

    def chosen(self, only: str) -> list[Cell]:
        """The cells to run. `missing` includes failed ones; `failed` is those alone; `all` is every cell."""
        wanted = {
            "missing": {"missing", "failed"},
            "failed": {"failed"},
            "all": {"missing", "failed", "done"},
        }
        return [cell for cell, state in zip(self.cells, self.states, strict=True) if state in wanted[only]]


@no_garbage_collection()
def make_plan(selection: Selection, registry: Registry, store: Store, place: Place) -> Plan:
    """Resolves every name and value of the selection for this place; a wrong one raises UsageError."""
    if selection.compile:
        check_compiler(place)
    methods = registry.select("methods", selection.methods)
    for name in selection.settings:
        if name not in methods:
            raise unknown("method in --set", name, methods, "(it must be one of --methods)")
    cells: list[Cell] = []
    skips: list[Skip] = []
    brought = Brought.read(selection.teacher) if selection.teacher else None
    for task_name in registry.select("tasks", selection.tasks):
        task = registry.task(task_name)
        with blamed(f"task {task.name!r}"):
            protocol, pairs = protocol_of(task, selection.protocol), pairs_of(task, selection.pairs)
        if selection.compile and task.modality == "text":
            raise UsageError(
                f"--compile does not pay on {task.name}: its batches have many lengths, each of which is compiled anew"
            )
        precision = resolve_precision(selection.precision or protocol.precision, place.bfloat16)
        instances: list[Method] = []
        for name in methods:
            with blamed(f"method {name!r}"):
                settings = selection.settings.get(name, {})
                instances += variants(registry.method(name), task.modality, protocol, settings)
        if brought and len({pair.teacher for pair in pairs}) > 1:
            raise UsageError(
                f"--teacher is one network, but the pairs have several teachers: {', '.join(map(str, pairs))}. "
                "Name the pairs with --pairs."
            )
        of_task: list[Cell] = []
        for pair in pairs:
            with blamed(f"task {task.name!r}"):
                bound = task.on(pair)
                student, teacher = (example_outputs(bound, name) for name in (pair.student, pair.teacher))
                pretrained = bound.pretrained(pair.student)
                if brought:
                    brought.check_fits(bound, pair.teacher)
                key = teacher_key(bound, pair.teacher, protocol, precision, brought)
            for method in instances:
                with blamed(f"method {method.name!r} on {pair}"):
                    reason = why_not(method, student, teacher)
                    if reason:
                        skips.append(Skip(method.name, task.name, pair, reason))
                        continue
                    own_key = key if method.uses_teacher else None
                    fixed = (precision, own_key, selection.compile, pretrained)
                    for budget in selection.budgets:
                        cell = Cell(bound, pair, method, protocol, selection.seeds[0], *fixed, budget)
                        check_budget(cell)
                        of_task += cell.over_seeds(selection.seeds)
        # Task by task, so that data are loaded once; seed by seed, so that an interrupted board has whole rows.
        order = list(dict.fromkeys(id(cell.task) for cell in of_task))
        cells += sorted(of_task, key=lambda cell: (order.index(id(cell.task)), cell.seed))
    return Plan(tuple(cells), tuple(store.marks(place.machine, cells)), tuple(skips), place, brought)


def protocol_of(task: Task, name: str | None) -> Protocol:
    """The task's protocol of this name, or its default one."""
    if name is None:
        return task.protocols[task.default_protocol]
    if name not in task.protocols:
        raise unknown(f"protocol of {task.name}", name, task.protocols)
    return task.protocols[name]


def pairs_of(task: Task, text: str | None) -> list[Pair]:
    """The task's default pairs; or `all` of its pairs; or those named, `TEACHER->STUDENT` by commas.

    However a network is spelled, it is named as the task's own pairs name it, so that it has one key.
    """
    if text is None:
        return list(task.default_pairs)
    if text == "all":
        return list(task.pairs)
    named = [Pair.parse(part) for part in text.split(",")]
    own = {task.resolve(name): name for pair in task.pairs for name in (pair.teacher, pair.student)}

    def usual(name: str) -> str:
        return own.get(task.resolve(name), task.resolve(name))

    return list(dict.fromkeys(Pair(usual(pair.teacher), usual(pair.student)) for pair in named))


def check_compiler(place: Place) -> None:
    """Raises UsageError where torch.compile would have nothing to compile with."""
    if not place.compiler:
        raise UsageError(
            f"--compile needs a C++ compiler, and {place.machine} has none of the name that CXX gives (g++ where it "
            "gives none): install it, or set CXX to another one"
        )


def check_budget(cell: Cell) -> None:
    """Raises UsageError where nothing can be measured: no examples, too few steps, or more than the budget."""
    if not cell.task.test_items or (cell.protocol.select and not cell.select_items):
        raise UsageError(
            f"{cell.task.name} has {cell.task.train_items} examples for training and {cell.task.test_items} for test, "
            f"of which select, {cell.task.select_share:.0%} of the former, would have {cell.select_items}: too few to "
            "measure anything"
        )
    stages = cell.method.stages()
    on_top = [stage.name for stage in stages if stage.extra]
    if on_top and cell.protocol.select:
        raise UsageError(
            f"{cell.method.name} would train its stage {', '.join(on_top)} on top of the budget: in protocol "
            f"{cell.protocol.name!r} all stages share it (only one without a select split, as 'paper' is, allows more)"
        )
    steps = stage_steps(stages, cell.steps)
    if sum(steps) < cell.protocol.evaluations:
        raise UsageError(
            f"protocol {cell.protocol.name!r} of {cell.task.name} gives {sum(steps)} steps{at_share(cell.budget)}, "
            f"too few for its {cell.protocol.evaluations} evaluations: more epochs, smaller batches or fewer of them"
        )
    recipe = cell.protocol.teacher.resolved(cell.task.resolve(cell.pair.teacher))
    if cell.method.uses_teacher and recipe.steps(cell.teacher_fit_items) < EVALUATIONS:
        raise UsageError(
            f"protocol {cell.protocol.name!r} of {cell.task.name} gives the teacher "
            f"{recipe.steps(cell.teacher_fit_items)} steps, expected at least {EVALUATIONS}: more epochs or smaller "
            "batches"
        )


def example_outputs(task: Task, network: str) -> Outputs:
    """Everything a network gives, for two blank examples."""
    try:
        with seeded(0, "example"):
            module = observed(task.network(network), "float32")
        batch = blank(task, 2, torch.device("cpu"))
        if task.modality == "text":
            # The second text is one token shorter: what cannot take a mask must say so here, not while it trains.
            mask = torch.ones_like(batch.inputs["input_ids"], dtype=torch.bool)
            mask[1, -1] = False
            batch.inputs["attention_mask"] = mask
        return blank_outputs(module, batch)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise UsageError(f"network {network!r} does not work on {task.name}: {error}") from error


def why_not(method: Method, student: Outputs, teacher: Outputs) -> str | None:
    """Why the method cannot take this pair, or None."""
    for need, what, given in (
        ("hidden", "hidden states", lambda outputs: outputs.hidden),
        ("qkv", "queries, keys and values", lambda outputs: outputs.attention),
    ):
        seen = [("teacher", teacher)] * method.uses_teacher + [("student", student)]
        lacking = [role for role, each in seen if not given(each)]
        if need in method.all_needs and lacking:
            return f"{method.name} needs {what}, which the {' and the '.join(lacking)} cannot give"
    return method.skip(student, teacher)


def parse_budgets(text: str) -> tuple[float, ...]:
    """`0.25,0.5,1`: shares of the protocol's epochs above 0, at most 1, each once, in ascending order."""
    budgets: set[float] = set()
    for part in (part.strip() for part in text.split(",")):
        try:
            budget = float(part)
        except ValueError:
            budget = math.nan
        if not 0 < budget <= 1:
            raise UsageError(f"budget {part!r}: expected a share of the protocol's epochs above 0, at most 1, e.g. 0.5")
        budgets.add(budget)
    return tuple(sorted(budgets))
