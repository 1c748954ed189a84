"""The tasks, one file a data set family. The table of names is `tasks.table`."""
