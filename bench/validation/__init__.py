"""Validation: is a file a record, does it agree with itself, with its place, and with the other records?"""
