//! Every statement that an open store sends. Each names the shard in the key of every table it touches, so that a server
//! that spreads shards over machines sends it to one.
//!
//! What makes the tables stands in [`schema`](crate::schema).

use crate::schema::literal;
use tokio_postgres::types::Type;

/// One statement and the types of its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
    pub(crate) types: &'static [Type],
}

/// All of them, for one schema.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) store: Statement,
    pub(crate) bump: Statement,
    pub(crate) append_one: Statement,
    pub(crate) append_many: Statement,
    pub(crate) append_known: Statement,
    pub(crate) append_behind: Statement,
    pub(crate) head: Statement,
    pub(crate) read: Statement,
    pub(crate) scan: Statement,
    pub(crate) streams: Statement,
    pub(crate) erase: Statement,
    pub(crate) end: Statement,
    pub(crate) ends: Statement,
    pub(crate) get: Statement,
    pub(crate) list: Statement,
    pub(crate) put_new: Statement,
    pub(crate) put_at: Statement,
    pub(crate) put_any: Statement,
    pub(crate) remove_new: Statement,
    pub(crate) remove_at: Statement,
    pub(crate) remove_any: Statement,
    pub(crate) tell: Statement,
}

/// What a query for records selects, in this order, from `r`.
pub(crate) const COLUMNS: &str =
    "r.revision, r.kind, r.at, r.command, r.trigger, r.from_state, r.to_state, r.body";

const STREAM: &[Type] = &[Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT];

impl Statements {
    /// `schema` is quoted as it has to be.
    pub(crate) fn of(schema: &str) -> Self {
        let versions = literal(&format!("{schema}.versions"));
        let make = |name, types, sql: &str| Statement {
            name,
            sql: sql
                .replace("{probed}", PROBED)
                .replace("{asked}", ASKED)
                .replace("{columns}", COLUMNS)
                .replace("{versions}", &versions)
                .replace("{schema}", schema),
            types,
        };
        Self {
            store: make("store", &[Type::INT2], STORE),
            bump: make("bump", &[Type::INT2, Type::INT8], BUMP),
            append_one: make("append_one", APPEND_ONE_TYPES, APPEND_ONE),
            append_many: make("append_many", APPEND_MANY_TYPES, APPEND_MANY),
            append_known: make("append_known", APPEND_KNOWN_TYPES, APPEND_KNOWN),
            append_behind: make("append_behind", APPEND_MANY_TYPES, APPEND_BEHIND),
            head: make("head", STREAM, HEAD),
            read: make("read", READ_TYPES, READ),
            scan: make("scan", &[Type::INT2, Type::INT8, Type::INT8], SCAN),
            streams: make("streams", STREAMS_TYPES, STREAMS),
            erase: make("erase", ERASE_TYPES, ERASE),
            end: make("end", &[Type::INT2], END),
            ends: make("ends", &[Type::INT2_ARRAY], ENDS),
            get: make("get", &[Type::INT2, Type::TEXT_ARRAY], GET),
            list: make("list", LIST_TYPES, LIST),
            put_new: make("put_new", &[Type::INT2, Type::TEXT, Type::BYTEA], PUT_NEW),
            put_at: make("put_at", &[Type::INT2, Type::TEXT, Type::BYTEA, Type::INT8], PUT_AT),
            put_any: make("put_any", &[Type::INT2, Type::TEXT, Type::BYTEA], PUT_ANY),
            remove_new: make("remove_new", &[Type::INT2, Type::TEXT], REMOVE_NEW),
            remove_at: make("remove_at", &[Type::INT2, Type::TEXT, Type::INT8], REMOVE_AT),
            remove_any: make("remove_any", &[Type::INT2, Type::TEXT], REMOVE_ANY),
            tell: make("tell", &[Type::TEXT, Type::TEXT], TELL),
        }
    }

