"""What a comparison found, for people and for machines: one file a format, each with `render`."""
