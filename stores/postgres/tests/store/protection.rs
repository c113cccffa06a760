//! A role that only reads is shown the records of the tenant that its connection names, and nothing else; the store's own
//! roles notice nothing of it.

use crate::place::{client_at, newest, oldest, told, unique, url_as, version};
use statewright::store::conformance::Place;
use statewright::store::{
    Append, CellKey, Head, Kind, Outcome, Put, RecordedStep, Revision, Shard, Store, StreamId, Unit,
};
use statewright_postgres::{Options, PostgresStore};
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// A store whose owner is no superuser, with a role that writes it and one that is to read.
pub(crate) struct Site {
    server: &'static str,
    pub(crate) schema: String,
    admin: Client,
}

impl Site {
    pub(crate) async fn on(server: &'static str) -> Self {
        let site = Self { server, schema: unique("guarded"), admin: client_at(server).await };
        for role in ["owner", "app", "reader"].map(|who| site.role(who)) {
            site.script(&format!("CREATE ROLE {role} LOGIN PASSWORD '{role}'")).await;
        }
        // It may make tables there, and no schema.
        site.script("CREATE SCHEMA {schema} AUTHORIZATION {owner}").await;
        site.options("owner").create().await.expect("it is made");
        site.script(
            "GRANT USAGE ON SCHEMA {schema} TO {app};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {app}",
        )
        .await;
        site
    }

    pub(crate) async fn protected(server: &'static str) -> Self {
        let site = Self::on(server).await;
        site.options("owner").protect(&site.role("reader")).await.expect("it is protected");
        site
    }

    pub(crate) fn role(&self, who: &str) -> String {
        format!("{}_{who}", self.schema)
    }

    pub(crate) fn options(&self, who: &str) -> Options {
        let options = Options::from_url(&url_as(self.server, &self.role(who))).expect("it parses");
        options.schema(&self.schema)
    }

    pub(crate) async fn client(&self, who: &str) -> Client {
        client_at(&url_as(self.server, &self.role(who))).await
    }

    async fn store(&self, who: &str) -> PostgresStore {
        self.options(who).open().await.expect("it opens")
    }

    fn text(&self, sql: &str) -> String {
        let sql = ["owner", "app", "reader"]
            .into_iter()
            .fold(sql.to_owned(), |sql, who| sql.replace(&format!("{{{who}}}"), &self.role(who)));
        sql.replace("{schema}", &self.schema)
    }

    /// As superuser.
    async fn script(&self, sql: &str) {
        self.admin.batch_execute(&self.text(sql)).await.expect("it is carried out");
    }

    async fn count(&self, client: &Client, sql: &str) -> i64 {
        client.query_one(&self.text(sql), &[]).await.expect("it is counted").get(0)
    }

    async fn refusal(&self, client: &Client, sql: &str) -> SqlState {
        let refused = client.batch_execute(&self.text(sql)).await.expect_err(sql);
        refused.code().expect("the server said so").clone()
    }

    pub(crate) async fn remove(self) {
        self.script("DROP SCHEMA {schema} CASCADE; DROP OWNED BY {owner}, {app}, {reader}; DROP ROLE {owner}, {app}, {reader}")
            .await;
    }
}

/// A protected store, opened by a role that writes it and does not own it.
pub(crate) struct Protected(Site);

impl Place for Protected {
    async fn fresh() -> Self {
        Self(Site::protected(newest()).await)
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.store("app").await)
    }

    async fn remove(self) {
        self.0.remove().await;
    }
}

/// Tenants with instances of the same ids; the last ones are of nobody, and of one whose name is a condition.
const TENANTS: [&str; 4] = ["acme", "globex", "", "' OR true --"];

const INSTANCES: u64 = 20;

/// Three records of each instance.
async fn fill(store: &dyn Store) {
    for tenant in TENANTS {
        for n in 0..INSTANCES {
            append(store, &StreamId::new(tenant, "Order", &format!("order-{n}")), 0, 3).await;
        }
        let key = format!("personal/key/{}/{tenant}/0123", tenant.len());
        let keys = [format!("snapshot/{tenant}"), key];
        let put = |name: String| {
            let key = CellKey { shard: Shard(0), name: name.into() };
            Put { key, version: Some(0), value: Some(tenant.as_bytes().to_vec().into()) }
        };
        let written = store.put(keys.map(put).into()).await.expect("it is written");
        assert!(written.iter().all(Option::is_some), "{written:?}");
    }
}

