"""Two sets of records → what became better, worse, or cannot be compared."""
