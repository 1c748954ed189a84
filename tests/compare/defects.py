"""Ten defects as they happen, planted into a copy of the source: each must turn red.

`python tests/compare/defects.py` commits a copy of this source to a repository of its own, plants one after the other,
types `python -m bench check regressions HEAD` in it, and prints the table of docs/tracking-regressions.md.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONVOLUTIONAL, TRANSFORMER = "resnet14->resnet8", "vit_small->vit_tiny"
PARTS = ("bench", "methods", "tasks", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Defect:
    """One defect, as edits of one file."""

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    """What stands in the file, once, and what takes its place."""
    method: str
    """One whose rows show it, on the pair."""
    figures: tuple[str, ...]
    """What catches it there, as `--fail-on` names it."""
    pair: str = CONVOLUTIONAL

    def plant(self, tree: Path) -> None:
        """Changes the file in a tree of source."""
        path = tree / self.file
        path.write_text(self.planted(path.read_text()))

    def planted(self, source: str) -> str:
        """The source with the defect in it."""
        for old, new in self.edits:
            if source.count(old) != 1:
                raise ValueError(f"{self.name}: {self.file} has {old!r} {source.count(old)} times, expected once")
            source = source.replace(old, new)
        return source


DEFECTS = (
    Defect(
        "KD without T²",
        "methods/losses.py",
        (("return temperature**2 * F.kl_div(guess", "return F.kl_div(guess"),),
        "kd",
        ("behaviour",),
    ),
    Defect(
        "teacher in train mode",
        "bench/engine/loaded_teacher.py",
        (("network.requires_grad_(False).eval()", "network.requires_grad_(False).train()"),),
        "kd",
        ("behaviour",),
    ),
    Defect(
        "a regressor left out of the optimiser",
        "bench/engine/training.py",
        (
            (
                "modules = (self.student, self.adapters, *self.networks.values())",
                "modules = (self.student, *self.networks.values())",
            ),
        ),
        "fitnets",
        ("behaviour",),
    ),
    Defect(
        "augmentation off",
        "bench/engine/batches.py",
        (("take(examples, chosen), drawn or None)", "take(examples, chosen), None)"),),
        "scratch",
        ("behaviour",),
    ),
    Defect(
        "wrong layer mapping",
        "methods/layers.py",
        (("return -(-layer * teacher_depth // student_depth)", "return layer"),),
        "pkd",
        ("behaviour",),
        # The layers of the other pair are as many on both sides.
        TRANSFORMER,
    ),
    Defect(
        "teacher forward twice",
        "bench/engine/training.py",
        (
            (
                "            return self._frozen_teacher(batch.inputs, self.stage.needs)",
                "            self._frozen_teacher(batch.inputs, self.stage.needs)\n"
                "            return self._frozen_teacher(batch.inputs, self.stage.needs)",
            ),
        ),
        "kd",
        ("cost",),
    ),
    Defect(
        "shuffling off",
        "bench/engine/batches.py",
        (
            (
                'torch.randperm(len(examples), generator=generator(seed, purpose, "order", epoch))',
                "torch.arange(len(examples))",
            ),
        ),
        "scratch",
        ("behaviour",),
    ),
    Defect(
        "memory kept between steps",
        "methods/sp.py",
        (
            ("def similarity(outputs", "KEPT = []\n\n\ndef similarity(outputs"),
            (
                "        gap = similarity(student) - similarity(teacher)\n",
                "        gap = similarity(student) - similarity(teacher)\n        KEPT.append(gap)\n",
            ),
        ),
        "sp",
        ("memory",),
    ),
    Defect(
        "MetaDistil first-order",
        "methods/metadistil.py",
        (("parameter - rate * gradient for name", "parameter - rate * gradient.detach() for name"),),
        "metadistil",
        ("behaviour",),
    ),
    Defect(
        "a NaN",
        "methods/sp.py",
        # The slope of a square root at 0.
        (("self.weight * gap.square().mean()}", "self.weight * (gap.square().mean() + (gap - gap).norm().sqrt())}"),),
        "sp",
        ("failures",),
    ),
)


def copy_source(folder: Path) -> None:
    """Copies what the project runs from."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)


@contextmanager
def repository() -> Iterator[Path]:
    """A repository with one commit of this source."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder)
        copy_source(tree)
        git(tree, "init", "--quiet")
        git(tree, "add", "--all")
        git(tree, "commit", "--quiet", "--message", "the source without the defect")
        yield tree


def git(tree: Path, *words: str) -> None:
    identity = ("-c", "user.name=planted", "-c", "user.email=planted@example.org")
    subprocess.run(["git", "-C", str(tree), *identity, *words], check=True, capture_output=True, text=True)


def main() -> int:
    """Prints the table; exits 1 if a defect went unseen, or was seen by something else than is said above."""
    print("| defect | exit code | caught by | rows | the first of what it says | seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    unseen = []
    with repository() as tree:
        for defect in (None, *DEFECTS):
            git(tree, "checkout", "--quiet", "--", ".")
            if defect:
                defect.plant(tree)
            started = time.perf_counter()
            command = [sys.executable, "-m", "bench", "check", "regressions", "HEAD", "--format", "json"]
            ended = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            seconds = time.perf_counter() - started
            try:
                report = json.loads(ended.stdout)
            except ValueError:
                print(ended.stderr[-2000:], file=sys.stderr)
                raise
            red = [(row, each) for row in report["rows"] for each in row["findings"] if each["fails"]]
            figures = {each["figure"] for _, each in red}
            expected = set(defect.figures if defect else ())
            if bool(red) != bool(defect) or not expected <= figures:
                unseen.append(defect.name if defect else "nothing")
            rows = {row["name"] for row, _ in red}
            said = next(
                (f"{row['cells']['method']}: {each['seen']}" for row, each in red if each["figure"] in expected), ""
            )
            caught = f"{', '.join(sorted(figures))} | {len(rows)} of {len(report['rows'])}"
            name = defect.name if defect else "none"
            print(f"| {name} | {ended.returncode} | {caught} | {said} | {seconds:.0f} |", flush=True)
    if unseen:
        print(f"not as expected: {', '.join(unseen)}", file=sys.stderr)
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
