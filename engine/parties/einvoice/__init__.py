"""Electronic medical invoices through the Bosssoft wrapper."""