async fn append(store: &dyn Store, stream: &StreamId, after: u64, steps: usize) {
    let steps = vec![RecordedStep { command: "one".into(), ..RecordedStep::default() }; steps];
    let after = Head { revision: Revision(after), token: after };
    let asked = vec![Append { stream: stream.clone(), after, steps }];
    let outcome = store.append(asked, Unit::Each).await.remove(0);
    assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
}

const RECORDS: &str = "SELECT count(*) FROM {schema}.records";

/// Of each tenant.
const OWN: i64 = INSTANCES.cast_signed() * 3;

async fn a_reader_sees_the_tenant_it_names(server: &'static str) {
    let site = Site::protected(server).await;
    fill(&site.store("app").await).await;
    let reader = site.client("reader").await;
    assert_eq!(site.count(&reader, RECORDS).await, 0, "none is named");
    for tenant in TENANTS {
        reader.query("SELECT set_config('statewright.tenant', $1, false)", &[&tenant]).await.expect("set");
        let seen = if tenant.is_empty() { 0 } else { OWN };
        assert_eq!(site.count(&reader, RECORDS).await, seen, "{tenant}");
        let foreign = site.text("SELECT count(*) FROM {schema}.records WHERE tenant <> $1");
        let foreign = reader.query_one(&foreign, &[&tenant]).await.expect("it is counted");
        assert_eq!(foreign.get::<_, i64>(0), 0, "{tenant}");
    }
    reader.batch_execute("RESET statewright.tenant").await.expect("it is set no more");
    assert_eq!(site.count(&reader, RECORDS).await, 0, "none is named any more");
    reader.batch_execute("BEGIN; SET LOCAL statewright.tenant = 'acme'").await.expect("it begins");
    assert_eq!(site.count(&reader, RECORDS).await, OWN);
    reader.batch_execute("COMMIT").await.expect("it ends");
    assert_eq!(site.count(&reader, RECORDS).await, 0, "it was named for one transaction");
    site.remove().await;
}

async fn a_reader_writes_nothing_and_sees_no_cell(server: &'static str) {
    let site = Site::protected(server).await;
    fill(&site.store("app").await).await;
    let reader = site.client("reader").await;
    reader.batch_execute("SET statewright.tenant = 'acme'").await.expect("it is set");
    for sql in [
        "SELECT * FROM {schema}.cells",
        "SELECT * FROM {schema}.shards",
        "SELECT nextval('{schema}.versions')",
        "SELECT last_value FROM {schema}.versions",
        "INSERT INTO {schema}.records SELECT * FROM {schema}.records",
        "UPDATE {schema}.records SET body = ''",
        "DELETE FROM {schema}.records",
        "TRUNCATE {schema}.records",
        "SELECT * FROM {schema}.records FOR UPDATE",
        "UPDATE {schema}.shards SET position = 0",
        "DELETE FROM {schema}.cells",
        "CREATE TABLE {schema}.mine ()",
        "ALTER TABLE {schema}.records DISABLE ROW LEVEL SECURITY",
        "SET ROLE {owner}",
        "SET ROLE {app}",
    ] {
        assert_eq!(site.refusal(&reader, sql).await, SqlState::INSUFFICIENT_PRIVILEGE, "{sql}");
    }
    // Whoever may not pass by the policies cannot switch them off either.
    let off = "SET row_security = off; SELECT * FROM {schema}.records";
    assert_eq!(site.refusal(&reader, off).await, SqlState::INSUFFICIENT_PRIVILEGE);
    site.remove().await;
}

