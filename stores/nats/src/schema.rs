//! The two streams of a store: how they are made, and that they still are as they were made. Whoever changes what a store
//! stands on behind its back is refused by name.

use crate::error::NatsError;
use crate::link::Link;
use crate::options::Options;
use crate::subject::Subjects;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, Republish, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{self, ErrorCode, account::Account};
use statewright::store::StoreError;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// The schema of this version.
const SCHEMA: u32 = 1;

/// The oldest server whose replicated streams are sound and that has atomic batches.
const SERVER: (i64, i64, &str) = (2, 12, "2.12");

const SCHEMA_KEY: &str = "statewright.schema";
const SHARDS_KEY: &str = "statewright.shards";

/// What a store was made with.
pub(crate) struct Made {
    pub(crate) subjects: Subjects,
    pub(crate) shards: u16,
    /// Bytes of the largest message that the server takes.
    pub(crate) payload_max: usize,
}

pub(crate) async fn open(options: &Options) -> Result<(Link, Made), StoreError> {
    let link = connect(options).await?;
    let made = look(&link, options).await?;
    let none = || NatsError::NotMade { name: options.name.clone() }.store(&link.store, "open it");
    let made = made.ok_or_else(none)?;
    Ok((link, made))
}

pub(crate) async fn create(options: &Options) -> Result<(Link, Made), StoreError> {
    let link = connect(options).await?;
    let mut made = look(&link, options).await?;
    if made.is_none() {
        make(&link, options).await.map_err(|error| error.store(&link.store, "make it"))?;
        made = look(&link, options).await?;
    }
    let gone = || NatsError::NotMade { name: options.name.clone() }.store(&link.store, "make it");
    let made = made.ok_or_else(gone)?;
    Ok((link, made))
}

async fn connect(options: &Options) -> Result<Link, StoreError> {
    let (store, doing) = (options.place(), "connect");
    let connecting = async {
        let connection = options.connection()?;
        let connecting = timeout(options.connect_max, connection.connect(options.servers.clone())).await;
        let connected = connecting.map_err(|_| NatsError::TimedOut { after: options.connect_max })?;
        connected.map_err(|error| NatsError::Connection(Box::new(error)))
    };
    let client = connecting.await.map_err(|error| error.store(&store, doing))?;
    if !client.is_server_compatible(SERVER.0, SERVER.1, 0) {
        let found = client.server_info().version;
        return Err(NatsError::TooOld { found, needed: SERVER.2 }.store(&store, doing));
    }
    let link = Link::new(client, store, options.call_max);
    match link.again(|| link.ask::<Account>("INFO", &())).await {
        Ok(_) => Ok(link),
        Err(error) => {
            let none = [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT];
            let error = match error {
                NatsError::NoLeader => NatsError::NoJetStream,
                NatsError::Answer { code, .. } if none.contains(&ErrorCode(code)) => NatsError::NoJetStream,
                error => error,
            };
            Err(error.store(&link.store, doing))
        }
    }
}

/// What is there, if it is a store: as it must be, or an error that says what is not.
async fn look(link: &Link, options: &Options) -> Result<Option<Made>, StoreError> {
    let (subjects, doing) = (Subjects::new(&options.name), "look at its streams");
    let mut infos = Vec::new();
    for stream in [subjects.log().to_owned(), subjects.shelf()] {
        let info = link.again(|| link.info(&stream)).await;
        infos.push(info.map_err(|error| error.store(&link.store, doing))?);
    }
    let [Some(log), Some(shelf)] = [&infos[0], &infos[1]] else { return Ok(None) };
    let shards = version(link, options, &log.config)?;
    let replicas = options.replicas.unwrap_or(log.config.num_replicas);
    let wanted = [log_config(&subjects, shards, replicas), shelf_config(&subjects, replicas)];
    for (info, wanted) in [log, shelf].into_iter().zip(&wanted) {
        compare(&info.config, wanted).map_err(|error| error.store(&link.store, doing))?;
    }
    let payload_max = link.client.server_info().max_payload;
    Ok(Some(Made { subjects, shards, payload_max }))
}

async fn make(link: &Link, options: &Options) -> Result<(), NatsError> {
    let subjects = Subjects::new(&options.name);
    let clustered = link.client.server_info().cluster.is_some();
    let replicas = options.replicas.unwrap_or(if clustered { 3 } else { 1 });
    let context = jetstream::new(link.client.clone());
    // The log last: a store whose log is there is whole.
    for config in [shelf_config(&subjects, replicas), log_config(&subjects, options.new_shards(), replicas)] {
        link.again(|| make_one(&context, &config)).await?;
    }
    Ok(())
}

