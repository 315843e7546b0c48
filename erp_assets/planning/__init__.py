"""What the markets are to show: decisions as pure functions, each with its reason."""
