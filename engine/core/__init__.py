"""The nouns everything else is made of. Standard library only; no I/O, no clock of its own."""
