"""What a store holds about a scenario set: its rivals, races of its history, backtests of its model."""

from __future__ import annotations

from collections.abc import Sequence

from qfin.errors import ConfigError
from qfin.stages._chain import Chain
from qfin.stages.backtest import fit_of
from qfin.store import Artifact, Store


def evidence(risk: Artifact, store: Store, named: Sequence[Artifact] = ()) -> list[Artifact]:
    """Artifacts that say something of a `risk` artifact: risk of its rivals, one race, one backtest.

    Parameters
    ----------
    risk : whose model is looked at
    named : races and backtests to take; of a stage that none is named of, the one in the store is taken

    Raises
    ------
    ConfigError
        if what is named is of another history, portfolio or model, or the store has several and none is named.
    """
    chain = Chain.of(risk, store)
    found = _rivals(chain, store)
    for stage in ("race", "backtest"):
        given = [artifact for artifact in named if artifact.stage == stage]
        for artifact in given:
            _check(artifact, chain, store)
        if not given:
            given = [a for a in map(store.get, store.refs(stage)) if _why_not(a, chain, store) is None]
        if len(given) > 1:
            refs = ", ".join(sorted(artifact.ref for artifact in given))
            raise ConfigError(
                f"there are several of stage {stage!r} about {chain.scenarios.ref}: {refs}; name one"
            )
        found += given
    return found


def _rivals(chain: Chain, store: Store) -> list[Artifact]:
    """Risk of models of other kinds: same encoding, portfolio, measures and way of drawing."""
    found = [
        a
        for a in map(store.get, store.refs("risk"))
        if a.inputs == chain.risk.inputs and _is_rival(a, chain, store)
    ]
    return sorted(found, key=lambda artifact: (str(artifact.summary["label"]), artifact.ref))


def _is_rival(risk: Artifact, chain: Chain, store: Store) -> bool:
    scenarios, ours = store.get(risk.parents["scenarios"]), chain.scenarios.inputs
    model = store.get(scenarios.parents["model"])
    return (
        all(scenarios.inputs[name] == ours[name] for name in ("count", "horizon", "seed"))
        and model.parents["encoding"] == chain.encoding.ref
        and model.summary["kind"] != chain.model.summary["kind"]
    )


def _check(artifact: Artifact, chain: Chain, store: Store) -> None:
    why = _why_not(artifact, chain, store)
    if why is not None:
        raise ConfigError(f"{artifact.ref} says nothing of {chain.scenarios.ref}: {why}")


def _why_not(artifact: Artifact, chain: Chain, store: Store) -> str | None:
    """Why a race or backtest is not about the chain; None if it is."""
    if artifact.parents["history"] != chain.history.ref:
        return f"it is of {artifact.parents['history']}, the set of {chain.history.ref}"
    if artifact.stage == "race":
        return None
    first = store.get(artifact.parents["forecast_0"])
    if first.inputs["portfolio_hash"] != chain.risk.inputs["portfolio_hash"]:
        return f"its portfolio is {first.inputs['portfolio']!r}, not the one of {chain.risk.ref}"
    fit, encoded = fit_of(first), chain.encoding.inputs
    theirs = (fit.volatility, fit.marginals, fit.dependence)
    ours = (encoded["volatility"], encoded["marginals"], chain.spec)
    if theirs != ours:
        return f"its first model, {fit.name!r}, is another"
    return None
