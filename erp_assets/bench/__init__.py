"""Measurements and the replay of real transactions; nothing else imports this."""
