"""The validation pack: what a validator needs to judge a scenario set, in one document that prints."""

from qfin.report.validation._data import ValidationData
from qfin.report.validation._findings import Finding, Status, findings
from qfin.report.validation._monitoring import monitoring
from qfin.report.validation._view import render_validation

__all__ = ["Finding", "Status", "ValidationData", "findings", "monitoring", "render_validation"]
