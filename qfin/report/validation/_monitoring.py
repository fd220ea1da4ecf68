"""What is to be watched while a model is in use, and from which figure on something is to be done."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import binom

from qfin.report import _format as form
from qfin.report.validation._data import ValidationData

_YEAR = 250
_AMBER, _RED = 0.95, 0.9999  # Basel's zones
_REFIT_EVERY = 250
_SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Limit:
    """One thing to watch.

    Attributes
    ----------
    what : the figure
    how : where it comes from
    often : when it is looked at
    amber : from when on somebody looks into it
    red : from when on the model is not used without consent
    """

    what: str
    how: str
    often: str
    amber: str
    red: str


def monitoring(data: ValidationData) -> list[Limit]:
    """The plan, with limits that follow from the model's own levels and tests."""
    refit, significance = _REFIT_EVERY, _SIGNIFICANCE
    if data.backtest is not None:
        refit = int(data.backtest.about.get("refit_every", refit))
        significance = float(data.backtest.about["significance"])
    var = data.report.main.measure("VaR")
    return [
        *([_hits(var.level)] if var else []),
        _evidence(significance),
        Limit(
            "Tests of VaR and ES",
            "`qfin backtest`, P&L that does not overlap",
            "each quarter",
            f"a test rejects at {form.percent(significance, 0)}",
            "Kupiec, Christoffersen or Acerbi-Székely rejects in two quarters running",
        ),
        Limit(
            "Held-out score against the closest rival",
            "`qfin run`: the report's first page",
            "each refit",
            "the interval of the difference lies below 0",
            "it does at two refits running: use the rival",
        ),
        Limit(
            "Parameters",
            "`qfin backtest`: this document's section on stability",
            "each refit",
            "one is further from earlier fits than these from each other",
            "the same one at two refits running",
        ),
        Limit(
            "Data",
            "`qfin ingest`: quality.json",
            "each run",
            "an oddity that is not explained",
            "an error: nothing is published and the last good figures stand",
        ),
        Limit(
            "Age of the fit",
            "as-of date of the train artifact",
            "each day",
            f"more than {form.number(refit)} days",
            f"more than {form.number(2 * refit)} days",
        ),
        *_certificate(data),
        Limit(
            "Reproduction",
            f"`qfin replay {data.risk}`",
            "each change of qfin or a library",
            "timings or settings differ",
            "a figure differs",
        ),
    ]


def _hits(level: float) -> Limit:
    """Basel's zones of the number of hits, carried over to the VaR's own level."""
    amber, red = (int(binom.ppf(zone, _YEAR, 1.0 - level)) for zone in (_AMBER, _RED))
    return Limit(
        f"Losses beyond VaR {100 * level:g}% in {_YEAR} days",
        "`qfin backtest`: daily.parquet",
        "each day",
        f"{amber} (a right model stays below with {form.percent(float(binom.cdf(amber - 1, _YEAR, 1 - level)))})",
        f"{red} ({form.percent(float(binom.cdf(red - 1, _YEAR, 1 - level)), 2)})",
    )


def _evidence(significance: float) -> Limit:
    """Ville's inequality: a right model ever gets to 1/p with probability p at most."""
    return Limit(
        "Running evidence against the ES (e-value)",
        "`qfin backtest`: daily.parquet",
        "each day",
        f"{1 / (2 * significance):g} (a right model ever gets there with {form.percent(2 * significance, 0)} at most)",
        f"{1 / significance:g} ({form.percent(significance, 0)} at most)",
    )


def _certificate(data: ValidationData) -> list[Limit]:
    said = data.report.main.certificate
    if said is None:
        return []
    bound = float(said["bound"])
    return [
        Limit(
            f"Distance of draws on {data.report.main.backend} from the exact circuit",
            "certificate of the scenario set",
            "each run",
            f"{form.number(bound / 2, 4)}",
            f"{form.number(bound, 4)}",
        )
    ]
