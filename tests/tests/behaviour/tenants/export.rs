//! What is exported of a tenant is what is recorded of it, and can be written anywhere else.

use super::{ACME, House, OTHER, houses};
use statewright::Repository;
use statewright::store::{
    Append, Head, Kind, MemoryStore, Outcome, Record, Revision, Shard, Store, StreamId, Unit,
};
use statewright::tenant::{Export, ExportLine};
use statewright_tests::Door;
use std::collections::BTreeSet;
use std::sync::Arc;

async fn lines(mut export: Export) -> Vec<ExportLine> {
    let mut lines = Vec::new();
    while let Some(line) = export.try_next().await.expect("it reads") {
        assert!(!line.contains('\n'), "one line is one line");
        lines.push(serde_json::from_str(&line).expect("it is read again"));
    }
    lines
}

/// Every record of a tenant, by shard and stream.
async fn recorded(store: &dyn Store, tenant: &str) -> Vec<Record> {
    let mut all = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        for stream in store.streams(shard, None, 10_000).await.expect("it reads") {
            if *stream.tenant == *tenant {
                all.extend(store.read(&stream, Revision(0), 10_000).await.expect("it reads").0);
            }
        }
    }
    all
}

/// The records between the first line and the last, which are right.
fn inside(lines: Vec<ExportLine>, tenant: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let count = lines.len();
    for (place, line) in lines.into_iter().enumerate() {
        match line {
            ExportLine::Begin { format, tenant: whose, .. } => {
                assert_eq!((place, format, &*whose), (0, 1, tenant));
            }
            ExportLine::Record(record) => records.push(record.into_record(tenant)),
            ExportLine::End { instances, records: told } => {
                assert_eq!(place, count - 1);
                let streams: BTreeSet<_> = records.iter().map(|record| &record.stream).collect();
                assert_eq!((instances, told), (streams.len() as u64, records.len() as u64));
            }
            other => panic!("{other:?}"),
        }
    }
    records
}

/// Writes records into another store.
async fn import(store: &dyn Store, records: &[Record]) {
    let mut heads = std::collections::BTreeMap::<StreamId, Head>::new();
    for record in records {
        let after = heads.get(&record.stream).copied().unwrap_or_default();
        let append = Append { stream: record.stream.clone(), after, steps: vec![record.step.clone()] };
        let Some(Outcome::Appended(head)) = store.append(vec![append], Unit::Each).await.pop() else {
            panic!("it does not fit")
        };
        assert_eq!(head.revision, record.revision);
        heads.insert(record.stream.clone(), head);
    }
}

#[tokio::test]
async fn an_export_is_the_log_of_the_tenant_and_becomes_one_again() {
    for (house, _folder) in houses().await {
        for tenant in [ACME, OTHER, ""] {
            house.furnish(tenant).await;
        }
        house.doors.tenant(ACME).expect("an id").instance("gone").delete().await.expect("it ends");
        house.close().await;
        check(&house).await;
    }
}

async fn check(house: &House) {
    let wanted = recorded(&*house.store, ACME).await;
    assert!(wanted.iter().any(|record| record.step.kind == Kind::Deleted));
    assert!(wanted.iter().any(|record| &*record.stream.machine == "Kettle"));
    let export = house.doors.tenant(ACME).expect("an id").export();
    let records = inside(lines(export).await, ACME);
    assert_eq!(records, wanted);
    let copy: Arc<dyn Store> = Arc::new(MemoryStore::with_shards(3));
    import(&*copy, &records).await;
    let (here, there) = (house.doors.repository(), Repository::<Door>::new(Arc::clone(&copy)));
    let stream = here.stream(ACME, "b/c");
    let (here, there) = (here.load(&stream).await, there.load(&stream).await);
    let (here, there) = (here.expect("it loads"), there.expect("it loads"));
    assert_eq!(here.instance.data(), there.instance.data());
    assert_eq!((here.instance.state(), here.revision()), (there.instance.state(), there.revision()));
    let nobody = house.doors.tenant("nobody").expect("an id").export();
    assert_eq!(inside(lines(nobody).await, "nobody"), vec![]);
}

/// More records than a page, of one instance and of many.
#[tokio::test]
async fn a_long_export_is_read_page_by_page() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_shards(2));
    let house = House::new(Arc::clone(&store)).await;
    let tenant = house.kettles.tenant(ACME).expect("an id");
    for n in 0..600 {
        let instance = if n < 300 { "long".to_owned() } else { format!("short-{n}") };
        let refused = tenant.instance(&instance).command(&n.to_string()).record_rejection();
        refused.fire(statewright_tests::kettle::KettleTrigger::Empty).await.expect_err("it is empty");
    }
    let records = inside(lines(tenant.export()).await, ACME);
    assert_eq!(records.len(), 600);
    assert_eq!(records, recorded(&*store, ACME).await);
    house.close().await;
}
