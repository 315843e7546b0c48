"""The data platform a Korean online seller runs their shop on."""
