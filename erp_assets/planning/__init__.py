"""What to write to the markets: decisions with a recorded reason, pure, and plans of them."""
