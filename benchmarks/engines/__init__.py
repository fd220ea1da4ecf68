"""The engines that `benchmarks/gradient.py` measures, each in a process of its own."""
