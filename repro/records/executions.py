"""What tells the executions of records apart."""

from collections.abc import Mapping
from typing import Any

_SAID = ("device_name", "tier")  # of each, whether they differ or not


def listed(executions: Mapping[str, Mapping[str, Any]]) -> str:
    """Name each by id, with its device, its tier and what else is not alike in all of them."""
    described = [executions[name] for name in sorted(executions)]
    keys = dict.fromkeys(key for one in described for key in one if key not in _SAID)
    apart = [key for key in keys if any(one.get(key) != described[0].get(key) for one in described)]
    return ", ".join(
        f"{name} ({', '.join(_told(executions[name], apart))})" for name in sorted(executions)
    )


def _told(execution: Mapping[str, Any], apart: list[str]) -> list[str]:
    """Say what one execution is, and how it is in what others have otherwise."""
    differences = [_value(key.replace("_", " "), execution.get(key)) for key in apart]
    return [str(execution["device_name"]), *differences, str(execution["tier"])]


def _value(key: str, value: Any) -> str:
    """Name a version, threads, instructions, or what is on in one and off in another."""
    if value is None or value is False:
        return f"no {key}"
    return key if value is True else f"{key} {value}"
