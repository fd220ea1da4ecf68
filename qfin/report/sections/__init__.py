"""The sections of the report, each as plain values and finished figures for the template; None where there is nothing
to show."""
