//! Row-level security: what a role that only reads is shown of the tables, and how that is installed and taken away.
//!
//! Two policies. Whoever is of the store's own roles is let through, and nobody else; records are shown to whoever may read
//! them as far as they are of the tenant that the connection names. It is forced, so that it holds for views of the owner
//! too. It knows no names of cells: the shelf is the store's own, and nobody else is shown any of it.

use crate::connections::Connections;
use crate::error::{Failure, PostgresError};
use crate::schema::{TABLES, check, literal};
use crate::statements::Statement;
use statewright::store::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

const DOING: &str = "protect the store";

/// The store's own roles: the owner, and who was granted all that a store needs.
const OWN: &str = "
WITH rights AS (
    SELECT c.relname, a.grantee, a.privilege_type FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
    WHERE c.relnamespace = $2::text::regnamespace AND c.relname IN ('shards', 'records', 'cells', 'versions')
), own AS (
    SELECT r.oid, quote_ident(r.rolname) AS name FROM pg_roles r
    WHERE r.oid = (SELECT relowner FROM pg_class WHERE relnamespace = $2::text::regnamespace AND relname = 'records')
        OR NOT EXISTS (
            SELECT FROM (VALUES ('shards', 'UPDATE'), ('records', 'INSERT'), ('cells', 'INSERT'), ('versions', 'USAGE'))
                AS needed (relname, privilege_type)
            WHERE (needed.relname, r.oid, needed.privilege_type) NOT IN (SELECT * FROM rights)
        )
)";

/// The role `$1` beside them: its name, whether it is bound by policies that are not its own, and the names of the own ones.
const ROLE: &str = "
SELECT quote_ident(r.rolname),
    NOT (r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT FROM own WHERE pg_has_role(r.oid, own.oid, 'MEMBER'))),
    (SELECT string_agg(own.name, ', ') FROM own)
FROM pg_roles r WHERE r.rolname = $1";

/// All others that have rights.
const OTHERS: &str = "
, granted AS (
    SELECT grantee FROM rights
    UNION SELECT a.grantee FROM pg_class c JOIN pg_attribute f ON f.attrelid = c.oid CROSS JOIN aclexplode(f.attacl) a
    WHERE c.relnamespace = $2::text::regnamespace AND c.relname IN ('shards', 'records', 'cells')
)
SELECT coalesce(quote_ident(r.rolname), 'PUBLIC') FROM granted LEFT JOIN pg_roles r ON r.oid = granted.grantee
WHERE granted.grantee NOT IN (SELECT oid FROM own)";

/// Through a view of the owner everybody would have the owner's policy, so it looks at who asks: the sequence is what no
/// grant on all tables hands out.
const TABLE: &str = "
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS statewright_store ON {table};
CREATE POLICY statewright_store ON {table} TO {own}
    USING ((SELECT has_sequence_privilege(current_user, {versions}::regclass, 'USAGE')));
REVOKE ALL ON {table} FROM {role};";

/// A setting that was set and is not any more is empty.
const READING: &str = "
DROP POLICY IF EXISTS statewright_tenant ON {schema}.records;
CREATE POLICY statewright_tenant ON {schema}.records FOR SELECT
    USING (tenant = (SELECT nullif(current_setting('statewright.tenant', true), '')));
REVOKE ALL ON SEQUENCE {schema}.versions FROM {role};
REVOKE ALL ON SCHEMA {schema} FROM {role};
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON {schema}.records TO {role};";

const TABLE_NO_MORE: &str = "
DROP POLICY IF EXISTS statewright_tenant ON {table};
DROP POLICY IF EXISTS statewright_store ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;";

/// Who waits for a table that somebody reads makes all wait that come behind.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '1s';";

/// Lets the role read, and binds everybody who is not the store.
pub(crate) async fn protect(connections: &Connections, role: &str) -> Result<(), StoreError> {
    check(connections, None).await?;
    let asked = ask(connections, ROLE, role).await?;
    let refused = |error| connections.name.own(DOING, error);
    let row = asked.first().ok_or_else(|| refused(PostgresError::NoRole { role: role.to_owned() }))?;
    if !row.get::<_, bool>(1) {
        return Err(refused(PostgresError::Unbound { role: role.to_owned() }));
    }
    let own: &str = row.get(2);
    let versions = literal(&format!("{}.versions", connections.schema));
    let tables = for_each_table(connections, TABLE).replace("{own}", own).replace("{versions}", &versions);
    let reading = READING.replace("{schema}", &connections.schema);
    let script = format!("{BEGIN} {tables} {reading} COMMIT").replace("{role}", row.get(0));
    connections.script(DOING, &script).await
}

/// Takes all of that away, and before it the rights of everybody who is not the store.
pub(crate) async fn unprotect(connections: &Connections) -> Result<(), StoreError> {
    check(connections, None).await?;
    let others = ask(connections, OTHERS, "").await?;
    let revoke = |row: &Row| {
        let tables = for_each_table(connections, "REVOKE ALL ON {table} FROM {role} CASCADE;");
        let versions =
            format!("REVOKE ALL ON SEQUENCE {}.versions FROM {{role}} CASCADE;", connections.schema);
        (tables + &versions).replace("{role}", row.get(0))
    };
    let revoked: String = others.iter().map(revoke).collect();
    let tables = for_each_table(connections, TABLE_NO_MORE);
    connections.script(DOING, &format!("{BEGIN} {revoked} {tables} COMMIT")).await
}

/// In the order in which the store's transactions take them.
fn for_each_table(connections: &Connections, sql: &str) -> String {
    let table = |table| sql.replace("{table}", &format!("{}.{table}", connections.schema));
    TABLES.map(table).concat()
}

async fn ask(connections: &Connections, what: &str, role: &str) -> Result<Vec<Row>, StoreError> {
    let roles = Statement { name: "roles", sql: [OWN, what].concat(), types: &[Type::TEXT, Type::TEXT] };
    connections.query(DOING, &roles, &[&role, &connections.schema]).await.map_err(Failure::error)
}
