"""The Dagster side: assets, checks, jobs; the only package that imports dagster."""
