"""IBM Quantum: credentials, connection, jobs, and what a request costs on a device."""
