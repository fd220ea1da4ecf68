"""What every volatility filter demands of its input."""

from __future__ import annotations

import numpy as np

from qfin.errors import DataError

_ROUNDING = 1e-9


def check_history(returns: np.ndarray, min_rows: int, model: str) -> np.ndarray:
    """Returns to fit to, as a float array of shape (T, d).

    Raises
    ------
    DataError
        if they are not two-dimensional and finite, are fewer than `min_rows` days, or a column is constant.
    """
    returns = check_returns(returns)
    if len(returns) < min_rows:
        raise DataError(f"{model} needs at least {min_rows} days of returns; there are {len(returns)}")
    constant = np.ptp(returns, axis=0) <= _ROUNDING * np.abs(returns).max(axis=0)
    if constant.any():
        raise DataError(f"column {np.argmax(constant)} of the returns is constant; drop that factor")
    return returns


def check_returns(returns: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Returns as a finite float array of shape (T, d), of `columns` factors if that is given."""
    return _check(returns, "returns", ("days", "factors"), columns)


def check_innovations(innovations: np.ndarray, columns: int) -> np.ndarray:
    """Innovations as a finite float array of shape (n, h, d)."""
    return _check(innovations, "innovations", ("paths", "days", "factors"), columns)


def _check(values: np.ndarray, noun: str, axes: tuple[str, ...], columns: int | None) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != len(axes) or 0 in values.shape:
        raise DataError(f"{noun} have shape {values.shape}; wanted ({', '.join(axes)}), at least one of each")
    if columns is not None and values.shape[-1] != columns:
        raise DataError(f"{noun} have {values.shape[-1]} columns; the filter was fitted to {columns}")
    if not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0]
        where = ", ".join(f"{axis[:-1]} {i}" for axis, i in zip(axes, place, strict=True))
        raise DataError(f"{noun} are not finite at {where} (counted from 0); drop it or name a fill rule")
    return values
