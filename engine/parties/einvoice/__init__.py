"""Electronic medical invoices: the port, and the Bosssoft wrapper on it."""
