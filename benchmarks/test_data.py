"""The data path without a network: the engine's batches, augmented, against those of the usual DataLoader."""

from __future__ import annotations

import method_cases
import pytest
import torch
import usual_data

from bench.engine.batches import batches


@pytest.fixture(autouse=True)
def one_thread():
    """What is so short would wait, on a busy machine, for a second thread that gets no core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.benchmark(group="data")
@pytest.mark.parametrize(
    ("make", "usual", "rounds"),
    [(method_cases.conv, usual_data.usual_images, 15), (method_cases.bert, usual_data.usual_texts, 45)],
    ids=["images", "texts"],
)
def test_batches_against_the_usual_loader(compare, make, usual, rounds):
    """The usual loader's time / ours, over an epoch a round. Both on one thread, without workers."""
    bench = make().bench
    fit, size = bench.splits.fit, bench.protocol.student.batch_size
    ours = batches(bench.task, fit, size, seed=0)
    compare(ours, usual(bench, size), steps=len(fit) // size, rounds=rounds)
