"""The layouts that captioned photos come in, one module each, all read into one `Source`.

A mistake raises `DatasetError` with the file and the line, or the entry, where it is.
"""
