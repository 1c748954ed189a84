"""A plugin file with the toy task, and a method that does what a method must not do."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from toy import Toy

from bench.errors import DataError
from bench.method import Losses, Method, Outputs, Stage, Training, method
from bench.task import Data

KEPT: list[Any] = []


class MyToy(Toy):
    """The toy task, as a plugin brings it."""

    name = "mytoy"


class Raising(MyToy):
    """Its data cannot be read."""

    name = "raising"

    def load(self, data_dir: Path | None) -> Data:
        raise KeyError("planted in load")


class Sleeping(MyToy):
    """Its data never come."""

    name = "sleeping"

    def load(self, data_dir: Path | None) -> Data:
        time.sleep(3600)


class Exiting(MyToy):
    """Its data end the process that reads them."""

    name = "exiting"

    def load(self, data_dir: Path | None) -> Data:
        os._exit(3)


class Diverging(MyToy):
    """No teacher can be trained on it."""

    name = "diverging"

    def network(self, name: str) -> nn.Module:
        network = super().network(name)
        if name == self.pairs[0].teacher:
            nn.init.constant_(network.fc.bias, float("nan"))
        return network


@method("bad")
class Bad(Method):
    """Cross-entropy, until its training is half done."""

    how: str = "well"
    where: str = ""
    """A folder for what it leaves."""

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        loss = F.cross_entropy(student.logits, labels)
        if training.progress < 0.5:
            return {"task": loss}
        match self.how:
            case "raise":
                raise KeyError("planted")
            case "nan":
                return {"task": loss * float("nan")}
            case "shape":
                return {"task": F.cross_entropy(student.logits, labels, reduction="none")}
            case "nothing":
                return None
            case "exit":
                os._exit(3)
            case "torch":
                torch.set_default_dtype(torch.float64)
                raise DataError("planted")
            case "elsewhere":
                os.chdir(Path(self.where).parent)
            case "sys.exit":
                sys.exit(0)
            case "nameless signal":
                os.kill(os.getpid(), 40)
            case "thread ends the process":
                threading.Timer(3.0, os._exit, (3,)).start()
            case "crash":
                ctypes.string_at(0)
            case "sleep":
                self.leave("sleeps")
                time.sleep(3600)
            case "environment":
                print("GPUs:", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
            case "fork":
                KEPT.append(os.fork())
            case "forked child sleeps":
                if not KEPT and not os.fork():
                    self.leave("child", os.getpid())
                    time.sleep(3600)
                KEPT.append(True)
            case "leak":
                KEPT.append(torch.ones(300_000_000, dtype=torch.uint8))
            case "memory":
                raise MemoryError("planted")
            case "memory once" if not Path(self.where, "tried").exists():
                self.leave("tried")
                raise MemoryError("planted")
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "killed once" if not Path(self.where, "tried").exists():
                self.leave("tried")
                os.kill(os.getpid(), signal.SIGKILL)
            case "print":
                print("printed by the method", flush=True)
                os.system("echo printed by a child")
            case "wait":
                self.leave("waits", os.getpid())
                while not Path(self.where, "go on").exists():
                    time.sleep(0.01)
        return {"task": loss}

    def adapters(self, student: Outputs, teacher: Outputs | None) -> dict[str, nn.Module]:
        if self.how == "adapters sleep":
            time.sleep(3600)
        return {}

    def stages(self) -> tuple[Stage, ...]:
        if self.how == "stages sleep" and multiprocessing.parent_process():  # not while it is planned
            time.sleep(3600)
        return super().stages()

    def leave(self, name: str, content: object = "") -> None:
        """Writes a file for the test to find."""
        Path(self.where, name).write_text(str(content))
