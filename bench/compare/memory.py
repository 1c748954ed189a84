"""Memory: bytes that are counted on a CPU, exactly; the peak that a GPU measured, by paired ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.board.group import peak_memory
from bench.compare.comparable import on_gpu
from bench.compare.counts import Counted, counts
from bench.compare.finding import Figure, Finding
from bench.compare.ratios import ratios
from bench.compare.rows import MatchedRow
from bench.record import Record

COUNTED = {"peak_tensor_bytes": "peak bytes of tensors", "allocated_bytes": "allocated bytes"}
MIB = 2**20


def memory(rows: Sequence[MatchedRow], margin: float) -> list[Finding]:
    """One finding a row. margin: in percent, for what a GPU measured."""
    peaks = {
        row.name: {seed: (peak_memory(base.cost), peak_memory(head.cost)) for seed, (base, head) in row.pairs.items()}
        for row in rows
        if any(on_gpu(run) for both in row.pairs.values() for run in both)
    }
    counted = [counts(row, Figure.MEMORY, row.pairs_to_the_bit, _counted) for row in rows if row.name not in peaks]
    return counted + ratios(peaks, Figure.MEMORY, margin, lambda peak: f"{peak / MIB:,.1f} MiB")


def _counted(base: Record, head: Record) -> Iterator[Counted]:
    for field, name in COUNTED.items():
        yield Counted(name, getattr(base.cost, field), getattr(head.cost, field))
