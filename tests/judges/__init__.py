"""Independent judges: other people's clients and verifiers of these platforms, each in its own environment.

Neither the engine's wire code nor the simulators' decides here. A judge that cannot be had fails the run.
"""
