"""Which cells settle what is in doubt, and the commands that run them."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bench.compare.finding import Finding, RowName
from bench.compare.rows import Runs
from bench.errors import StoreError
from bench.record import Provenance, Record

Rows = Mapping[RowName, Runs]


@dataclass(frozen=True)
class MoreSeeds:
    """Cells that one command of `run` adds to a side: they share everything but the method and the seed."""

    side: str
    """`base` or `head`."""
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    task: str
    """As `--tasks` takes it: a task of one's own data has its path."""
    pair: str
    protocol: str
    budget: float
    precision: str
    compiled: bool
    device: str
    """`cpu` or `cuda`; empty where the records do not say it."""
    settings: tuple[str, ...]
    """`METHOD.NAME=VALUE`, of tuned rows."""
    plugins: tuple[str, ...]
    teacher: str
    """The file of a teacher that was brought; else empty."""
    commit: str
    """Of the source that made the records that there are; empty where it is not known."""

    def words(self, results: str) -> list[str]:
        """The arguments of `python -m bench`. results: the folder that the records are added to."""
        words = ["run", "--methods", ",".join(self.methods), "--tasks", self.task, "--pairs", self.pair]
        words += ["--protocol", self.protocol, "--seeds", seeds_text(self.seeds)]
        words += ["--device", self.device] if self.device else []
        words += ["--precision", self.precision]
        words += ["--budgets", f"{self.budget:g}"] if self.budget != 1 else []
        words += ["--compile"] if self.compiled else []
        for option, values in (("--set", self.settings), ("--plugin", self.plugins)):
            words += [word for value in values for word in (option, value)]
        words += ["--teacher", self.teacher] if self.teacher else []
        return [*words, "--results", results]

    def command(self, results: str) -> str:
        """The same as one line for a shell."""
        return shlex.join(["python", "-m", "bench", *self.words(results)])


def more_seeds(findings: Iterable[Finding], base: Rows, head: Rows) -> list[MoreSeeds]:
    """The cells that bring the rows in doubt to the seeds that they need, base first.

    base, head: every row of a side (`bench.compare.rows.runs_of`). Both sides are brought to the same seeds: those that
    one side has alone come first, then the lowest that neither has.
    """
    wanted: dict[RowName, int] = defaultdict(int)
    for finding in findings:
        if isinstance(finding.row, RowName):
            wanted[finding.row] = max(wanted[finding.row], finding.more_seeds)
    found: dict[MoreSeeds, list[str]] = defaultdict(list)
    for side, own, other in (("base", base, head), ("head", head, base)):
        for row, number in wanted.items():
            if row not in own:
                continue
            seeds = _missing(own[row], other.get(row), number)
            if seeds:
                cells = _cells(side, own[row], seeds)
                # Rows of one command share all but the method; it runs every setting with every method that it names.
                found[replace(cells, methods=()) if not cells.settings else cells] += cells.methods
    return [replace(cells, methods=tuple(dict.fromkeys(methods))) for cells, methods in found.items()]


def seeds_text(seeds: Sequence[int]) -> str:
    """`3-4` or `0,2,7`, as `--seeds` takes them. seeds: in ascending order."""
    if len(seeds) > 1 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))


def commit_name(provenance: Provenance) -> str:
    """The commit in 12 digits, and whether its files had changes; empty where it is not known."""
    if not provenance.commit:
        return ""
    return provenance.commit[:12] + " with changes" * bool(provenance.dirty)


def _missing(own: Runs, other: Runs | None, number: int) -> tuple[int, ...]:
    """The seeds that a side lacks. One that failed is not run again: it would fail again."""
    lacking = max(0, number - len(own.done))
    theirs = set(other.by_seed if other else ()) - own.by_seed.keys()
    unused = (
        seed for seed in range(number + len(own.by_seed) + len(theirs)) if seed not in own.by_seed.keys() | theirs
    )
    return tuple(sorted([*sorted(theirs), *unused][:lacking]))


def _cells(side: str, runs: Runs, seeds: tuple[int, ...]) -> MoreSeeds:
    """Of one row: what its newest record says of itself."""
    record = max(runs.by_seed.values(), key=lambda each: (each.provenance.started, each.cell.seed))
    cell, words = record.cell, _words(record)
    return MoreSeeds(
        side=side,
        methods=(cell.method.name,),
        seeds=seeds,
        task=_last(words, "--tasks") or cell.task.name,
        pair=str(cell.pair),
        protocol=cell.protocol["name"],
        budget=cell.budget,
        precision=cell.precision,
        compiled=cell.compiled,
        device=_last(words, "--device"),
        settings=tuple(f"{cell.method.name}.{name}={_written(value)}" for name, value in record.tuned.items()),
        plugins=tuple(_given(words, "--plugin")),
        teacher=_last(words, "--teacher"),
        commit=commit_name(record.provenance),
    )


def _words(record: Record) -> list[str]:
    """Of the command that made the record: it alone has the paths of plugins, own data and teachers."""
    try:
        return shlex.split(record.provenance.command)
    except ValueError as error:
        raise StoreError(
            f"record {record.key[:12]}: provenance.command is no command ({error}): see `python -m bench validate`"
        ) from error


def _given(words: Sequence[str], option: str) -> list[str]:
    """All values of an option."""
    return [value for word, value in pairwise(words) if word == option]


def _last(words: Sequence[str], option: str) -> str:
    return (_given(words, option) or [""])[-1]


def _written(value: object) -> str:
    """As `--set` reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
