"""qfin: quantum scenario generation for market risk.

    prices -> returns -> volatility filter -> marginals -> dependence -> scenarios -> revaluation -> measures -> report

Each arrow is a room of its own (`qfin.market`, `qfin.volatility`, `qfin.marginals`, `qfin.dependence`,
`qfin.scenarios`, `qfin.risk`, `qfin.report`); `qfin.model.ScenarioModel` composes the generating ones.
"""

__version__ = "0.1.0"
