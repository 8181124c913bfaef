import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # of torch's threads: who waits leaves the core to other workers
