"""Captioned photos: the data set, its words, cached feature maps, and batches of them.

Knows no model: what computes feature maps is passed in.
"""
