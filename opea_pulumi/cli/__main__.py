"""``python -m opea_pulumi.cli``."""

from ._main import main

main()
