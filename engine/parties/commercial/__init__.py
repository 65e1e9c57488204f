"""Commercial health insurance (商保) that pays the hospital directly."""
