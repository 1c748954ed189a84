"""The distillation methods, one file a paper. The table of names is `methods.table`."""
