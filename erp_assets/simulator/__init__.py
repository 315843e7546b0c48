"""A local server that speaks the three protocols: a second opinion on the documents."""
