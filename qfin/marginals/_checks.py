"""What every marginal distribution demands of its input."""

from __future__ import annotations

import numpy as np

from qfin.errors import DataError


def check_sample(values: np.ndarray, min_rows: int, model: str) -> np.ndarray:
    """Values to fit to, as a finite float array of shape (T, d), at least `min_rows` of them.

    Raises
    ------
    DataError
        saying what was wanted, or where a value is not finite.
    """
    values = check_values(values)
    if len(values) < min_rows:
        raise DataError(f"{model} needs at least {min_rows} rows; there are {len(values)}")
    return values


def check_values(values: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Values as a finite float array of shape (n, d), of `columns` factors if that is given."""
    values = _check_shape(values, columns)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(
            f"row {row}, column {column} of the values is not finite (counted from 0); drop the row"
        )
    return values


def check_probabilities(probabilities: np.ndarray, columns: int) -> np.ndarray:
    """Probabilities as a float array of shape (n, d), each strictly inside (0, 1)."""
    probabilities = _check_shape(probabilities, columns)
    inside = (probabilities > 0.0) & (probabilities < 1.0)
    if not inside.all():
        row, column = np.argwhere(~inside)[0]
        raise DataError(
            f"row {row}, column {column} of the probabilities is {probabilities[row, column]:.6g}; "
            "wanted strictly between 0 and 1"
        )
    return probabilities


def _check_shape(values: np.ndarray, columns: int | None) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(f"values have shape {values.shape}; wanted (rows, factors), at least one of each")
    if columns is not None and values.shape[1] != columns:
        raise DataError(f"values have {values.shape[1]} columns; the marginals were fitted to {columns}")
    return values
