"""How the schema came to be, one step a file; Alembic runs the steps that a database lacks."""
