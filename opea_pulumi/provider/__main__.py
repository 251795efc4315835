"""``python -m opea_pulumi.provider ENGINE_ADDRESS``."""

from opea_pulumi.provider import main

if __name__ == "__main__":
    main()