/// What an administrator does without a thought: rights on everything, and views for the dashboard.
async fn what_is_granted_by_mistake_shows_nothing_more(server: &'static str) {
    let site = Site::protected(server).await;
    fill(&site.store("app").await).await;
    site.script(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {reader};
        GRANT CREATE ON SCHEMA {schema} TO {app};
        SET ROLE {owner};
        CREATE VIEW {schema}.owned AS SELECT * FROM {schema}.records;
        CREATE VIEW {schema}.shelf AS SELECT * FROM {schema}.cells;
        SET ROLE {app};
        CREATE VIEW {schema}.written AS SELECT * FROM {schema}.records;
        RESET ROLE;
        GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.owned, {schema}.shelf, {schema}.written TO {reader}, PUBLIC",
    )
    .await;
    let reader = site.client("reader").await;
    for (tenant, seen) in [("", 0), ("acme", OWN)] {
        reader.query("SELECT set_config('statewright.tenant', $1, false)", &[&tenant]).await.expect("set");
        assert_eq!(site.count(&reader, RECORDS).await, seen);
        for table in ["cells", "shards"] {
            let all = format!("SELECT count(*) FROM {{schema}}.{table}");
            assert_eq!(site.count(&reader, &all).await, 0, "{table}");
        }
        for table in ["records", "cells", "shards"] {
            let delete = site.text(&format!("DELETE FROM {{schema}}.{table}"));
            assert_eq!(reader.execute(&delete, &[]).await.expect("there is nothing to delete"), 0, "{table}");
        }
        let insert =
            "INSERT INTO {schema}.cells (shard, name, version, value) VALUES (0, 'lease/mine', 1, '')";
        assert_eq!(site.refusal(&reader, insert).await, SqlState::INSUFFICIENT_PRIVILEGE);
        for view in ["owned", "written"] {
            let all = format!("SELECT count(*) FROM {{schema}}.{view}");
            assert_eq!(site.count(&reader, &all).await, seen, "{view}");
        }
        assert_eq!(site.count(&reader, "SELECT count(*) FROM {schema}.shelf").await, 0);
        let insert =
            "INSERT INTO {schema}.shelf (shard, name, version, value) VALUES (0, 'lease/mine', 1, '')";
        assert_eq!(site.refusal(&reader, insert).await, SqlState::INSUFFICIENT_PRIVILEGE);
    }
    // The next call puts it right, and does not take it for a role of the store.
    site.options("owner").protect(&site.role("reader")).await.expect("it is protected");
    assert_eq!(site.refusal(&reader, "SELECT * FROM {schema}.cells").await, SqlState::INSUFFICIENT_PRIVILEGE);
    site.remove().await;
}

/// Through every statement that a store has, by the owner, by a role that was granted what it needs, and by one that takes
/// the owner's role.
async fn the_stores_own_roles_go_on(server: &'static str) {
    let site = Site::protected(server).await;
    let taking = unique("taking");
    site.script(&format!("CREATE ROLE {taking} LOGIN NOINHERIT PASSWORD '{taking}' IN ROLE {{owner}}")).await;
    let as_owner = format!("{}?options=-c%20role%3D{}", url_as(server, &taking), site.role("owner"));
    let as_owner = Options::from_url(&as_owner).expect("it parses").schema(&site.schema);
    let superuser = Options::from_url(server).expect("it parses").schema(&site.schema);
    for (n, options) in [site.options("owner"), site.options("app"), as_owner, superuser].iter().enumerate() {
        let store = options.open().await.expect("it opens");
        let stream = StreamId::new("acme", "Order", &format!("{n}"));
        append(&store, &stream, 0, 1).await;
        append(&store, &stream, 1, 2).await;
        let (records, head) = store.read(&stream, Revision(0), 9).await.expect("it is read");
        assert_eq!((records.len(), head.revision), (3, Revision(3)));
        let deleted = RecordedStep { kind: Kind::Deleted, ..RecordedStep::default() };
        let append = Append { stream: stream.clone(), after: head, steps: vec![deleted] };
        let outcome = store.append(vec![append], Unit::Batch).await.remove(0);
        assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        store.erase(&stream).await.expect("it is erased");
        let (records, _) = store.read(&stream, Revision(0), 1).await.expect("it is read");
        assert_eq!(records[0].step.kind, Kind::Erased);
    }
    site.options("owner").create().await.expect("it is left as it is");
    site.script(&format!("DROP OWNED BY {taking}; DROP ROLE {taking}")).await;
    site.remove().await;
}

async fn every_table_is_protected_again_and_no_more(server: &'static str) {
    let site = Site::protected(server).await;
    fill(&site.store("app").await).await;
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p', 'm')";
    let forced = format!("{tables} AND relrowsecurity AND relforcerowsecurity");
    let policies = "SELECT count(*) FROM pg_policies WHERE schemaname = '{schema}'";
    let all = site.count(&site.admin, tables).await;
    assert!(all >= 3);
    let other = site.role("other");
    site.script(&format!("CREATE ROLE {other} LOGIN PASSWORD '{other}'")).await;
    let owner = site.options("owner");
    for _ in 0..2 {
        let (reader, role) = (site.role("reader"), site.role("other"));
        let (one, two) = tokio::join!(owner.protect(&reader), owner.protect(&role));
        one.and(two).expect("it is protected");
        assert_eq!(site.count(&site.admin, &forced).await, all);
        assert_eq!(site.count(&site.admin, policies).await, all + 1);
    }
    for who in ["reader", "other"] {
        let client = site.client(who).await;
        client.batch_execute("SET statewright.tenant = 'globex'").await.expect("it is set");
        assert_eq!(site.count(&client, RECORDS).await, OWN, "{who}");
    }
    site.script("GRANT SELECT (body) ON {schema}.records TO PUBLIC").await;
    for _ in 0..2 {
        owner.unprotect().await.expect("it is taken away");
        assert_eq!(site.count(&site.admin, &forced).await, 0);
        assert_eq!(site.count(&site.admin, policies).await, 0);
        for who in ["reader", "other"] {
            let client = site.client(who).await;
            for sql in [RECORDS, "SELECT body FROM {schema}.records"] {
                assert_eq!(
                    site.refusal(&client, sql).await,
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    "{who}: {sql}"
                );
            }
        }
        append(&site.store("app").await, &StreamId::new("acme", "Order", &unique("new")), 0, 1).await;
    }
    site.script(&format!("DROP OWNED BY {other}; DROP ROLE {other}")).await;
    site.remove().await;
}

