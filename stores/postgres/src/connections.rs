//! Connections to the server: a bounded pool, and calls that end in time.
//!
//! What is sent is said elsewhere; here stands what an error or a timeout means for the connection.

use crate::error::{Failure, Name, PostgresError};
use crate::options::Options;
use crate::pipeline::pipeline;
use crate::statements::{Statement, Statements};
use crate::statistics::{Counters, count};
use crate::tls;
use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use statewright::store::StoreError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Parameters of a statement.
pub(crate) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// The pool, and what every call needs to know.
pub(crate) struct Connections {
    pub(crate) name: Name,
    /// Quoted as it has to be.
    pub(crate) schema: String,
    pub(crate) statements: Statements,
    pub(crate) counters: Arc<Counters>,
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: MakeRustlsConnect,
    pub(crate) call_timeout: Duration,
    /// How a transaction begins.
    pub(crate) begin: String,
    prepared: bool,
    pool: Pool,
}

/// A statement on one connection, ready to be sent.
pub(crate) enum Ready<'a> {
    Prepared(tokio_postgres::Statement),
    /// Sent with its text: a pooler may hand the next one to another connection.
    Unnamed(&'a Statement),
}

impl Connections {
    pub(crate) fn new(options: &Options) -> Result<Self, StoreError> {
        let name = options.name();
        let config = options.config();
        let tls = tls::connector(&options.roots).map_err(|error| name.own("set up TLS", error))?;
        let counters = Arc::new(Counters::default());
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let counted = Arc::clone(&counters);
        let set = |set: &str| options.settings().map(|setting| format!("{set} {setting}")).join("; ");
        // Behind a pooler a connection is another server's in every transaction.
        let (once, begin) = if options.pooler {
            (String::new(), format!("BEGIN; {}", set("SET LOCAL")))
        } else {
            (set("SET"), "BEGIN".to_owned())
        };
        let made = Hook::async_fn(move |client: &mut ClientWrapper, _| {
            count(&counted.connects, 1);
            let once = once.clone();
            Box::pin(async move { client.batch_execute(&once).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(Manager::from_config(config.clone(), tls.clone(), manager))
            .max_size(options.connections_max.max(options.transactions_max + 1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.call_timeout))
            .create_timeout(Some(options.call_timeout))
            .post_create(made)
            .build()
            .map_err(|error| name.unavailable("make the pool", false, error))?;
        Ok(Self {
            name,
            schema: options.quoted_schema(),
            statements: Statements::of(&options.quoted_schema()),
            counters,
            config,
            tls,
            call_timeout: options.call_timeout,
            begin,
            prepared: !options.pooler,
            pool,
        })
    }

    /// A connection that was not closed when it was last looked at.
    pub(crate) async fn get(&self, doing: &'static str) -> Result<Object, StoreError> {
        match self.pool.get().await {
            Ok(connection) => Ok(connection),
            Err(PoolError::Closed) => Err(self.name.closed()),
            Err(PoolError::Backend(error)) => Err(self.name.failure(doing, error).error()),
            Err(PoolError::Timeout(_)) => Err(self.name.own(doing, self.timeout())),
            Err(error) => Err(self.name.unavailable(doing, false, error)),
        }
    }

    fn timeout(&self) -> PostgresError {
        PostgresError::Timeout { millis: self.call_timeout.as_millis() }
    }

    /// Waits for the answer to what was sent over a connection, within the timeout.
    pub(crate) async fn within<T>(
        &self,
        doing: &'static str,
        talk: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.call_timeout, talk).await {
            Ok(answer) => answer.map_err(|error| self.name.failure(doing, error)),
            Err(_) => Err(Failure::Lost(self.name.own(doing, self.timeout()))),
        }
    }

    /// Gives a connection back, unless nobody knows what it is doing: then it goes, and with it all that rest, because after
    /// a failover they lead to the same server.
    pub(crate) fn give_back<T>(&self, connection: Object, answer: Result<T, Failure>) -> Result<T, Failure> {
        if matches!(answer, Err(Failure::Lost(_) | Failure::Down(_))) {
            drop(Object::take(connection));
            self.pool.retain(|_, _| false);
        }
        answer
    }

    /// Whether a statement is a transaction by itself, since what is set is set for all of a connection's life.
    pub(crate) fn is_set(&self) -> bool {
        self.prepared
    }

    /// The statement as it is sent on this connection.
    pub(crate) async fn ready<'a>(
        &self,
        connection: &Object,
        statement: &'a Statement,
    ) -> Result<Ready<'a>, Error> {
        if !self.prepared {
            return Ok(Ready::Unnamed(statement));
        }
        connection.prepare_typed_cached(&statement.sql, statement.types).await.map(Ready::Prepared)
    }

    /// One statement in a transaction of its own.
    pub(crate) async fn query(
        &self,
        doing: &'static str,
        statement: &Statement,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let connection = self.get(doing).await.map_err(Failure::Down)?;
        let talk = async {
            let ready = self.ready(&connection, statement).await?;
            send(&connection, &ready, params).await
        };
        let answer = self.within(doing, talk).await;
        self.give_back(connection, answer)
    }

    /// One statement that changes nothing, asked again if the connection was lost.
    pub(crate) async fn read(
        &self,
        doing: &'static str,
        statement: &Statement,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        match self.query(doing, statement, params).await {
            Err(Failure::Lost(StoreError::Unavailable { source, .. }))
                if !matches!(source.downcast_ref(), Some(PostgresError::Timeout { .. })) =>
            {
                count(&self.counters.retries, 1);
                self.query(doing, statement, params).await.map_err(Failure::error)
            }
            done => done.map_err(Failure::error),
        }
    }

    /// A text without parameters that is asked once in the life of a store.
    pub(crate) async fn ask(&self, doing: &'static str, sql: &str) -> Result<Vec<Row>, StoreError> {
        let connection = self.get(doing).await?;
        let answer = self.within(doing, connection.query_typed(sql, &[])).await;
        self.give_back(connection, answer).map_err(Failure::error)
    }

    /// Statements without parameters, one behind the other.
    pub(crate) async fn script(&self, doing: &'static str, sql: &str) -> Result<(), StoreError> {
        let connection = self.get(doing).await?;
        let talk = async {
            let done = connection.batch_execute(sql).await;
            if done.is_err() {
                // What a script began is not left open; what the first error was is what counts.
                let _ = connection.batch_execute("ROLLBACK").await;
            }
            done
        };
        let answer = self.within(doing, talk).await;
        self.give_back(connection, answer).map_err(Failure::error)
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// Sends a statement with its parameters.
pub(crate) async fn send(
    connection: &Object,
    ready: &Ready<'_>,
    params: &Params<'_>,
) -> Result<Vec<Row>, Error> {
    match ready {
        Ready::Prepared(statement) => connection.query(statement, params).await,
        Ready::Unnamed(statement) => {
            let typed: Vec<_> = params.iter().copied().zip(statement.types.iter().cloned()).collect();
            connection.query_typed(&statement.sql, &typed).await
        }
    }
}

/// What is sent within one transaction.
pub(crate) struct Sent<'a> {
    pub(crate) ready: &'a Ready<'a>,
    pub(crate) params: Vec<&'a (dyn ToSql + Sync)>,
}

/// A transaction in one round trip: how it begins, its statements, and with `commit` its end. The answers of the statements,
/// or the first error; nothing of it stands then.
pub(crate) async fn transact(
    connection: &Object,
    begin: &str,
    statements: &[Sent<'_>],
    commit: bool,
) -> Result<Vec<Vec<Row>>, Error> {
    let plain = |sql| Step::Plain(sql);
    let mut steps = vec![plain(begin)];
    steps.extend(statements.iter().map(Step::Statement));
    if commit {
        steps.push(plain("COMMIT"));
    }
    let answers = pipeline(steps.into_iter().map(|step| step.send(connection))).await;
    let mut answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    answers.truncate(statements.len() + 1);
    answers.remove(0);
    Ok(answers)
}

enum Step<'a> {
    Plain(&'a str),
    Statement(&'a Sent<'a>),
}

impl Step<'_> {
    async fn send(self, connection: &Object) -> Result<Vec<Row>, Error> {
        match self {
            Self::Plain(sql) => connection.batch_execute(sql).await.map(|()| Vec::new()),
            Self::Statement(sent) => send(connection, sent.ready, &sent.params).await,
        }
    }
}
