"""Frozen tables: the database itself refuses to change or remove a row that was written once."""

from alembic import op

_VERBS = ("UPDATE", "DELETE")


def freeze(table: str) -> None:
    """From now on rows are only added."""
    if op.get_bind().dialect.name == "postgresql":
        _freeze_in_postgresql(table)
        return
    for verb in _VERBS:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def thaw(table: str) -> None:
    """Until `freeze` is called again, a migration may fill what it adds."""
    on_table = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
    for verb in _VERBS:
        op.execute(f"DROP TRIGGER {table}_refuse_{verb.lower()}{on_table}")
    if on_table:
        op.execute(f"DROP TRIGGER {table}_refuse_truncate{on_table}")


def _freeze_in_postgresql(table: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for verb in _VERBS:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
