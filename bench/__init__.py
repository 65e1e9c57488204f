"""What the engine costs and how fast it is: `python -m bench`."""
