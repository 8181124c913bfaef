"""Random streams that are named by what they are for, so that a draw depends on nothing else."""

from __future__ import annotations

from hashlib import blake2b

import torch

__all__ = ["stream"]


def stream(*name: object) -> torch.Generator:
    """A CPU generator whose draws depend on `name` alone, e.g. ``stream("noise", seed, block)``."""
    # torch's CPU generator keeps 32 bits of its seed, so the name is hashed into them.
    digest = blake2b("/".join(map(str, name)).encode(), digest_size=4).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))
