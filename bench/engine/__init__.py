"""One cell → one record: observed networks, batches, the loop, the clock, teachers, evaluation."""
