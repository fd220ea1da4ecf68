"""The stages one after another, each from the artifact that is named or else from the stages before it."""

from __future__ import annotations

from collections.abc import Sequence

from flows import _artifacts, _tasks
from flows._environment import store_root
from flows._flow import date_run
from flows._tasks import Published, published
from qfin import stages
from qfin.errors import ConfigError
from qfin.stages.config import RunConfig
from qfin.store import Store


class Chain:
    """A run's stages as Prefect tasks, one at a time: QuantLib's evaluation date is the process's.

    Each method takes references (`stage/id`) of what it starts from. None means: whatever the configuration leads to,
    which costs a look-up where the store has it already. The first stage names the flow run after the history's last
    day.

    Parameters
    ----------
    config : everything that determines the run
    store : root of the store; None as in `Store`
    """

    def __init__(self, config: RunConfig, store: str | None) -> None:
        self.config = config
        self.root = store_root(store)
        self.store = Store(self.root)
        self._dated = False
        self.tuned: list[Published] = []

    def history(self, whole_run: bool = False) -> Published:
        """Prices read, checked and turned into returns; for a whole run, once models and portfolio fit them."""
        done = _tasks.ingest(self.config, self.root, whole_run)
        self._show("ingest", [done])
        return done

    def encoding(self, history: str | None = None) -> Published:
        """Volatility and marginals fitted, and the history put on the qubits' grid."""
        start = self._found("ingest", history) if history else self.history()
        done = _tasks.encode(self.config, start["ref"], self.root)
        self._show("encode", [done])
        return done

    def models(self, encoding: str | None = None) -> list[Published]:
        """The configured model trained, and its rivals after it."""
        start = self._found("encode", encoding) if encoding else self.encoding()
        specs = [self.config.dependence, *self.config.rivals]
        done = [_tasks.train(self.config, spec, start["ref"], self.root) for spec in specs]
        self._show("train", done)
        return done

    def scenarios(self, models: Sequence[str] | None = None) -> list[Published]:
        """Scenarios drawn from each model; what runs on a backend is tuned there, submitted, then collected."""
        start = [self._found("train", ref) for ref in models] if models else self.models()
        done = [self._drawn(one) for one in start]
        self._show("generate", done)
        return done

    def _drawn(self, model: Published) -> Published:
        ref, label = model["ref"], model["summary"]["label"]
        if stages.backend_of(self.config, self.store.get(ref)) is not None:
            drawn_from = model
            if self.config.tuning.steps:
                drawn_from = _tasks.tune(self.config, ref, self.root, label)
                self.tuned.append(drawn_from)
                self._show("tune", [drawn_from])
            _tasks.submit(self.config, drawn_from["ref"], self.root, label)
        return _tasks.generate(self.config, ref, self.root, label)

    def risks(self, scenarios: Sequence[str] | None = None) -> list[Published]:
        """The portfolio revalued under each scenario set."""
        start = [self._found("generate", ref) for ref in scenarios or self._checked_scenarios()]
        done = [_tasks.risk(self.config, one["ref"], self.root, one["summary"]["label"]) for one in start]
        self._show("risk", done)
        return done

    def stress(self, scenarios: str) -> Published:
        """The portfolio stressed under the model of a scenario set."""
        start = self._found("generate", scenarios)
        done = _tasks.stress(self.config, start["ref"], self.root, start["summary"]["label"])
        self._show("stress", [done])
        return done

    def race(self, history: str | None = None) -> Published:
        """All models of the race over the history, and a page of what came out."""
        start = self._found("ingest", history) if history else self.history()
        done = _tasks.race(self.config, start["ref"], self.root)
        self._show("race", [done])
        page = _tasks.report([done["ref"]], self.root)
        self._show("report", [page])
        _artifacts.verdict(self.store.get(done["ref"]), self.store.get(page["ref"]))
        return done

    def backtest(self, history: str | None = None) -> Published:
        """All fits of the backtest over the history, a task each, and the tests of what they forecast."""
        start = self._found("ingest", history) if history else self.history()
        planned = stages.fits(self.config, self.store.get(start["ref"]))
        made = [
            _tasks.forecast(self.config, start["ref"], number, self.root, fit.label)
            for number, fit in enumerate(planned)
        ]
        self._show("forecast", made)
        done = _tasks.backtest(self.config, start["ref"], refs(made), self.root)
        self._show("backtest", [done])
        page = _tasks.report([done["ref"]], self.root)
        self._show("report", [page])
        _artifacts.backtest(self.store.get(done["ref"]), self.store.get(page["ref"]))
        return done

    def report(self, risks: Sequence[str] | None = None, stress: str | None = None) -> Published:
        """All models side by side, the first as the one the report is about; without `risks` it is stressed, too."""
        start = [self._found("risk", ref) for ref in risks] if risks else self.risks()
        if not risks:
            stress = self.stress(self.store.get(start[0]["ref"]).parents["scenarios"])["ref"]
        done = _tasks.report([*refs(start), *([stress] if stress else [])], self.root)
        self._show("report", [done])
        _artifacts.outcome(self.store, done["ref"])
        return done

    def _checked_scenarios(self) -> list[str]:
        encoding = self.encoding(self.history(whole_run=True)["ref"])
        return refs(self.scenarios(refs(self.models(encoding["ref"]))))

    def _found(self, stage: str, ref: str) -> Published:
        artifact = self.store.get(ref)
        if artifact.stage != stage:
            raise ConfigError(
                f"{ref} is of the stage {artifact.stage}; one of the stage {stage} is needed here"
            )
        return published(artifact)

    def _show(self, stage: str, done: Sequence[Published]) -> None:
        if not self._dated:
            date_run(self.store, self.store.get(done[0]["ref"]))
            self._dated = True
        _artifacts.stage(stage, done)


def refs(done: Sequence[Published]) -> list[str]:
    """References of what was published."""
    return [one["ref"] for one in done]
