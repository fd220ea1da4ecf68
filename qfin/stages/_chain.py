"""The artifacts from a history to the risk figures of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qfin.errors import ConfigError
from qfin.store import Artifact, Store


@dataclass(frozen=True)
class Chain:
    """What one `risk` artifact was made from, stage by stage."""

    history: Artifact
    encoding: Artifact
    model: Artifact
    scenarios: Artifact
    risk: Artifact

    @classmethod
    def of(cls, risk: Artifact, store: Store) -> Chain:
        """The chain that ends in a `risk` artifact.

        Raises
        ------
        ConfigError
            if it is an artifact of another stage.
        """
        if risk.stage != "risk":
            raise ConfigError(f"{risk.ref} is an artifact of {risk.stage!r}; wanted one of 'risk'")
        scenarios = store.get(risk.parents["scenarios"])
        model = store.get(scenarios.parents["model"])
        encoding = store.get(model.parents["encoding"])
        return cls(store.get(encoding.parents["history"]), encoding, model, scenarios, risk)

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """From the history to the figures."""
        return self.history, self.encoding, self.model, self.scenarios, self.risk

    @property
    def spec(self) -> Mapping[str, Any]:
        """The dependence model's."""
        spec: Mapping[str, Any] = self.model.inputs["dependence"]
        return spec

    @property
    def seed(self) -> int:
        """Of the draws."""
        return int(self.scenarios.inputs["seed"])
