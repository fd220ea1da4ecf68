"""Synthetic artifacts of a whole run, written as the stages write them, from a seeded generator."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from qfin.market import ReturnsFrame, RiskFactor
from qfin.scenarios import ScenarioSet
from qfin.store import Artifact, Store

FX = tuple(RiskFactor(n, "FX", f"{n[3:]} per {n[:3]}") for n in ("EURUSD", "GBPUSD", "USDJPY", "USDCAD"))
UST = tuple(RiskFactor(f"UST{p}", "IR", "per cent", "absolute", pillar=p) for p in ("1Y", "3Y", "5Y", "10Y"))
CIRCUIT = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="120" viewBox="0 0 900 120">'
    '<path d="M0 40H900M0 80H900" stroke="#444"/><rect x="60" y="25" width="60" height="30" fill="#9cf"/></svg>'
)


@dataclass(frozen=True)
class Recipe:
    """What a synthetic run is made of."""

    factors: tuple[RiskFactor, ...] = FX
    days: int = 700
    scenarios: int = 1_000
    horizon: int = 1
    portfolio: str = "FX book"
    trades: tuple[str, ...] = ("Spot EUR", "Forward GBP", "Call JPY", "Spot CAD")
    models: tuple[tuple[str, str], ...] = (
        ("born", "Born machine"),
        ("independent", "Independent"),
        ("bootstrap", "Bootstrap"),
        ("gaussian", "Gaussian copula"),
        ("student_t", "Student-t copula"),
    )
    edge: float = 0.0015
    noise: float = 0.02
    findings: tuple[Mapping[str, Any], ...] = (
        {"severity": "oddity", "check": "outlier", "factor": "EURUSD", "date": "2024-03-11",
         "message": "EURUSD moved by 9 robust standard deviations on 2024-03-11"},
    )  # fmt: skip
    circuit: str = CIRCUIT
    attribution: str | None = None
    seed: int = 7


def build(store: Store, recipe: Recipe | None = None, **changes: Any) -> list[Artifact]:
    """Publish every artifact of a run; the risk artifacts, the main model's first."""
    recipe = replace(recipe or Recipe(), **changes)
    returns, uniforms, matrix = _history(recipe)
    ingest = store.publish(
        "ingest",
        {"data": hashlib.sha256(repr(recipe).encode()).hexdigest()},
        lambda f: _ingest(f, recipe, returns),
    )
    encode = store.publish("encode", {}, lambda f: _encode(f, recipe, returns, uniforms), {"history": ingest})
    risks = []
    for place, (kind, label) in enumerate(recipe.models):
        rng = np.random.default_rng([recipe.seed, place])
        who = (kind, label)
        inputs = {"model": kind, "place": place, "seed": recipe.seed}
        train = store.publish(
            "train", inputs, lambda f, w=who, r=rng: _train(f, recipe, *w, r), {"encoding": encode}
        )
        drawn = _scenarios(recipe, returns, kind, matrix, np.random.default_rng([recipe.seed, place, 1]))
        inputs = {"count": recipe.scenarios, "seed": recipe.seed}
        generate = store.publish(
            "generate", inputs, lambda f, s=drawn, w=who: _generate(f, s, *w), {"model": train}
        )
        inputs = {"portfolio": recipe.portfolio}
        risks.append(
            store.publish(
                "risk", inputs, lambda f, s=drawn, w=who: _risk(f, recipe, s, *w), {"scenarios": generate}
            )
        )
    return risks


