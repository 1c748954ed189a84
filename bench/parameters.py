"""`--set kd.temperature=2,4,8`: hyperparameters from the command line, checked and typed by the method's fields."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable
from typing import Any

from bench.errors import UsageError, unknown
from bench.identity import canonical
from bench.method import Method
from bench.protocol import Protocol


def parse_settings(texts: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """`METHOD.PARAMETER=VALUE[,VALUE…]` → {method: {parameter: [values]}}."""
    settings: dict[str, dict[str, list[str]]] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        method, dot, parameter = left.partition(".")
        values = [value.strip() for value in right.split(",")]
        if not (equals and dot and method and parameter and all(values)):
            raise UsageError(f"--set {text!r} is not of the form METHOD.PARAMETER=VALUE[,VALUE…]")
        if parameter in settings.setdefault(method, {}):
            raise UsageError(f"--set gives {method}.{parameter} twice: write one list, {method}.{parameter}=A,B")
        settings[method][parameter] = values
    return settings


def variants(cls: type[Method], modality: str, protocol: Protocol, settings: dict[str, list[str]]) -> list[Method]:
    """The method with every combination of the settings, over the protocol's pins and the modality's defaults."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for name in settings:
        if name not in fields:
            raise unknown(f"parameter of {cls.name}", name, fields)
    defaults = {name: _default(cls.name, field) for name, field in fields.items()}
    base = defaults | (cls.text_defaults if modality == "text" else {}) | protocol.parameters.get(cls.name, {})
    for name, value in base.items():
        # 4 and 4.0 are the same hyperparameter, so they must give the same key.
        base[name] = float(value) if isinstance(defaults[name], float) else value
    choices = [
        [(name, _typed(cls.name, name, value, defaults[name])) for value in values] for name, values in settings.items()
    ]
    made: dict[str, Method] = {}
    for combination in itertools.product(*choices):
        try:
            instance = cls(**{**base, **dict(combination)})
        except (ValueError, TypeError) as error:
            given = ", ".join(f"{name}={value}" for name, value in combination)
            raise UsageError(f"{cls.name} does not take {given or 'its defaults'}: {error}") from error
        # Written as in a key, in which what is the same is seen at once, however many there are.
        made.setdefault(canonical(instance.parameters()), instance)
    return list(made.values())


def tuned(method: Method, modality: str, protocol: Protocol) -> dict[str, Any]:
    """The parameters of a method that differ from its defaults in this modality and protocol."""
    [default] = variants(type(method), modality, protocol, {})
    usual = default.parameters()
    return {name: value for name, value in method.parameters().items() if value != usual[name]}


def _default(method: str, field: dataclasses.Field) -> Any:
    if field.default is not dataclasses.MISSING:
        # `weight: float = 1` is a float, whatever its author wrote.
        return float(field.default) if field.type in (float, "float") else field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise UsageError(f"parameter {method}.{field.name} has no default: every hyperparameter of a method needs one")


def _typed(method: str, name: str, text: str, default: Any) -> Any:
    """The text as a value of the default's type."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, float) and not math.isfinite(float(text)):
            raise ValueError("not a finite number")
        if isinstance(default, (int, float, str)):
            return type(default)(text)
    except (KeyError, ValueError) as error:
        expected = "true or false" if isinstance(default, bool) else f"a value like {default!r}"
        raise UsageError(f"--set {method}.{name}={text}: {text!r} is not {expected}") from error
    raise UsageError(f"--set cannot set {method}.{name}: it is a {type(default).__name__}")
