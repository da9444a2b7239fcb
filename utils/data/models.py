"""Trained networks: their weights by name, and the Keras models that hold them."""
