"""Latent space to touch: the page, and what it needs to run a model in the browser."""
