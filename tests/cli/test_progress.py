"""What people see while cells run."""

from __future__ import annotations

import io

from rich.console import Console

from bench.cli.progress import Progress
from bench.tally import Running, Tally


class Ends(Running):
    """A cell that ends while the table is drawn, and another one that begins."""

    tally: Tally

    def __str__(self) -> str:
        self.tally.left(self.seat)
        self.tally.began("worker 3", "at · seed 0")
        return super().__str__()


def test_cells_that_begin_and_end_while_the_table_is_drawn_do_not_break_it():
    tally = Tally(["kd", "kd", "at"], {}, seats=2)
    tally.running["worker 1"] = Ends("worker 1", "kd · seed 0", 0.0)
    tally.running["worker 1"].tally = tally
    tally.began("worker 2", "kd · seed 1")
    out = io.StringIO()
    Console(file=out, width=120).print(Progress(tally)._table())
    assert "kd · seed 0" in out.getvalue()
    assert "kd · seed 1" in out.getvalue()
    assert list(tally.running) == ["worker 2", "worker 3"]
