"""`accelerate launch -m animate.training CONFIG.yaml`: `animate train` in several processes."""

import sys

from animate.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
