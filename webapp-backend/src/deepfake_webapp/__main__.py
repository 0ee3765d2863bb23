"""``python -m deepfake_webapp``."""

from deepfake_webapp.cli import main

main()