def _history(recipe: Recipe) -> tuple[ReturnsFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(recipe.seed)
    d = len(recipe.factors)
    loadings = np.resize([0.8, 0.72, -0.55, -0.6, 0.3], d)
    matrix = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    normal = rng.multivariate_normal(np.zeros(d), matrix, size=recipe.days)
    shocks = normal / np.sqrt(rng.chisquare(5, size=(recipe.days, 1)) / 5)
    cycle = 1 + 0.4 * np.sin(np.arange(recipe.days) / 60)[:, None]
    scale = np.where([f.return_type == "absolute" for f in recipe.factors], 6.0, 0.005)
    dates = pd.bdate_range(end="2026-10-30", periods=recipe.days)
    levels = np.resize([1.0873, 1.2961, 153.2, 1.3905], d)
    frame = ReturnsFrame(shocks * cycle * scale, pd.DatetimeIndex(dates), recipe.factors, levels)
    return frame, stats.t.cdf(shocks, 5), matrix


def _ingest(folder: Path, recipe: Recipe, returns: ReturnsFrame) -> dict[str, Any]:
    returns.write(folder / "returns.parquet")
    steps = np.cumsum(returns.values[::-1], axis=0)[::-1]
    levels = {
        f.name: f.shock(returns.levels[k], -np.append(steps[1:, k], 0.0))
        for k, f in enumerate(recipe.factors)
    }
    pd.DataFrame({"date": returns.dates, **levels}).to_parquet(folder / "prices.parquet")
    _json(folder / "quality.json", {"findings": list(recipe.findings)})
    summary = {"factors": list(returns.names), "days": len(returns), "first": f"{returns.dates[0]:%Y-%m-%d}",
               "as_of": f"{returns.as_of:%Y-%m-%d}", "oddities": len(recipe.findings)}  # fmt: skip
    return summary | ({"attribution": recipe.attribution} if recipe.attribution else {})


def _encode(folder: Path, recipe: Recipe, returns: ReturnsFrame, uniforms: np.ndarray) -> dict[str, Any]:
    frame = pd.DataFrame(uniforms, columns=list(returns.names))
    frame.insert(0, "date", returns.dates)
    frame.to_parquet(folder / "pseudo_observations.parquet")
    rows = [
        {"bits": b, "held_out_exact": 0.41, "held_out_cells": 0.41 - 0.3 / 2**b, "cost": 0.3 / 2**b,
         "correlation_error": 0.1 / 2**b, "tail_dependence_exact": 0.31, "tail_dependence_cells": 0.31 - 0.4 / 2**b,
         "var_99_exact": 2.41, "var_99_cells": 2.41 - 0.2 / 2**b}
        for b in (2, 3, 4, 5)
    ]  # fmt: skip
    _json(folder / "discretisation.json", rows)
    return {"days": len(returns), "held_out_days": 250, "qubits": 3 * len(recipe.factors), "bits": 3,
            "bins": "tail_refined", "code": "gray"}  # fmt: skip


_LEVELS = {"independent": 0.0, "gaussian": 0.364}


def _train(folder: Path, recipe: Recipe, kind: str, label: str, rng: np.random.Generator) -> dict[str, Any]:
    held_out = pd.bdate_range(end="2026-10-30", periods=250)
    common = np.random.default_rng(recipe.seed).normal(0, 0.8, size=250)
    mean: float | None = None
    if kind == "bootstrap":
        _json(
            folder / "score.json",
            {"kind": kind, "label": label, "mean": None, "why_none": "it has no density"},
        )
        _json(folder / "details.json", {})
    else:
        level = _LEVELS.get(kind, 0.41) + (recipe.edge if kind == "born" else 0.0)
        daily = np.zeros(250) if kind == "independent" else level + common + rng.normal(0, recipe.noise, 250)
        mean = float(daily.mean())
        _json(folder / "score.json", {"kind": kind, "label": label, "mean": mean, "lower": mean - 0.09,
                                      "upper": mean + 0.09, "confidence": 0.95, "days": 250,
                                      "first": "2025-11-17", "last": "2026-10-30", "why_none": None})  # fmt: skip
        pd.DataFrame({"date": held_out, "log_density": daily}).to_parquet(folder / "daily_scores.parquet")
        _json(
            folder / "details.json", _born_details(recipe) if kind == "born" else {"degrees_of_freedom": 5.2}
        )
    if kind == "born":
        steps = np.arange(0, 305, 5)
        loss = 5.80 - 0.06 * (1 - np.exp(-steps / 60)) + rng.normal(0, 0.0005, len(steps))
        held = 5.79 - 0.02 * (1 - np.exp(-steps / 30)) + 6e-5 * steps
        pd.DataFrame({"step": steps, "loss": loss, "held_out_loss": held}).to_parquet(
            folder / "training.parquet"
        )
        (folder / "circuit.svg").write_text(recipe.circuit)
        (folder / "circuit.qasm").write_text("OPENQASM 3.0;\n")
    return {"kind": kind, "label": label, "held_out_score": mean}


def _born_details(recipe: Recipe) -> dict[str, Any]:
    edge = recipe.edge
    return {"qubits": 12, "parameters": 82, "layers": 2, "ansatz": "line_rzz", "prior": "student_t",
            "stop": "held-out loss stopped improving", "steps": 84, "data_weight": 0.3,
            "prior_score": {"mean": 0.41, "lower": 0.32, "upper": 0.5, "confidence": 0.95},
            "circuit_adds": {"mean": edge, "lower": edge - 0.002, "upper": edge + 0.002, "confidence": 0.95},
            "selection": [_choice(1.0, 0.001), _choice(0.3, 0.003)]}  # fmt: skip


def _choice(weight: float, gain: float) -> dict[str, Any]:
    curve = gain * np.sin(np.arange(200) / 53)
    return {
        "data_weight": weight,
        "steps": 84,
        "gain": gain,
        "standard_error": 0.001,
        "curve": curve.tolist(),
    }


def _scenarios(
    recipe: Recipe, returns: ReturnsFrame, kind: str, matrix: np.ndarray, rng: np.random.Generator
) -> ScenarioSet:
    n, d = recipe.scenarios * recipe.horizon, len(recipe.factors)
    if kind == "bootstrap":
        drawn = returns.values[rng.integers(0, len(returns), n)]
    else:
        shape = np.eye(d) if kind == "independent" else matrix
        z = rng.multivariate_normal(np.zeros(d), shape, size=n)
        if kind != "gaussian":
            z = z / np.sqrt(rng.chisquare(5, size=(n, 1 if kind != "independent" else d)) / 5)
        drawn = z * np.std(returns.values, axis=0) * 0.7
    lineage = {
        "model": {"volatility": "garch", "marginals": "semiparametric", "dependence": kind},
        "seed": recipe.seed,
    }
    return ScenarioSet(
        drawn.reshape(recipe.scenarios, recipe.horizon, d),
        recipe.factors,
        returns.levels,
        returns.as_of,
        lineage,
    )


def _generate(folder: Path, scenarios: ScenarioSet, kind: str, label: str) -> dict[str, Any]:
    scenarios.write(folder)
    return {
        "kind": kind,
        "label": label,
        "scenarios": len(scenarios),
        "horizon": scenarios.horizon,
        "seed": 7,
    }


def _risk(folder: Path, recipe: Recipe, scenarios: ScenarioSet, kind: str, label: str) -> dict[str, Any]:
    moves = scenarios.horizon_returns()
    unit = moves / np.std(moves, axis=0)
    weights = np.resize([42_000.0, 25_000.0, -18_000.0, 12_000.0], len(recipe.trades))
    columns = [weights[k] * unit[:, k % unit.shape[1]] for k in range(len(recipe.trades))]
    trades = np.column_stack(columns)
    total = trades.sum(axis=1)
    pd.DataFrame({"scenario": np.arange(len(total)), "total": total, **dict(zip(recipe.trades, trades.T, strict=True))}
                 ).to_parquet(folder / "pnl.parquet")  # fmt: skip
    loss = np.sort(-total)
    n = len(loss)
    var = float(np.quantile(loss, 0.99, method="inverted_cdf"))
    es = float(loss[loss >= np.quantile(loss, 0.975, method="inverted_cdf")].mean())
    order = np.argsort(total, kind="stable")[:10]
    worst = [
        {"scenario": int(i), "pnl": float(total[i]),
         "moves": dict(zip(scenarios.names, moves[i].tolist(), strict=True)),
         "trades": dict(zip(recipe.trades, trades[i].tolist(), strict=True))}
        for i in order
    ]  # fmt: skip
    _json(folder / "risk.json", {
        "label": label, "kind": kind, "base_currency": "USD", "portfolio": recipe.portfolio,
        "portfolio_value": 12_345_678.9, "as_of": f"{scenarios.as_of:%Y-%m-%d}", "horizon": scenarios.horizon,
        "scenarios": n,
        "measures": [
            {"measure": "VaR", "level": 0.99, "value": var, "lower": float(loss[int(0.988 * n)]),
             "upper": float(loss[int(0.992 * n)]), "confidence": 0.95, "convention": "inverted CDF, order statistics"},
            {"measure": "ES", "level": 0.975, "value": es, "lower": 0.965 * es, "upper": 1.036 * es,
             "confidence": 0.95, "convention": "mean beyond the quantile, inverted CDF"},
        ],
        "trades": [{"name": name, "instrument": "fx_forward", "description": "buys EUR 1,000,000 for USD on 2026-12-18",
                    "value": 100_000.0 * (k + 1)} for k, name in enumerate(recipe.trades)],
        "worst": worst,
        "static_market": [],
    })  # fmt: skip
    return {"label": label, "kind": kind, "var": var, "es": es}


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture(scope="session")
def run_builder() -> Callable[..., list[Artifact]]:
    """`build`, for tests that need a run of their own."""
    return build


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def risks(store: Store) -> list[Artifact]:
    """The risk artifacts of a run with five models, four factors and one day."""
    return build(store)


@pytest.fixture(scope="session")
def page(risks: Sequence[Artifact], store: Store) -> str:
    """The report on them."""
    from qfin.report import collect, render

    return render(collect(risks, store))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless browser."""
    path = os.environ.get("QFIN_CHROMIUM", "/usr/bin/chromium")
    if not Path(path).is_file():
        pytest.skip(f"there is no browser at {path}; apt-get install chromium, or set QFIN_CHROMIUM")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()
