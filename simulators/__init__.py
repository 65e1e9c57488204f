"""Every outside party of a hospital as a real server, for demonstrations, tests and joint debugging (联调).

Nothing here imports the engine: the parties have their own wire code, so that a mistake shared
by both sides cannot hide.
"""
