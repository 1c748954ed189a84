"""The tables of a group, one file a table: an analysis → figures."""
