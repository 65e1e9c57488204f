"""A hospital's configuration directory, read, checked and compiled."""
