"""The board's figures: what is drawn, as data, and the SVG that matplotlib makes of it.

A file carries the digest of its data and of its own text. While both hold it is not drawn again, so that another
version of matplotlib changes no committed figure, and thousands of records cost no drawing.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.board.analysis import Analysis, on_test
from bench.board.evaluations import Evaluations
from bench.board.group import Row
from bench.board.markdown import one_line
from bench.board.over_tasks import Profile
from bench.board.statistics import summarise
from bench.board.target import Target
from bench.identity import key_of

DRAWING = 2
"""The version of how figures are drawn: raise it when they should be drawn again."""
POINTS = 60
"""Of a curve that are drawn: more cannot be told apart."""
WIDE = 4
"""Times that differ by more than this factor are on a logarithmic axis."""
SEAL = re.compile(r"<!-- kdbench ([0-9a-f]{64}) ([0-9a-f]{64}) -->\n\Z")
COLOURS = (
    "#1f77b4",
    "#d62728",
    "#2ca02c",
    "#9467bd",
    "#ff7f0e",
    "#17becf",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#000000",
)
MARKERS = "os^DvPX*<>"
"""One fewer than colours, so that no two of many rows have both in common."""
SETTINGS = {
    "svg.hashsalt": "kdbench",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Plot:
    """One figure."""

    name: str
    """Of its file, without the ending."""
    data: dict[str, Any]
    """All that is drawn, as plain data; numbers are rounded to what can be seen."""

    @cached_property
    def digest(self) -> str:
        return key_of({"drawing": DRAWING, "data": self.data})

    def is_drawn(self, path: Path) -> bool:
        """Whether the file shows these data, whole."""
        try:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        except (OSError, ValueError):
            return False
        found = SEAL.search(text)
        return bool(found) and found.groups() == (self.digest, _sha256(text[: found.start()]))

    def svg(self) -> str:
        """The figure as text. The same data and version of matplotlib give the same text."""
        # Half a second to import; boards whose figures are there do without.
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **SETTINGS}), warnings.catch_warnings():
            # Text stays text in the file: the fonts of the reader draw it.
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            figure = Figure(figsize=(9, 3.6) if self.data["kind"] == "runs" else (5.5, 3.2), layout=None)
            FigureCanvasSVG(figure)
            (_draw_runs if self.data["kind"] == "runs" else _draw_profile)(figure, self.data)
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        text = re.sub(r"[ \t]+\n", "\n", buffer.getvalue())
        return f"{text}<!-- kdbench {self.digest} {_sha256(text)} -->\n"


def runs_plot(analysis: Analysis, machine: str, name: str, title: str) -> Plot | None:
    """Accuracy against training time, and learning curves on the clock; None without a run on the machine."""
    rows = [row for row in analysis.ordered if row.on(machine)]
    if not rows:
        return None
    target = analysis.target
    metric = rows[0].entries[0].record.metric
    return Plot(
        name,
        {
            "kind": "runs",
            "title": one_line(title),
            "metric": one_line(metric),
            "target": round(target.value, 4) if isinstance(target, Target) else None,
            "target_method": one_line(analysis.target_method),
            "rows": [_row_data(row, machine) for row in rows],
        },
    )


def profile_plot(profile: Profile, name: str, title: str) -> Plot:
    """The share of cells in which a method takes at most r times the shortest time to match."""
    return Plot(
        name,
        {
            "kind": "profile",
            "title": one_line(title),
            "most": profile.most,
            "rows": [
                {"label": one_line(method), "ratios": [_short(each) for each in sorted(ratios)], "cells": len(ratios)}
                for method, ratios in profile.ratios.items()
            ],
        },
    )


def _row_data(row: Row, machine: str) -> dict[str, Any]:
    runs = row.on(machine)
    time = summarise([run.record.cost.train_seconds for run in runs])
    reached = on_test(row.at(machine))
    return {
        "label": one_line(row.label) + ("*" if row.provisional else ""),
        "seconds": [_short(time.mean), _short(time.half_width)],
        "score": [_short(reached.mean), _short(reached.half_width)],
        "curve": mean_curve([run.evaluations for run in runs]),
    }


def mean_curve(runs: Sequence[Evaluations]) -> list[list[float]]:
    """The mean over runs of training seconds and of m, at every evaluation at which all runs know m."""
    length = min(len(each.smooth) for each in runs)
    seconds, smooth = (
        np.stack([getattr(each, name)[:length] for each in runs]).mean(axis=0) for name in ("train_seconds", "smooth")
    )
    known = np.flatnonzero(~np.isnan(smooth))
    shown = known[np.linspace(0, len(known) - 1, min(len(known), POINTS)).round().astype(int)] if len(known) else known
    return np.column_stack([seconds[shown], smooth[shown]]).round(3).tolist()


def _short(value: float | None) -> float | None:
    """Six digits: what is drawn must not move with the last bit of a sum. Infinity is unknown."""
    return None if value is None or value == float("inf") else float(f"{value:.6g}")


def _draw_runs(figure, data: dict[str, Any]) -> None:
    left, right = figure.add_axes((0.06, 0.14, 0.33, 0.74)), figure.add_axes((0.46, 0.14, 0.33, 0.74))
    handles = []
    for number, row in enumerate(data["rows"]):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        (seconds, across), (score, along) = row["seconds"], row["score"]
        handles.append(
            left.errorbar(
                seconds, score, xerr=across, yerr=along, color=colour, marker=marker, markersize=4, linewidth=0.8
            )
        )
        seconds, smooth = _columns(row["curve"])
        right.plot(
            seconds, smooth, color=colour, linewidth=1, marker=marker, markersize=3, markevery=max(1, len(seconds) // 5)
        )
    if data["target"] is not None:
        right.axhline(data["target"], color="#444444", linewidth=0.8, linestyle="--")
        right.annotate(f"τ of {data['target_method']}", (0.99, data["target"]), xycoords=("axes fraction", "data"),
                       ha="right", va="bottom", fontsize=7)  # fmt: skip
    taken = [row["seconds"][0] for row in data["rows"]]
    if min(taken) > 0 and max(taken) / min(taken) > WIDE:
        for axes in (left, right):
            _logarithmic(axes)
    _label(left, "training time, s", f"test {data['metric']}, ± 95% interval", "Reached, and what it took")
    _label(right, "training time, s", f"m on select, {data['metric']}", "On the way")
    _legend(figure, handles, [row["label"] for row in data["rows"]], 0.805)
    figure.suptitle(data["title"], fontsize=9, x=0.06, ha="left")


def _logarithmic(axes) -> None:
    """The time axis with ticks at 1, 2, 5, 10, …"""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_profile(figure, data: dict[str, Any]) -> None:
    axes = figure.add_axes((0.1, 0.16, 0.55, 0.7))
    handles = []
    for number, row in enumerate(data["rows"]):
        known = [each for each in row["ratios"] if each is not None and each <= data["most"]]
        shares = [(count + 1) / row["cells"] for count in range(len(known))]
        handles += axes.step(
            [1, *known, data["most"]], [0, *shares, shares[-1] if shares else 0], where="post",
            color=COLOURS[number % len(COLOURS)], linewidth=1.2,
        )  # fmt: skip
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(1, data["most"])
    _label(axes, "r: times the shortest time to match", "share of cells within r", data["title"])
    _legend(figure, handles, [f"{row['label']} ({row['cells']})" for row in data["rows"]], 0.67)


def _legend(figure, handles: list, labels: list[str], x: float) -> None:
    """Beside the axes, its left edge at x."""
    legend = figure.legend(
        handles, [str(number) for number in range(len(labels))], loc="center left", bbox_to_anchor=(x, 0.5),
        frameon=False,
    )  # fmt: skip
    # Put in afterwards: matplotlib leaves out labels that begin with an underscore.
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)


def _label(axes, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=8, loc="left")


def _columns(points: Iterable[Sequence[float]]) -> tuple[list[float], list[float]]:
    points = list(points)
    return [x for x, _ in points], [y for _, y in points]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
