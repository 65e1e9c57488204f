"""Commercial health insurance that pays the hospital directly."""
