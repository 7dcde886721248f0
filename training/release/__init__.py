"""From measured runs to what others see: the artifact, its model card, the documents' numbers.

The one room that knows all the others.
"""
