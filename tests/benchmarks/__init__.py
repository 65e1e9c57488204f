"""The benchmarks: their command lines, and the pieces a figure hangs on."""
