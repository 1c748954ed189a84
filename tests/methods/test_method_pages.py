"""The table, the defaults, the reasons for skips, and the shape of the pages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from method_helpers import NAMES, build, conv_outputs, method_class, token_outputs

from methods.layers import middle, teacher_layer
from methods.table import TABLE

FOLDER = Path(__file__).parents[2] / "methods"


def test_the_table_is_in_the_order_of_the_list() -> None:
    vision, text = ["fitnets", "at", "fsp", "sp", "dml"], ["pkd", "tinybert", "minilm"]
    assert list(TABLE) == ["scratch", "kd", *vision, *text, "metadistil"]


def test_the_table_imports_no_torch() -> None:
    code = "import sys, methods.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_page_names_its_method_and_its_deviations(name: str) -> None:
    cls = method_class(name)
    assert cls.name == name
    assert "Deviations:" in cls.__doc__
    assert set(cls.text_defaults) <= set(cls().parameters())
    assert cls.adapted <= {"image", "text"}


@pytest.mark.parametrize("name", NAMES)
def test_pages_import_no_other_method_and_nothing_of_the_harness_but_the_contract(name: str) -> None:
    module = TABLE[name].location.partition(":")[0]
    tree = ast.parse((FOLDER / f"{module.split('.')[1]}.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in imported if module.split(".")[0] in ("bench", "methods", "tasks")}
    assert ours <= {"bench.method", "methods.checks", "methods.layers", "methods.losses"}


DEFAULTS = {
    ("scratch", "image"): {},
    ("kd", "image"): {"alpha": 0.9, "temperature": 4.0},
    ("kd", "text"): {"alpha": 0.5, "temperature": 2.0},
    ("fitnets", "image"): {
        "single_stage": False,
        "weight": 100.0,
        "temperature": 3.0,
        "first_soft_weight": 4.0,
        "last_soft_weight": 1.0,
    },
    ("at", "image"): {"form": "code", "weight": 1000.0},
    ("at", "text"): {"form": "received", "weight": 1000.0},
    ("fsp", "image"): {"on_top": False},
    ("sp", "image"): {"weight": 3000.0},
    ("dml", "image"): {"peers": 2},
    ("pkd", "image"): {"alpha": 0.9, "temperature": 4.0, "beta": 100.0, "mapping": "skip"},
    ("pkd", "text"): {"alpha": 0.5, "temperature": 5.0, "beta": 100.0, "mapping": "skip"},
    ("tinybert", "text"): {"mapping": "uniform"},
    ("minilm", "image"): {"alpha": 0.9, "temperature": 4.0},
    ("minilm", "text"): {"alpha": 0.5, "temperature": 2.0},
    ("metadistil", "image"): {
        "alpha": 0.5,
        "temperature": 5.0,
        "beta": 0.0,
        "teacher_rate": 1e-4,
        "teacher_optimiser": "sgd",
        "pilot_rate": 0.0,
        "quiz": 0.1,
    },
    ("metadistil", "text"): {
        "alpha": 0.5,
        "temperature": 5.0,
        "beta": 100.0,
        "teacher_rate": 1e-5,
        "teacher_optimiser": "adamw",
        "pilot_rate": 5e-5,
        "quiz": 0.1,
    },
}


@pytest.mark.parametrize(("name", "modality"), DEFAULTS)
def test_defaults_are_the_published_ones(name: str, modality: str) -> None:
    assert build(name, modality).parameters() == DEFAULTS[name, modality]


def test_metadistil_alone_keeps_a_quiz() -> None:
    assert {name: build(name).quiz_share() for name in NAMES if build(name).quiz_share()} == {"metadistil": 0.1}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("at", {"form": "energy"}),
        ("dml", {"peers": 1}),
        ("pkd", {"mapping": "uniform"}),
        ("tinybert", {"mapping": "skip"}),
        ("metadistil", {"teacher_optimiser": "adam"}),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_value(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(parameters.values())))):
        build(name, **parameters)


@pytest.mark.parametrize(
    ("mapping", "student", "teacher", "expected"),
    [
        ("uniform", 6, 12, [0, 2, 4, 6, 8, 10, 12]),
        ("uniform", 4, 12, [0, 3, 6, 9, 12]),
        ("uniform", 3, 3, [0, 1, 2, 3]),
        # Not a multiple: rounded up, so that the first is not the embedding and the last is the last.
        ("uniform", 5, 12, [0, 3, 5, 8, 10, 12]),
        ("uniform", 4, 3, [0, 1, 2, 3, 3]),
        ("top", 6, 12, [0, 7, 8, 9, 10, 11, 12]),
        ("bottom", 4, 12, [0, 1, 2, 3, 4]),
    ],
)
def test_layer_mappings(mapping: str, student: int, teacher: int, expected: list[int]) -> None:
    assert [teacher_layer(m, student, teacher, mapping) for m in range(student + 1)] == expected


def test_an_unknown_mapping_is_refused() -> None:
    with pytest.raises(ValueError, match="'middle' is none of"):
        teacher_layer(1, 2, 4, "middle")


@pytest.mark.parametrize(("layers", "expected"), [(3, 2), (4, 2), (6, 3), (12, 6)])
def test_the_middle_layer(layers: int, expected: int) -> None:
    assert middle(token_outputs(0, 4, layers)) == expected


CONV = conv_outputs(0, (4, 4, 6, 8), (8, 8, 4, 2))
NARROW = conv_outputs(0, (3, 3, 4, 6), (8, 8, 4, 2))
SHALLOW = conv_outputs(0, (4, 4, 8), (8, 8, 2))
SINGLE = conv_outputs(0, (4, 4), (8, 8))
TEXT = {layers: token_outputs(0, 6, layers, heads=2) for layers in (1, 3, 4, 6)}
VIT = token_outputs(0, 6, 3, prefix=1)


@pytest.mark.parametrize(
    ("name", "parameters", "student", "teacher", "reason"),
    [
        (
            "fsp",
            {},
            NARROW,
            CONV,
            "teacher has channels [4, 4, 6, 8], student [3, 3, 4, 6]; needs equal channels",
        ),
        ("fsp", {}, SHALLOW, CONV, "teacher has 3 stages, student 2; needs equal stages"),
        ("fsp", {}, CONV, CONV, None),
        ("fsp", {}, TEXT[3], TEXT[6], None),
        ("at", {"form": "code"}, TEXT[3], TEXT[6], "form 'code' is for images; text needs form 'received'"),
        (
            "at",
            {"form": "gradient"},
            TEXT[3],
            TEXT[6],
            "form 'gradient' is for images; text needs form 'received'",
        ),
        ("at", {}, NARROW, CONV, None),
        ("pkd", {}, SINGLE, CONV, "student has 1 layers; needs 2, since the last one is not compared"),
        (
            "pkd",
            {"mapping": "last"},
            TEXT[4],
            TEXT[3],
            "teacher has 3 layers, student 4; 'last' needs as many",
        ),
        ("pkd", {}, SHALLOW, CONV, None),
        (
            "metadistil",
            {"beta": 100.0},
            TEXT[1],
            TEXT[6],
            "student has 1 layers; needs 2, since PKD's term leaves out the last",
        ),
        ("metadistil", {}, TEXT[1], TEXT[6], None),
        (
            "tinybert",
            {},
            TEXT[4],
            TEXT[6],
            "teacher has 6 layers, student 4; mapping 'uniform' needs a multiple",
        ),
        ("tinybert", {"mapping": "top"}, TEXT[4], TEXT[6], None),
        (
            "tinybert",
            {"mapping": "top"},
            TEXT[4],
            TEXT[3],
            "teacher has 3 layers, student 4; needs at least as many",
        ),
        (
            "tinybert",
            {},
            TEXT[3],
            token_outputs(0, 6, 6, heads=3),
            "teacher has 3 heads, student 2; needs equal heads",
        ),
        ("tinybert", {}, TEXT[3], TEXT[6], None),
        (
            "minilm",
            {},
            TEXT[3],
            token_outputs(0, 6, 6, heads=3),
            "teacher has 3 heads, student 2; needs equal heads",
        ),
        (
            "minilm",
            {},
            VIT,
            token_outputs(0, 6, 6, prefix=2),
            "teacher has a grid of (2, 3) with 2 prefix tokens, student (2, 3) with 1; needs equal tokens",
        ),
        ("minilm", {}, VIT, token_outputs(0, 12, 6, prefix=1), None),
    ],
)
def test_reasons_for_a_skip_name_the_values(name, parameters, student, teacher, reason) -> None:
    assert build(name, **parameters).skip(student, teacher) == reason
