"""The interface lists against our own simulators: passing, and failing where a simulator is spoilt."""
