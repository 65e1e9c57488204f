"""Configuration as text with places: the YAML reader, the specs of files, and what lint says."""
