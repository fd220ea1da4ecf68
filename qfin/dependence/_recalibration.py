"""Uniform margins: each factor mapped through the model's own marginal distribution function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recalibration:
    """An increasing, piecewise linear map of the unit interval for each factor.

    A copula must have uniform margins and a trained circuit's are slightly off. With G_k the model's own marginal
    distribution function, U_k = G_k(V_k) has them exactly, and density c(u) = g(v) / prod_k g_k(v_k).

    Attributes
    ----------
    knots : shape (m + 1,), increasing from 0 to 1
    values : shape (d, m + 1), G_k at the knots
    """

    knots: np.ndarray
    values: np.ndarray

    @classmethod
    def from_density(cls, knots: np.ndarray, density: np.ndarray) -> Recalibration:
        """From the margins' densities between the knots, shape (d, m), positive."""
        mass = np.maximum(density, 1e-12) * np.diff(knots)
        values = np.concatenate([np.zeros((len(mass), 1)), np.cumsum(mass, axis=1)], axis=1)
        values /= values[:, -1:]
        values[:, -1] = 1.0
        return cls(knots, values)

    def forward(self, V: np.ndarray) -> np.ndarray:
        """U = G(V), shape (n, d)."""
        columns = [np.interp(V[:, k], self.knots, g) for k, g in enumerate(self.values)]
        return np.column_stack(columns)

    def inverse(self, U: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """V with G(V) = U, shape (n, d), and log prod_k g_k(V_k), shape (n,)."""
        part, slope = self._parts(U)
        columns = np.arange(len(self.values))
        V = self.knots[part] + (U - self.values[columns, part]) / slope
        return np.clip(V, 2.0**-53, 1.0 - 2.0**-53), np.log(slope).sum(axis=1)

    def log_slopes(self, U: np.ndarray) -> np.ndarray:
        """log g_k(V_k) of each coordinate, V = G^{-1}(U), shape (n, d)."""
        return np.log(self._parts(U)[1])

    def _parts(self, U: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The piece of the map that each coordinate lies on, and its slope, both shape (n, d)."""
        part, slope = np.empty(U.shape, dtype=np.int64), np.empty(U.shape)
        for k, g in enumerate(self.values):
            part[:, k] = np.clip(np.searchsorted(g, U[:, k], side="right") - 1, 0, len(g) - 2)
            slope[:, k] = (np.diff(g) / np.diff(self.knots))[part[:, k]]
        return part, slope
