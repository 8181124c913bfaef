"""Objectives: pure functions ``(model, batch, **config) -> {term: (n,) tensor}``; the term ``loss`` is minimised.

They know neither optimizers nor the loop. Terms are per example; the loop averages them.
"""
