"""The stages of a run: each publishes one artifact to a store; `run` composes them.

Importing this package is cheap; what a stage needs is imported when it works.
"""

from __future__ import annotations

from qfin.stages._progress import StageEvent, watching
from qfin.stages._validate_evidence import evidence
from qfin.stages.backend import backend_of, plan, submit
from qfin.stages.backtest import Fit, backtest, fits, forecast
from qfin.stages.diagnose import diagnose
from qfin.stages.encode import encode
from qfin.stages.generate import generate
from qfin.stages.ingest import ingest
from qfin.stages.race import race
from qfin.stages.replay import Replay, replay
from qfin.stages.report import report
from qfin.stages.risk import risk
from qfin.stages.run import ResultRow, RunResult, run
from qfin.stages.sensitivity import sensitivity
from qfin.stages.stress import stress
from qfin.stages.train import complete_spec, train
from qfin.stages.tune import tune
from qfin.stages.validate import validate

__all__ = [
    "Fit",
    "Replay",
    "ResultRow",
    "RunResult",
    "StageEvent",
    "backend_of",
    "backtest",
    "complete_spec",
    "diagnose",
    "encode",
    "evidence",
    "fits",
    "forecast",
    "generate",
    "ingest",
    "plan",
    "race",
    "replay",
    "report",
    "risk",
    "run",
    "sensitivity",
    "stress",
    "submit",
    "train",
    "tune",
    "validate",
    "watching",
]
