"""The download of 50 MB of weights from a hub on the loopback into an empty cache, sha256 and every check included,
against hf_hub_download of the same files, which checks no hash. Goal: within 1.2."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, seconds, show

sys.path.insert(0, str(Path(__file__).parent.parent))  # for the hub of the tests

MEGABYTES = 50


def serve() -> None:
    """A hub with one model, until standard input ends; prints its address and the commit."""
    import hashlib

    import torch

    import genzoo
    from genzoo.hub.files import encode_weights
    from tests.hub.server import serve as hub

    weights = encode_weights({"x": torch.rand(MEGABYTES * 250_000, generator=torch.Generator().manual_seed(0))})
    record = genzoo.Checkpoint(
        name="large",
        family="ae",
        architecture="dense",
        config={"input_shape": (1, 28, 28), "latent_dim": 2},
        dataset="mnist",
        license="Apache-2.0",
        parameters=1,
        sha256=hashlib.sha256(weights).hexdigest(),
        size_bytes=len(weights),
    )
    with hub() as running:
        commit = running.add("me/large", {"genzoo.json": record.to_json().encode(), "model.safetensors": weights})
        print(running.endpoint, commit, flush=True)
        sys.stdin.read()


def main(home: Path) -> None:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        endpoint, commit = server.stdout.readline().split()
        os.environ |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        from huggingface_hub import hf_hub_download
        from huggingface_hub.utils.tqdm import disable_progress_bars

        from genzoo.catalog import find_checkpoint
        from genzoo.hub.pull import pull

        disable_progress_bars()

        def with_client() -> None:
            for name in ("genzoo.json", "model.safetensors"):
                hf_hub_download("me/large", name, revision=commit)

        def timed(download: object) -> float:
            shutil.rmtree(home, ignore_errors=True)
            assert callable(download)
            return seconds(download)

        candidates = {
            "hf_hub_download": lambda: timed(with_client),
            "genzoo pull": lambda: timed(lambda: pull(find_checkpoint(f"hf:me/large@{commit}"))),
        }
        show(f"Pull {MEGABYTES} MB", compare(candidates, rounds=15), "s")
        server.communicate()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder) / "home")
