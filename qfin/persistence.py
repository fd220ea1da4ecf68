"""Models on disk without pickle: JSON for structure, one NumPy archive (read with `allow_pickle=False`) for arrays.

What can be saved: None, booleans, numbers, strings, lists, tuples, dictionaries with string keys, dates, arrays,
enumerations and frozen dataclasses of qfin, and qfin's estimators (their parameters and every fitted attribute, that
is one whose name ends with an underscore).
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import zipfile
import zlib
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfin.errors import StoreError

_PACKAGE = "qfin."


def save(value: Any, folder: Path, name: str = "model") -> None:
    """Write `name.json` and `name.npz` into `folder`; the same value gives the same bytes."""
    arrays: dict[str, np.ndarray] = {}
    structure = _encode(value, arrays)
    (folder / f"{name}.json").write_text(json.dumps(structure, indent=1, allow_nan=False), encoding="utf-8")
    np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]


def load(folder: Path, name: str = "model") -> Any:
    """Read what `save` wrote.

    Raises
    ------
    StoreError
        if a file is missing or damaged, or names anything but a class of qfin.
    """
    try:
        structure = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{name}.npz", allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(
            f"{folder / name} cannot be read: {str(error).splitlines()[0]}; make it again"
        ) from None
    return _decode(structure, arrays)


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Enum):
        return {"$enum": _class_name(type(value)), "name": value.name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, np.generic):
        return _encode(value.item(), arrays)
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:  # NumPy would pickle it
            raise TypeError(f"an array of {value.dtype} cannot be saved")
        key = f"a{len(arrays)}"
        arrays[key] = value
        return {"$array": key}
    if isinstance(value, pd.Timestamp):
        return {"$date": value.isoformat()}
    if isinstance(value, pd.DatetimeIndex):
        return {"$dates": [date.isoformat() for date in value]}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, arrays) for item in value]}
    if isinstance(value, list):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, dict):
        if odd := [key for key in value if not isinstance(key, str) or key.startswith("$")]:
            raise TypeError(f"a dictionary with the key {odd[0]!r} cannot be saved")
        return {key: _encode(item, arrays) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return {"$value": _class_name(type(value)), "fields": _encode(fields, arrays)}
    if hasattr(value, "get_params"):
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_") and not k.startswith("_")}
        return {
            "$estimator": _class_name(type(value)),
            "parameters": _encode(value.get_params(deep=False), arrays),
            "fitted": _encode(fitted, arrays),
        }
    raise TypeError(f"a {type(value).__name__} cannot be saved")


def _decode(structure: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(structure, list):
        return [_decode(item, arrays) for item in structure]
    if not isinstance(structure, dict):
        return structure
    match structure:
        case {"$array": key}:
            return arrays[key]
        case {"$tuple": items}:
            return tuple(_decode(item, arrays) for item in items)
        case {"$float": text}:
            return float(text)
        case {"$date": text}:
            return pd.Timestamp(text)
        case {"$dates": texts}:
            return pd.DatetimeIndex(texts)
        case {"$enum": name, "name": member}:
            return _class(name)[member]
        case {"$value": name, "fields": fields}:
            return _class(name)(**_decode(fields, arrays))
        case {"$estimator": name, "parameters": parameters, "fitted": fitted}:
            estimator = _class(name)(**_decode(parameters, arrays))
            for key, item in _decode(fitted, arrays).items():
                setattr(estimator, key, item)
            return estimator
    return {key: _decode(item, arrays) for key, item in structure.items()}


def _class_name(cls: type) -> str:
    if not cls.__module__.startswith(_PACKAGE):
        raise TypeError(f"a {cls.__module__}.{cls.__name__} cannot be saved")
    return f"{cls.__module__}:{cls.__qualname__}"


def _class(name: str) -> Any:
    module, _, qualified = name.partition(":")
    if not module.startswith(_PACKAGE):
        raise StoreError(f"the model names {name!r}, which is not a class of qfin; it was not loaded")
    try:
        found = getattr(importlib.import_module(module), qualified)
    except (ImportError, AttributeError):
        raise StoreError(
            f"the model names {name!r}, which this version of qfin does not have; fit it again"
        ) from None
    # A module of qfin holds more than its own classes: what it imported is not for a file to call.
    if not isinstance(found, type) or found.__module__ != module:
        raise StoreError(f"the model names {name!r}, which is not a class of qfin; it was not loaded")
    return found
