"""Executors run cells: given the cells of a plan, each yields their outcomes as they end."""
