"""Files of checkpoints: read as recorded or not at all, written whole or not at all."""
