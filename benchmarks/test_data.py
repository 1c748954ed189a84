"""The data path without a network: the engine's batches, augmented, against those of the usual DataLoader."""

from __future__ import annotations

import method_cases
import pytest
import usual_data

from bench.engine.batches import batches


@pytest.mark.benchmark(group="data")
@pytest.mark.parametrize(
    ("make", "usual", "rounds"),
    [(method_cases.conv, usual_data.usual_images, 15), (method_cases.bert, usual_data.usual_texts, 45)],
    ids=["images", "texts"],
)
def test_batches_against_the_usual_loader(compare, make, usual, rounds):
    """The usual loader's time / ours, over an epoch a round. Neither has workers."""
    bench = make().bench
    fit, size = bench.splits.fit, bench.protocol.student.batch_size
    ours = batches(bench.task, fit, size, seed=0)
    compare(ours, usual(bench, size), steps=len(fit) // size, rounds=rounds)
