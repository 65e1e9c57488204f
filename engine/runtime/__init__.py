"""What moves: doors, the settlement driver, the outflow, the clock's channels, recovery, books."""
