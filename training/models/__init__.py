"""Pixels to feature maps (the encoder), and feature maps to words (the decoders).

Knows nothing of how a caption is searched for or how a model is trained.
"""
