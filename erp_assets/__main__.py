"""`python -m erp_assets` is `erp`."""

from erp_assets.cli import main

if __name__ == "__main__":
    main()