/// Somebody else may make it too; whether it is the same is looked at behind this.
async fn make_one(context: &jetstream::Context, config: &Config) -> Result<(), NatsError> {
    use jetstream::context::CreateStreamErrorKind;
    let Err(error) = context.create_stream(config).await else { return Ok(()) };
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
            Ok(())
        }
        CreateStreamErrorKind::JetStream(error) => Err(NatsError::answered(&error)),
        _ => Err(NatsError::Connection(Box::new(error))),
    }
}

fn version(link: &Link, options: &Options, config: &Config) -> Result<u16, StoreError> {
    let known = |key: &str| config.metadata.get(key).and_then(|value| value.parse::<u32>().ok());
    let (Some(schema), Some(shards)) = (known(SCHEMA_KEY), known(SHARDS_KEY)) else {
        let what = format!("the stream `{}` does not say that it is a store", config.name);
        return Err(StoreError::Corrupt { store: link.store.clone(), what });
    };
    if schema > SCHEMA {
        return Err(StoreError::Newer { store: link.store.clone(), found: schema, known: SCHEMA });
    }
    let found = u16::try_from(shards).unwrap_or(u16::MAX);
    match options.shards {
        Some(asked) if asked != found => {
            Err(NatsError::Shards { found, asked }.store(&link.store, "open it"))
        }
        _ => Ok(found),
    }
}

/// Records: whatever comes is kept for ever, and what does not fit is refused instead of dropping the oldest.
fn log_config(subjects: &Subjects, shards: u16, replicas: usize) -> Config {
    let told = Republish { source: subjects.records(), destination: subjects.told(), headers_only: true };
    Config {
        name: subjects.log().to_owned(),
        subjects: vec![subjects.records(), subjects.erased()],
        deny_purge: true,
        allow_atomic_publish: true,
        republish: Some(told),
        metadata: HashMap::from([
            (SCHEMA_KEY.to_owned(), SCHEMA.to_string()),
            (SHARDS_KEY.to_owned(), shards.to_string()),
        ]),
        ..kept(replicas)
    }
}

/// Cells: a key-value bucket that keeps the newest value, so that stock tools read it.
fn shelf_config(subjects: &Subjects, replicas: usize) -> Config {
    Config {
        name: subjects.shelf(),
        subjects: vec![subjects.cells()],
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        allow_message_ttl: true,
        ..kept(replicas)
    }
}

fn kept(replicas: usize) -> Config {
    Config {
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        max_age: Duration::ZERO,
        discard: DiscardPolicy::New,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: replicas,
        allow_direct: true,
        ..Config::default()
    }
}

/// Settings that decide whether something is lost, refused or written otherwise than it is read.
fn compare(found: &Config, wanted: &Config) -> Result<(), NatsError> {
    let settings = |config: &Config| {
        [
            ("subjects", format!("{:?}", config.subjects)),
            ("retention", format!("{:?}", config.retention)),
            ("storage", format!("{:?}", config.storage)),
            ("num_replicas", config.num_replicas.to_string()),
            ("discard", format!("{:?}", config.discard)),
            ("discard_new_per_subject", config.discard_new_per_subject.to_string()),
            ("max_msgs", config.max_messages.to_string()),
            ("max_bytes", config.max_bytes.to_string()),
            ("max_age", format!("{:?}", config.max_age)),
            ("max_msgs_per_subject", config.max_messages_per_subject.to_string()),
            ("max_msg_size", config.max_message_size.to_string()),
            ("no_ack", config.no_ack.to_string()),
            ("sealed", config.sealed.to_string()),
            ("deny_delete", config.deny_delete.to_string()),
            ("deny_purge", config.deny_purge.to_string()),
            ("allow_direct", config.allow_direct.to_string()),
            ("allow_atomic", config.allow_atomic_publish.to_string()),
            ("allow_msg_ttl", config.allow_message_ttl.to_string()),
            ("persist_mode", format!("{:?}", config.persist_mode.unwrap_or(PersistenceMode::Default))),
            ("republish", format!("{:?}", config.republish)),
            ("mirror", format!("{:?}", config.mirror)),
            ("sources", format!("{:?}", config.sources.as_ref().filter(|sources| !sources.is_empty()))),
            ("subject_transform", format!("{:?}", config.subject_transform)),
        ]
    };
    for ((setting, found_here), (_, wanted)) in settings(found).into_iter().zip(settings(wanted)) {
        if found_here != wanted {
            return Err(NatsError::Setting {
                stream: found.name.clone(),
                setting,
                found: found_here,
                wanted,
            });
        }
    }
    Ok(())
}
