"""Cells in jobs of a SLURM cluster."""
