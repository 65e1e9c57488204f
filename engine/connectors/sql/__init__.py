"""Other people's databases both ways: rows above a high-water mark of a view, rows into an interface table."""
