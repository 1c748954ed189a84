"""Its place makes helpers such as `records` and `toy` importable from every test."""

import gc
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing import forkserver

import pytest
from hypothesis import settings

# Read when torch is first imported: the same bits on every machine, and no fight for its cores.
os.environ["OMP_NUM_THREADS"] = "1"

# Time limits per example fail on busy machines, and say nothing about the code.
settings.register_profile("kdbench", deadline=None)
settings.load_profile("kdbench")


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test touches the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def quick_processes() -> None:
    """Worker processes that need not import, each anew, what the tasks of the tests take."""
    libraries = ("timm", "torchvision", "sklearn.datasets", "scipy.stats", "transformers", "datasets")
    multiprocessing.set_forkserver_preload(["bench.executors.process", *libraries])
    forkserver.ensure_running()


@pytest.fixture
def short_measurements(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cells whose latency is measured once, and whose garbage collection passes over what was there before."""
    from bench.engine import cost

    monkeypatch.setattr(cost, "LATENCY_REPEATS", 1)
    monkeypatch.setattr(cost, "THROUGHPUT_REPEATS", 1)
    monkeypatch.setattr(cost, "THROUGHPUT_BATCH", 2)
    gc.freeze()
    yield
    gc.unfreeze()
