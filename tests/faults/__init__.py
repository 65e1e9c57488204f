"""Each party × each misfortune of its menu, driven through the whole engine: the end and the books must be right."""
