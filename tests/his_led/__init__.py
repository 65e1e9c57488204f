"""The HIS leads: insurance and invoice inside its own answer, observed and reconciled."""
