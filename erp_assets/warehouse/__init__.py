"""PostgreSQL: the embedded server, the schema, loading and reading."""
