"""Implementation tests: what a scenario set and its figures are, computed again by other means than made them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qfin.model import ScenarioModel
from qfin.risk import Portfolio, Revaluation, revalue
from qfin.scenarios import ScenarioSet
from qfin.stages._chain import Chain
from qfin.stages.risk import PORTFOLIO
from qfin.store import Store

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_QUBITS = 20  # of a state that Qiskit computes in seconds
_REVALUED = 200
_FALSE_ALARM = 0.001
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Check:
    """One implementation test.

    Attributes
    ----------
    name : what is tested
    against : what it is compared with
    passed : None if it does not apply
    finding : what came out, or why it does not apply
    """

    name: str
    against: str
    passed: bool | None
    finding: str


@dataclass(frozen=True)
class Checks:
    """The implementation tests of one chain of artifacts."""

    chain: Chain
    store: Store

    def run(self) -> list[Check]:
        """All of them, from the files to the figures."""
        return [
            self._files(),
            self._circuit(),
            self._draws(),
            self._margins(),
            self._inverse(),
            self._revaluation(),
            *self._measures(),
        ]

    @cached_property
    def model(self) -> ScenarioModel:
        """The model that the scenarios were drawn from."""
        parents = self.chain.scenarios.parents
        return ScenarioModel.read(self.store.get(parents.get("tuned", parents["model"])).folder)

    @cached_property
    def _scenarios(self) -> ScenarioSet:
        return ScenarioSet.read(self.chain.scenarios.folder)

    @property
    def _factors(self) -> list[str]:
        return [factor.name for factor in self.model.factors_]

    def _files(self) -> Check:
        lineage = self.store.lineage(self.chain.risk)
        stated = [(a.path(name), about["sha256"]) for a in lineage for name, about in a.files.items()]
        wrong = [p for p, digest in stated if hashlib.sha256(p.read_bytes()).hexdigest() != digest]
        return Check(
            "Files of the lineage",
            "SHA-256 in the manifests",
            not wrong,
            f"{len(stated) - len(wrong)} of {len(stated)} files of {len(lineage)} artifacts have the digests stated.",
        )

    def _circuit(self) -> Check:
        name, against = "Outcome probabilities of the circuit", "Qiskit's own simulation, gate by gate"
        outer = self.model.dependence
        copula: Any = getattr(outer, "model_", outer)  # what a wrapper wraps
        circuit, known = getattr(copula, "circuit_", None), getattr(copula, "probabilities_", None)
        if circuit is None:
            return Check(name, against, None, f"The dependence model ({copula.label}) has no circuit.")
        if circuit.num_qubits > _QUBITS:
            return Check(
                name, against, None, f"It has {circuit.num_qubits} qubits; run up to {_QUBITS} only."
            )
        if known is None or len(known) != 2**circuit.num_qubits or getattr(copula, "ensemble", 1) > 1:
            return Check(
                name, against, None, "The model is not the outcomes of one circuit without hidden qubits."
            )
        gap = float(np.abs(_simulated(circuit) - known).max())
        return Check(
            name,
            against,
            gap < _ROUNDING,
            f"Over all {len(known):,} outcomes of {circuit.num_qubits} qubits the largest difference is {gap:.1e}.",
        )

    def _draws(self) -> Check:
        name, against = "Scenarios", "the same draws, made again from the stored model"
        drawn = self._scenarios
        if "certificate" in drawn.lineage:
            return Check(
                name, against, None, f"They were drawn on {drawn.lineage['backend']}; its certificate stands."
            )
        inputs = self.chain.scenarios.inputs
        again = self.model.sample(inputs["count"], inputs["horizon"], inputs["seed"])
        differ = int((again.returns != drawn.returns).any(axis=(1, 2)).sum())
        return Check(
            name,
            against,
            not differ,
            f"{len(drawn) - differ:,} of {len(drawn):,} scenarios are the same to the bit.",
        )

    def _margins(self) -> Check:
        from scipy.stats import kstest

        U = self.model.first_day_probabilities(self._scenarios)
        found = [float(kstest(column, "uniform").pvalue) for column in U.T]
        least = int(np.argmin(found))
        return Check(
            "Each factor alone in the scenarios",
            "its fitted marginal: Kolmogorov-Smirnov",
            found[least] * len(found) > _FALSE_ALARM,
            f"The smallest p-value of {len(found)} factors is {found[least]:.3f} ({self._factors[least]}); "
            f"all together fail a right implementation once in {1 / _FALSE_ALARM:,.0f} times.",
        )

    def _inverse(self) -> Check:
        grid = np.concatenate([np.geomspace(1e-6, 0.5, 500), 1.0 - np.geomspace(0.5, 1e-6, 500)])
        U = np.tile(grid[:, None], len(self._factors))
        gap = float(np.abs(self.model.marginals.cdf(self.model.marginals.ppf(U)) - U).max())
        return Check(
            "Quantiles of the marginals",
            "their distribution functions",
            gap < _ROUNDING,
            f"Probabilities from 1e-6 to 1 - 1e-6 come back within {gap:.1e}.",
        )

    def _revaluation(self) -> Check:
        import pandas as pd

        report = self.chain.risk.json("risk.json")["revaluation"]
        numbers = np.unique(np.linspace(0, len(self._scenarios) - 1, _REVALUED).astype(int))
        portfolio = Portfolio.read(self.chain.risk.path(PORTFOLIO))
        full = revalue(portfolio, self._scenarios.rows(numbers), Revaluation("full", ageing=report["ageing"]))
        stored = pd.read_parquet(self.chain.risk.path("pnl.parquet"))["total"].to_numpy()
        gap = float(np.abs(full.total - stored[numbers]).max())
        bound = report["bound"] + _ROUNDING * float(np.abs(full.base_values).sum())
        return Check(
            "Profit and loss",
            "every trade valued by QuantLib in full",
            gap <= bound,
            f"In {len(numbers)} scenarios, spread evenly, the portfolio's gain differs by {gap:.2g} at most; the "
            f"certificate allows {bound:.2g} {portfolio.base_currency}.",
        )

    def _measures(self) -> Iterator[Check]:
        import pandas as pd

        losses = -pd.read_parquet(self.chain.risk.path("pnl.parquet"))["total"].to_numpy()
        for row in self.chain.risk.json("risk.json")["measures"]:
            var, es = _rockafellar_uryasev(losses, row["level"])
            again = var if row["measure"] == "VaR" else es
            gap = abs(again / row["value"] - 1.0) if row["value"] else abs(again)
            yield Check(
                f"{row['measure']} {100 * row['level']:g}%",
                "Rockafellar and Uryasev's minimum over all losses",
                gap < _ROUNDING,
                f"{again:,.2f} against {row['value']:,.2f}: the relative difference is {gap:.1e}.",
            )


def _simulated(circuit: QuantumCircuit) -> np.ndarray:
    """Outcome probabilities by Qiskit's `Statevector`, a loaded state set as it is: shape (2**n,)."""
    from qiskit.circuit.library import StatePreparation
    from qiskit.quantum_info import Statevector

    bare = circuit.remove_final_measurements(inplace=False) or circuit
    state, first = Statevector.from_int(0, 2**bare.num_qubits), True
    for instruction in bare.data:
        where = [bare.find_bit(qubit).index for qubit in instruction.qubits]
        operation = instruction.operation
        if first and isinstance(operation, StatePreparation) and where == list(range(bare.num_qubits)):
            state = Statevector(np.asarray(operation.params, dtype=complex))
        elif operation.name != "barrier":
            state = state.evolve(operation, where)
        first = False
    found: np.ndarray = state.probabilities()
    return found


def _rockafellar_uryasev(losses: np.ndarray, level: float) -> tuple[float, float]:
    """VaR and ES as argument and value of min over c of c + E max(L - c, 0) / (1 - level) (Journal of Risk 2, 2000).

    The function is piecewise linear with its kinks at the losses, so the minimum is at one of them, the smallest of
    those that have it.
    """
    c = np.sort(losses)
    beyond = np.cumsum(c[::-1])[::-1] - c * np.arange(len(c), 0, -1)  # sum of max(L - c, 0)
    values = c + beyond / len(c) / (1.0 - level)
    best = float(values.min())
    at = int(np.argmax(values <= best + _ROUNDING * max(1.0, abs(best))))
    return float(c[at]), best