async fn roles_that_nothing_binds_are_refused(server: &'static str) {
    let site = Site::on(server).await;
    let member = unique("member");
    let strong = unique("strong");
    site.script(&format!(
        "CREATE ROLE {member} IN ROLE {{app}} ROLE {{reader}}; CREATE ROLE {strong} NOLOGIN BYPASSRLS"
    ))
    .await;
    let owner = site.options("owner");
    for role in [site.role("owner"), site.role("app"), site.role("reader"), member.clone(), strong.clone()] {
        let error = owner.protect(&role).await.expect_err("it is not bound");
        assert!(told(&error).contains("does not bind the role"), "{role}: {}", told(&error));
    }
    let error = owner.protect("nobody there").await.expect_err("there is none");
    assert!(told(&error).contains("there is no role `nobody there`"), "{}", told(&error));
    let error = site.options("app").protect(&site.role("reader")).await.expect_err("it is not the owner");
    assert!(!error.is_retryable(), "{error:?}");
    let protected = "SELECT count(*) FROM pg_policies WHERE schemaname = '{schema}'";
    assert_eq!(site.count(&site.admin, protected).await, 0, "nothing was begun");
    site.script(&format!("DROP ROLE {member}, {strong}")).await;
    site.remove().await;
}

/// As the documentation says it.
async fn a_role_is_held_to_one_tenant(server: &'static str) {
    let site = Site::protected(server).await;
    fill(&site.store("app").await).await;
    site.script(
        "CREATE POLICY acme_alone ON {schema}.records AS RESTRICTIVE FOR SELECT TO {reader} USING (tenant = 'acme');
        ALTER ROLE {reader} SET statewright.tenant = 'acme'",
    )
    .await;
    let reader = site.client("reader").await;
    assert_eq!(site.count(&reader, RECORDS).await, OWN, "it is named by the role");
    reader.batch_execute("SET statewright.tenant = 'globex'").await.expect("anybody may");
    assert_eq!(site.count(&reader, RECORDS).await, 0);
    site.options("owner").protect(&site.role("reader")).await.expect("it is protected again");
    assert_eq!(site.count(&reader, RECORDS).await, 0, "a policy that is not the store's stays");
    site.remove().await;
}

/// Somebody who reads for long holds nobody up: the call gives in.
#[tokio::test]
async fn a_table_that_is_read_is_waited_for_in_time() {
    let site = Site::on(newest()).await;
    let long = site.client("app").await;
    long.batch_execute(&site.text("BEGIN; SELECT count(*) FROM {schema}.records")).await.expect("it reads");
    let error = site.options("owner").protect(&site.role("reader")).await.expect_err("somebody reads");
    assert!(error.is_retryable(), "{error:?}");
    long.batch_execute("COMMIT").await.expect("it ends");
    site.options("owner").protect(&site.role("reader")).await.expect("it is protected");
    site.remove().await;
}

macro_rules! on_each_server {
    ($($case:ident)*) => {
        mod newest {
            $(#[tokio::test] async fn $case() { super::$case(super::newest()).await; })*
        }
        mod oldest {
            $(#[tokio::test] async fn $case() { super::$case(super::oldest()).await; })*
        }
    };
}

/// What the versions between could do otherwise.
#[tokio::test]
async fn a_reader_sees_its_tenant_on_the_versions_between() {
    for major in [16, 17] {
        a_reader_sees_the_tenant_it_names(version(major)).await;
        what_is_granted_by_mistake_shows_nothing_more(version(major)).await;
        roles_that_nothing_binds_are_refused(version(major)).await;
    }
}

on_each_server! {
    a_reader_sees_the_tenant_it_names
    a_reader_writes_nothing_and_sees_no_cell
    what_is_granted_by_mistake_shows_nothing_more
    the_stores_own_roles_go_on
    every_table_is_protected_again_and_no_more
    roles_that_nothing_binds_are_refused
    a_role_is_held_to_one_tenant
}