    pub(crate) fn all(&self) -> [&Statement; 22] {
        [
            &self.store,
            &self.bump,
            &self.append_one,
            &self.append_many,
            &self.append_known,
            &self.append_behind,
            &self.head,
            &self.read,
            &self.scan,
            &self.streams,
            &self.erase,
            &self.end,
            &self.ends,
            &self.get,
            &self.list,
            &self.put_new,
            &self.put_at,
            &self.put_any,
            &self.remove_new,
            &self.remove_at,
            &self.remove_any,
            &self.tell,
        ]
    }
}

const STORE: &str = "SELECT version, shards FROM {schema}.shards WHERE shard = $1";

/// Whoever bumps holds the shard until its transaction ends: what comes next in it is seen exactly.
const BUMP: &str = "UPDATE {schema}.shards SET position = position + $2 WHERE shard = $1 RETURNING position";

/// One step in one statement. Its look at the head may be older than its turn in the shard; then the unique key refuses it.
///
/// A server reads all of a page of an index that matches, also for the first entry. So the head is looked for behind what
/// is expected, where there is one entry as a rule, and only then in all of the stream.
const APPEND_ONE: &str = "
WITH head AS MATERIALIZED (
    (
        SELECT r.revision, r.kind FROM {schema}.records r
        WHERE r.shard = $1 AND r.tenant = $2 AND r.machine = $3 AND r.instance = $4 AND r.revision >= $5
        ORDER BY r.revision DESC LIMIT 1
    ) UNION ALL (
        SELECT r.revision, r.kind FROM {schema}.records r
        WHERE r.shard = $1 AND r.tenant = $2 AND r.machine = $3 AND r.instance = $4
        ORDER BY r.revision DESC LIMIT 1
    ) LIMIT 1
), bumped AS (
    UPDATE {schema}.shards SET position = position + 1
    WHERE shard = $1 AND coalesce((SELECT revision FROM head), 0) = $5
        AND (SELECT kind FROM head) IS DISTINCT FROM 'deleted'
    RETURNING position
), written AS (
    INSERT INTO {schema}.records
        (shard, position, tenant, machine, instance, revision, kind, at, command, trigger, from_state, to_state, body)
    SELECT $1, position, $2, $3, $4, $5 + 1, $6, $7, $8, $9, $10, $11, $12 FROM bumped
)
SELECT (SELECT position FROM bumped), NULL::int4, (SELECT revision FROM head), (SELECT kind FROM head)";

const APPEND_ONE_TYPES: &[Type] = &[
    Type::INT2,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
];

/// Many steps of one shard in one statement; answers with its new end, and with the requests that do not fit. As with
/// [`APPEND_ONE`] the look at a head may be older than the turn in the shard; then the unique key refuses all of it.
const APPEND_MANY: &str = "
WITH bumped AS (
    UPDATE {schema}.shards SET position = position + cardinality($2::int4[]) WHERE shard = $1 RETURNING position
), probed AS MATERIALIZED (
    {probed}
), written AS (
    INSERT INTO {schema}.records
        (shard, position, tenant, machine, instance, revision, kind, at, command, trigger, from_state, to_state, body)
    SELECT $1, s.position - cardinality($2) + p.place, p.tenant, p.machine, p.instance, p.after + 1 + p.step,
        p.kind, p.at, p.command, p.trigger, p.from_state, p.to_state, p.body
    FROM bumped s CROSS JOIN probed p
    WHERE coalesce(p.head, 0) = p.after AND p.last IS DISTINCT FROM 'deleted'
)
SELECT s.position, p.request, p.head, p.last
FROM bumped s LEFT JOIN probed p
    ON p.step = 0 AND NOT (coalesce(p.head, 0) = p.after AND p.last IS DISTINCT FROM 'deleted')";

/// The same behind a [`BUMP`], where every head is seen exactly.
const APPEND_BEHIND: &str = "
WITH probed AS MATERIALIZED (
    {probed}
), written AS (
    INSERT INTO {schema}.records
        (shard, position, tenant, machine, instance, revision, kind, at, command, trigger, from_state, to_state, body)
    SELECT $1, s.position - cardinality($2) + p.place, p.tenant, p.machine, p.instance, p.after + 1 + p.step,
        p.kind, p.at, p.command, p.trigger, p.from_state, p.to_state, p.body
    FROM {schema}.shards s CROSS JOIN probed p
    WHERE s.shard = $1 AND coalesce(p.head, 0) = p.after AND p.last IS DISTINCT FROM 'deleted'
)
SELECT s.position, p.request, p.head, p.last
FROM {schema}.shards s LEFT JOIN probed p
    ON p.step = 0 AND NOT (coalesce(p.head, 0) = p.after AND p.last IS DISTINCT FROM 'deleted')
