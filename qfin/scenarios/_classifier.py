"""Can a classifier tell scenarios from history?"""

from __future__ import annotations

import numpy as np

from qfin.scenarios._discrepancy import Discrepancy
from qfin.scenarios._samples import History, Samples, Scenarios, thin

_ROWS = 2_000
_Z95 = 1.6448536269514722


def classifier_scores(scenarios: Scenarios, history: History, seed: int = 0) -> list[Discrepancy]:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017): accuracy and AUC; 1/2 where nothing tells them apart.

    Gradient-boosted trees on one-day returns, as many scenarios as days and at most 2,000 evenly spaced ones of each;
    fitted to a random half of the rows and tested on the other. Not cross-validated: folds share their training rows,
    and p-values that ignore it reject a perfect model too often. The accuracy's p-value is normal with variance
    1 / (4 rows), the AUC's that of the Mann-Whitney U statistic; both take days as independent.

    Parameters
    ----------
    scenarios : a set, or shape (n, d) or (n, h, d)
    history : shape (days, d)
    seed : of the split
    """
    from scipy.stats import mannwhitneyu, norm
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import train_test_split
    from threadpoolctl import threadpool_limits

    samples = Samples.of(scenarios, history)
    m = min(len(samples.scenarios), len(samples.history), _ROWS)
    X = np.concatenate([thin(samples.scenarios, m), thin(samples.history, m)])
    drawn = np.arange(2 * m) < m
    X_train, X_test, y_train, y_test = train_test_split(
        X, drawn, test_size=0.5, stratify=drawn, random_state=seed
    )
    trees = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=seed
    )
    with threadpool_limits(
        1
    ):  # on a busy machine threads that wait for each other take minutes over small trees
        chance = trees.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    n, positive = len(y_test), int(y_test.sum())
    accuracy, deviation = float(np.mean((chance > 0.5) == y_test)), np.sqrt(0.25 / n)
    test = mannwhitneyu(chance[y_test], chance[~y_test], alternative="greater", method="asymptotic")
    pairs = positive * (n - positive)
    auc, auc_deviation = float(test.statistic / pairs), np.sqrt((n + 1) / (12 * pairs))
    p_value = float(norm.sf((accuracy - 0.5) / deviation))
    return [
        Discrepancy("classifier accuracy", accuracy, None, 0.5, float(0.5 + _Z95 * deviation), p_value),
        Discrepancy("classifier AUC", auc, None, 0.5, float(0.5 + _Z95 * auc_deviation), float(test.pvalue)),
    ]
