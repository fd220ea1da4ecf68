"""Assumptions of the method and what the figures can and cannot claim."""

from __future__ import annotations

from typing import Any

from qfin.report import _format as form
from qfin.report.validation._data import ValidationData


def assumptions(data: ValidationData) -> list[dict[str, str]]:
    """A row an assumption: what is assumed, what if it is wrong, and what here speaks to it."""
    report = data.report
    risk = report.risk["revaluation"]
    windows = f"{form.number(len(report.history.pseudo_observations))} days"
    rows = [
        (
            "Innovations of different days are independent once volatility is taken out.",
            "Losses cluster: hits come in runs.",
            "Christoffersen’s and the dynamic quantile test (outcomes).",
        ),
        (
            f"Marginals and dependence of the {windows} fitted are those of the days ahead.",
            "A dependence that moves is averaged over.",
            "Parameters over refits; sensitivity to the window; race on days not seen.",
        ),
        (
            "Beyond the sample the tail is what the marginals’ kind says.",
            "Losses that have never been seen are too small or too large.",
            "Tests of the ES; residuals beyond the VaR.",
        ),
        (
            "The portfolio stays as it is over the horizon"
            + ("; trades age." if risk["ageing"] else " and its age."),
            "Trading, exercise and rolling are not in the figures.",
            "Not tested: a matter of use.",
        ),
        (
            "A backtest values today’s portfolio in today’s market under past returns.",
            "It tests the model of returns, not the profit that was made.",
            "To be set beside the desk’s own actual and hypothetical P&L.",
        ),
    ]
    if report.static_market:
        items = ", ".join(_item(item) for item in report.static_market)
        rows.append(
            (
                f"Market data held constant in every scenario: {items}.",
                "Risk from their moves is missing.",
                "Not tested: add them as risk factors where they matter.",
            )
        )
    if risk["counts"]["proxy"]:
        rows.append(
            (
                f"{risk['counts']['proxy']} trades are valued by interpolants, with errors of at most "
                f"{form.money(float(risk['bound']), report.base_currency)} in all.",
                "Figures below the level named in the certificate carry that error.",
                "Certificate; implementation test of profit and loss.",
            )
        )
    return [dict(zip(("what", "wrong", "evidence"), row, strict=True)) for row in rows]


def claims(data: ValidationData) -> list[str]:
    """What may be said of quantum hardware on the strength of this set, and what may not."""
    main = data.report.main
    qubits = main.details.get("qubits") or main.details.get("inner", {}).get("qubits")
    if qubits is None:
        return [f"The model ({main.label}) is classical: nothing here speaks of quantum hardware."]
    rows = [_where_drawn(data, int(qubits))]
    if int(qubits) <= 30:
        rows.append(
            f"A circuit of {qubits} qubits is simulated exactly on an ordinary computer. Whatever the figures are "
            "worth, a classical computer gets them too: no quantum advantage is claimed, in speed or in quality."
        )
    return [
        *rows,
        "The held-out score and the tests judge the model as a statistical model. What they say holds for its exact "
        "probabilities; a device adds noise of its gates and read-out and of a finite number of shots, which "
        "`qfin generate --backend` certifies for a given device and calibration, and which these figures do not bound.",
        "Training used exact gradients of exact likelihoods. That training on a device would find the same angles is "
        "not shown here.",
    ]


def _where_drawn(data: ValidationData, qubits: int) -> str:
    main = data.report.main
    n = form.number(len(main.loss) * data.report.horizon)
    if main.certificate is None:
        return (
            f"Scenarios were drawn ({n} draws) from the exact outcome probabilities of the circuit of {qubits} qubits, "
            "computed without noise: those of a perfect device. Nothing ran on quantum hardware."
        )
    said = main.certificate
    passes = "passes" if said["passes"] else "does not pass"
    return (
        f"Scenarios were drawn ({n} shots) on {main.backend}; their Z-correlators are "
        f"{form.number(said['distance'], 4)} from the exact circuit’s, which {passes} the bound of "
        f"{form.number(said['bound'], 4)}. The claim reaches no "
        "further than these correlators, this device and the calibration of that day."
    )


def _item(item: Any) -> str:
    return str(item.get("item", item)) if isinstance(item, dict) else str(item)