WHERE s.shard = $1";

/// The same where the handle knows the heads, because it has written them itself and the shard still ends where it has left it. If
/// it does not, others have written: nothing is written then, and nothing answered.
const APPEND_KNOWN: &str = "
WITH bumped AS (
    UPDATE {schema}.shards SET position = position + cardinality($2::int4[])
    WHERE shard = $1 AND position = $15
    RETURNING position
), written AS (
    INSERT INTO {schema}.records
        (shard, position, tenant, machine, instance, revision, kind, at, command, trigger, from_state, to_state, body)
    SELECT $1, s.position - cardinality($2) + asked.place, asked.tenant, asked.machine, asked.instance,
        asked.after + 1 + asked.step, asked.kind, asked.at, asked.command, asked.trigger, asked.from_state, asked.to_state,
        asked.body
    FROM bumped s CROSS JOIN {asked}
)
SELECT position FROM bumped";

const APPEND_KNOWN_TYPES: &[Type] = &[
    Type::INT2,
    Type::INT4_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::INT4_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8,
];

/// The steps that are asked for, in rows.
const ASKED: &str = "unnest(
        $2::int4[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::int4[], $8::text[], $9::int8[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::text[]
    ) WITH ORDINALITY AS asked
        (request, tenant, machine, instance, after, step, kind, at, command, trigger, from_state, to_state, body, place)";

/// The steps that are asked for, each with the head of its stream, looked for as in [`APPEND_ONE`].
const PROBED: &str = "SELECT asked.*, head.revision AS head, head.kind AS last
    FROM {asked}
    LEFT JOIN LATERAL (
        (
            SELECT r.revision, r.kind FROM {schema}.records r
            WHERE r.shard = $1 AND r.tenant = asked.tenant AND r.machine = asked.machine AND r.instance = asked.instance
                AND r.revision >= asked.after
            ORDER BY r.revision DESC LIMIT 1
        ) UNION ALL (
            SELECT r.revision, r.kind FROM {schema}.records r
            WHERE r.shard = $1 AND r.tenant = asked.tenant AND r.machine = asked.machine AND r.instance = asked.instance
            ORDER BY r.revision DESC LIMIT 1
        ) LIMIT 1
    ) head ON true";

/// Those of [`APPEND_KNOWN_TYPES`] without the end that is expected.
const APPEND_MANY_TYPES: &[Type] = APPEND_KNOWN_TYPES.split_at(14).0;

const HEAD: &str = "
SELECT r.revision FROM {schema}.records r
WHERE r.shard = $1 AND r.tenant = $2 AND r.machine = $3 AND r.instance = $4
ORDER BY r.revision DESC LIMIT 1";

/// Records and head are of the same moment: one statement.
const READ: &str = "
SELECT head.revision, {columns}
FROM (
    SELECT h.revision FROM {schema}.records h
    WHERE h.shard = $1 AND h.tenant = $2 AND h.machine = $3 AND h.instance = $4
    ORDER BY h.revision DESC LIMIT 1
) head
LEFT JOIN LATERAL (
    SELECT * FROM {schema}.records r
    WHERE r.shard = $1 AND r.tenant = $2 AND r.machine = $3 AND r.instance = $4 AND r.revision > $5
    ORDER BY r.revision LIMIT $6
) r ON true";

const READ_TYPES: &[Type] = &[Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8, Type::INT8];

/// The end of the shard is of the same moment as its records, so a short page goes on behind places that stayed empty. That
/// places are above 0 is said for the index of places, which is of those: so nothing else is ever looked up in it.
const SCAN: &str = "
SELECT s.position, {columns}, r.tenant, r.machine, r.instance, r.position
FROM {schema}.shards s
LEFT JOIN LATERAL (
    SELECT * FROM {schema}.records r WHERE r.shard = $1 AND r.position > $2 AND r.position > 0 ORDER BY r.position LIMIT $3
) r ON true
WHERE s.shard = $1";

/// From one stream to the next by the key, however many records they have.
const STREAMS: &str = "
WITH RECURSIVE found AS (
    (
        SELECT r.tenant, r.machine, r.instance FROM {schema}.records r
        WHERE r.shard = $1 AND (r.tenant, r.machine, r.instance, r.revision) > ($2, $3, $4, $5)
        ORDER BY r.tenant, r.machine, r.instance, r.revision LIMIT 1
    )
    UNION ALL
    SELECT next.tenant, next.machine, next.instance FROM found CROSS JOIN LATERAL (
        SELECT r.tenant, r.machine, r.instance FROM {schema}.records r
        WHERE r.shard = $1 AND (r.tenant, r.machine, r.instance) > (found.tenant, found.machine, found.instance)
        ORDER BY r.tenant, r.machine, r.instance, r.revision LIMIT 1
    ) next
)
SELECT tenant, machine, instance FROM found LIMIT $6";

/// As [`READ_TYPES`]: behind a revision of an address, the last one there can be or none.
const STREAMS_TYPES: &[Type] = READ_TYPES;

/// Some revisions of a stream whose last record says that it was deleted.
const ERASE: &str = "
UPDATE {schema}.records r
SET kind = 'erased', command = '', trigger = '', from_state = '', to_state = '', body = $7
WHERE r.shard = $1 AND r.tenant = $2 AND r.machine = $3 AND r.instance = $4 AND r.revision > $5 AND r.revision <= $6
    AND r.kind NOT IN ('deleted', 'erased')
    AND (
        SELECT h.kind FROM {schema}.records h
        WHERE h.shard = $1 AND h.tenant = $2 AND h.machine = $3 AND h.instance = $4
        ORDER BY h.revision DESC LIMIT 1
    ) = 'deleted'";

const ERASE_TYPES: &[Type] =
    &[Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8, Type::INT8, Type::TEXT];

const END: &str = "SELECT position FROM {schema}.shards WHERE shard = $1";

const ENDS: &str = "SELECT shard, position FROM {schema}.shards WHERE shard = ANY ($1)";

const GET: &str = "SELECT name, version, value FROM {schema}.cells WHERE shard = $1 AND name = ANY ($2)";

const LIST: &str = "
SELECT name, version, value FROM {schema}.cells
WHERE shard = $1 AND name >= $2 AND name > $3 AND name < $4
ORDER BY name LIMIT $5";

const LIST_TYPES: &[Type] = &[Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8];

const PUT_NEW: &str = "
INSERT INTO {schema}.cells (shard, name, version, value) VALUES ($1, $2, nextval({versions}), $3)
ON CONFLICT (shard, name) DO NOTHING RETURNING version";

const PUT_AT: &str = "
UPDATE {schema}.cells SET version = nextval({versions}), value = $3
WHERE shard = $1 AND name = $2 AND version = $4 RETURNING version";

const PUT_ANY: &str = "
INSERT INTO {schema}.cells (shard, name, version, value) VALUES ($1, $2, nextval({versions}), $3)
ON CONFLICT (shard, name) DO UPDATE SET version = excluded.version, value = excluded.value RETURNING version";

const REMOVE_NEW: &str = "
SELECT nextval({versions})
WHERE NOT EXISTS (SELECT FROM {schema}.cells WHERE shard = $1 AND name = $2)";

const REMOVE_AT: &str = "
DELETE FROM {schema}.cells WHERE shard = $1 AND name = $2 AND version = $3
RETURNING nextval({versions})";

const REMOVE_ANY: &str = "
WITH gone AS (DELETE FROM {schema}.cells WHERE shard = $1 AND name = $2)
SELECT nextval({versions})";

/// Touches no table. It survives nothing, so it waits for no disk.
const TELL: &str = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
