"""Angles of gates as functions of a circuit's parameters, and their chain rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfin.errors import ConfigError
from qfin.quantum._expressions import Evaluate, compile_expressions


class AngleTable:
    """Collects the angles of a circuit while it is read; each is a number or a ParameterExpression."""

    def __init__(self, parameters: Sequence[Any]) -> None:
        self._parameters = list(parameters)
        self._columns = {parameter: column for column, parameter in enumerate(self._parameters)}
        self._offsets: list[float] = []
        self._affine: list[tuple[int, int, float]] = []
        self._curved: list[_Curved] = []

    def add(self, angle: Any, where: str) -> int:
        """Index of a new angle; `where` names the instruction in errors."""
        index = len(self._offsets)
        free = list(getattr(angle, "parameters", ()))
        if not free:
            self._offsets.append(real_number(angle, where))
            return index
        slopes = {self._columns[parameter]: _derivative(angle, parameter, where) for parameter in free}
        if any(getattr(slope, "parameters", ()) for slope in slopes.values()):
            self._offsets.append(0.0)
            self._curved.append(_Curved(index, angle, slopes, [(p, self._columns[p]) for p in free], where))
            return index
        self._offsets.append(real_number(angle.bind(dict.fromkeys(free, 0.0)), where))
        self._affine.extend((index, column, real_number(slope, where)) for column, slope in slopes.items())
        return index

    def freeze(self) -> AngleMap:
        """The angles as one map from theta."""
        rows, columns, slopes = zip(*self._affine, strict=True) if self._affine else ((), (), ())
        return AngleMap(
            len(self._parameters),
            np.array(self._offsets, dtype=float),
            np.array(rows, dtype=np.int64),
            np.array(columns, dtype=np.int64),
            np.array(slopes, dtype=float),
            tuple(self._curved),
            self._compile_curved(),
        )

    def _compile_curved(self) -> Evaluate | None:
        slopes = [slope for curve in self._curved for slope in curve.slopes.values()]
        expressions = [curve.expression for curve in self._curved] + slopes
        return compile_expressions(expressions, self._parameters) if expressions else None


@dataclass(frozen=True)
class AngleMap:
    """angles(theta): affine ones as a sparse matrix, the others by one function, or one by one where it fails."""

    n_parameters: int
    offsets: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    slopes: np.ndarray
    curved: tuple[_Curved, ...]
    evaluate_curved: Evaluate | None

    @property
    def is_free(self) -> np.ndarray:
        """Whether each angle depends on parameters, shape (n_angles,)."""
        free = np.zeros(len(self.offsets), dtype=bool)
        free[self.rows] = True
        free[[curve.row for curve in self.curved]] = True
        return free

    def angles(self, theta: np.ndarray) -> np.ndarray:
        """Angle of each gate in radians, shape (n_parameters,) to (n_angles,)."""
        angles = self.offsets + _scatter(self.rows, self.slopes * theta[self.columns], len(self.offsets))
        if self.curved:
            values = self._fast(theta) or [curve.value(theta) for curve in self.curved]
            for curve, value in zip(self.curved, values, strict=False):
                angles[curve.row] = value
        return angles

    def pull_back(self, theta: np.ndarray, by_angle: np.ndarray) -> np.ndarray:
        """Gradient with respect to theta from the gradient with respect to the angles (chain rule)."""
        gradient = _scatter(self.columns, self.slopes * by_angle[self.rows], self.n_parameters)
        if self.curved:
            slopes = iter(
                self._fast(theta)[len(self.curved) :]
                or [slope for curve in self.curved for slope in curve.derivatives(theta)]
            )
            for curve in self.curved:
                for column in curve.slopes:
                    gradient[column] += next(slopes) * by_angle[curve.row]
        return gradient

    def _fast(self, theta: np.ndarray) -> tuple[float, ...]:
        """Values of all curved angles, then all their derivatives; nothing if any is not a real, finite number."""
        if self.evaluate_curved is None:
            return ()
        try:
            values = self.evaluate_curved(*theta.tolist())
            return values if all(map(math.isfinite, values)) else ()
        except (ArithmeticError, ValueError, TypeError):
            return ()


@dataclass(frozen=True)
class _Curved:
    """An angle that is no affine function of the parameters."""

    row: int
    expression: Any
    slopes: dict[int, Any]
    free: list[tuple[Any, int]]
    where: str

    def value(self, theta: np.ndarray) -> float:
        return _evaluate(self.expression, self._values(theta), self.where)

    def derivatives(self, theta: np.ndarray) -> list[float]:
        values = self._values(theta)
        return [_evaluate(slope, values, self.where) for slope in self.slopes.values()]

    def _values(self, theta: np.ndarray) -> dict[Any, float]:
        return {parameter: float(theta[column]) for parameter, column in self.free}


def _scatter(places: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(places, values, size).astype(float, copy=False)  # of nothing, bincount makes integers


def _derivative(angle: Any, parameter: Any, where: str) -> Any:
    try:
        return angle.gradient(parameter)
    except RuntimeError as error:
        raise ConfigError(f"{where}: the angle {angle} has no derivative in {parameter.name}") from error


def _evaluate(expression: Any, values: dict[Any, float], where: str) -> float:
    free = getattr(expression, "parameters", ())
    try:
        return real_number(expression.bind({p: values[p] for p in free}) if free else expression, where)
    except (ZeroDivisionError, RuntimeError) as error:
        raise ConfigError(f"{where}: the angle has no value here; wanted a real, finite number") from error


def real_number(number: Any, where: str) -> float:
    """The number of an angle; a ConfigError naming the instruction if it is not real and finite."""
    value = complex(number)
    if abs(value.imag) > 1e-12 or not np.isfinite(value.real):
        raise ConfigError(f"{where}: the angle is {value:.6g}; wanted a real, finite number")
    return value.real
