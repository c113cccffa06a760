//! How a store is reached and made. No secret is shown: not in `Debug`, not in an error.

use crate::error::NatsError;
use crate::pool::Pool;
use crate::schema;
use crate::store::NatsStore;
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use statewright::store::StoreError;
use std::fmt;
use std::future::ready;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Shards of a store, unless said otherwise.
const SHARDS: u16 = 16;

/// Servers that one address can name.
const SERVERS_MAX: usize = 64;

/// How often a connection that says nothing is asked whether it is there: one that hangs is given up behind three of these.
const PING: Duration = Duration::from_secs(1);

/// How much longer is waited before each next try to connect.
const RECONNECT: Duration = Duration::from_millis(25);

/// The longest wait before a try to connect.
const RECONNECT_MAX: Duration = Duration::from_millis(500);

/// What is wrong with an option.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Not of the form `nats://[user:password@]host[:port][,host[:port]…][/name][?option=value&…]`.
    #[error("the address of the servers is wrong: {why}")]
    Address {
        /// What about it; never the address itself, which may hold a password.
        why: &'static str,
    },
    /// An option that there is not.
    #[error("there is no option `{option}`: there are `shards` and `replicas`")]
    Unknown {
        /// As it was written.
        option: String,
    },
    /// A value that an option does not take.
    #[error("`{option}` takes {takes}")]
    Value {
        /// Which option.
        option: &'static str,
        /// What it takes.
        takes: &'static str,
    },
}

/// Who asks.
#[derive(Clone)]
enum Login {
    Nobody,
    Token(String),
    User(String, String),
    NKey(String),
    Credentials(String),
}

/// Where a store is and how it is used; [`create`](Self::create) and [`open`](Self::open) open it.
#[derive(Clone)]
#[must_use = "options do nothing until a store is opened with them"]
pub struct Options {
    pub(crate) servers: Vec<ServerAddr>,
    login: Login,
    tls: bool,
    roots: Vec<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) name: String,
    pub(crate) shards: Option<u16>,
    pub(crate) replicas: Option<usize>,
    pub(crate) connect_max: Duration,
    pub(crate) call_max: Duration,
    pub(crate) in_flight_max: usize,
    pub(crate) stay_a_while: bool,
}

impl Options {
    /// From `nats://[user:password@]host[:port][,host[:port]…][/name][?shards=16&replicas=3]`; `tls://` requires TLS. A user
    /// without a password is a token; the scheme may stand before each server. What has a special meaning in a URL is written as `%XX`.
    ///
    /// # Errors
    /// It has another form, or an option or value that there is not.
    pub fn from_url(url: &str) -> Result<Self, OptionsError> {
        let wrong = |why| OptionsError::Address { why };
        let (scheme, rest) = url.split_once("://").ok_or(wrong("it begins with `nats://` or `tls://`"))?;
        if !["nats", "tls"].contains(&scheme) {
            return Err(wrong("it begins with `nats://` or `tls://`"));
        }
        // Other clients want the scheme before each server.
        let rest = rest.replace(&format!(",{scheme}://"), ",");
        let (rest, query) = rest.split_once('?').unwrap_or((&rest, ""));
        let (place, name) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match place.rsplit_once('@') {
            None => (Login::Nobody, place),
            Some((login, hosts)) => (read_login(login)?, hosts),
        };
        let servers: Vec<ServerAddr> = hosts
            .split(',')
            .take(SERVERS_MAX)
            .map(|host| {
                format!("{scheme}://{host}").parse().map_err(|_| wrong("a server is `host` or `host:port`"))
            })
            .collect::<Result<_, _>>()?;
        if servers.iter().any(|server| server.host().is_empty()) {
            return Err(wrong("a server has no name"));
        }
        let mut options = Self {
            servers,
            login,
            tls: scheme == "tls",
            roots: Vec::new(),
            certificate: None,
            name: "statewright".to_owned(),
            shards: None,
            replicas: None,
            connect_max: Duration::from_secs(5),
            call_max: Duration::from_secs(15),
            in_flight_max: 1_024,
            stay_a_while: false,
        };
        if !name.is_empty() {
            options = options.name(name)?;
        }
        query.split('&').filter(|pair| !pair.is_empty()).try_fold(options, Self::option)
    }

    fn option(self, pair: &str) -> Result<Self, OptionsError> {
        let (option, value) = pair.split_once('=').unwrap_or((pair, ""));
        match option {
            "shards" => self.shards(value.parse().unwrap_or_default()),
            "replicas" => self.replicas(value.parse().unwrap_or_default()),
            _ => Err(OptionsError::Unknown { option: option.to_owned() }),
        }
    }

    /// The store's name, `statewright` unless said otherwise: its streams are `<name>` and `KV_<name>-cells`. Several stores
    /// stand side by side on one server.
    ///
    /// # Errors
    /// It is not 1 to 64 letters, digits and `_`.
    pub fn name(mut self, name: &str) -> Result<Self, OptionsError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || name.len() > 64 || !plain {
            return Err(OptionsError::Value { option: "name", takes: "1 to 64 letters, digits and `_`" });
        }
        name.clone_into(&mut self.name);
        Ok(self)
    }

    /// Shards that the store is made with, 16 unless said otherwise. They never change: opening a store with another number
    /// is refused, and opening it without one takes what it has.
    ///
    /// # Errors
    /// It is 0 or more than 1,024.
    pub fn shards(mut self, shards: u16) -> Result<Self, OptionsError> {
        if !(1..=1_024).contains(&shards) {
            return Err(OptionsError::Value { option: "shards", takes: "1 to 1024" });
        }
        self.shards = Some(shards);
        Ok(self)
    }

    /// Servers that keep each record before it is acknowledged: 1, 3 or 5. Unless said otherwise 3 in a cluster, and 1 on a
    /// single server. With 1, whatever that one server loses is lost.
    ///
    /// # Errors
    /// It is another number.
    pub fn replicas(mut self, replicas: usize) -> Result<Self, OptionsError> {
        if ![1, 3, 5].contains(&replicas) {
            return Err(OptionsError::Value { option: "replicas", takes: "1, 3 or 5" });
        }
        self.replicas = Some(replicas);
        Ok(self)
    }

    /// Logs in with a token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.login = Login::Token(token.into());
        self
    }

    /// Logs in with a user and a password.
    pub fn user_and_password(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Login::User(user.into(), password.into());
        self
    }

    /// Logs in with the seed of an `NKey`.
    pub fn nkey(mut self, seed: impl Into<String>) -> Self {
        self.login = Login::NKey(seed.into());
        self
    }

    /// Logs in with what a `.creds` file holds: a JWT and the seed of an `NKey`.
    pub fn credentials(mut self, content: impl Into<String>) -> Self {
        self.login = Login::Credentials(content.into());
        self
    }

    /// Refuses connections without TLS.
    pub fn require_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Trusts the certificates in this PEM file besides those of the system.
    pub fn root_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.roots.push(file.into());
        self
    }

    /// Shows a certificate of its own: PEM files of the certificate and its key.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// The longest that connecting to a server takes, 5 seconds unless said otherwise.
    pub fn connect_max(mut self, longest: Duration) -> Self {
        self.connect_max = longest;
        self
    }

    /// The longest that a call takes, tries included, 15 seconds unless said otherwise: longer than a cluster takes to elect
    /// a leader. An eighth of it is waited for one answer; when nobody answered for two thirds of it, the connection goes
    /// to another server.
    pub fn call_max(mut self, longest: Duration) -> Self {
        self.call_max = longest;
        self
    }

    /// Most requests of this handle that wait for an answer at once, 1,024 unless said otherwise, at least 1.
    pub fn in_flight_max(mut self, requests: usize) -> Self {
        self.in_flight_max = requests.max(1);
        self
    }

    /// Lets `scrub` answer although what was overwritten or removed stays in files of the server until it compacts them,
    /// which no client can ask for. Without it `scrub` fails, and what builds on it: forgetting a subject and erasing a
    /// tenant do their work and then say [`NatsError::Kept`].
    pub fn overwritten_values_stay_a_while(mut self) -> Self {
        self.stay_a_while = true;
        self
    }

    /// Makes the store if it is not there, and opens it.
    ///
    /// # Errors
    /// See [`open`](Self::open); or the server does not make it.
    pub async fn create(self) -> Result<NatsStore, StoreError> {
        let (link, made) = schema::create(&self).await?;
        Ok(NatsStore::new(&self, link, made))
    }

    /// Opens the store.
    ///
    /// # Errors
    /// No server is reached, it is too old or has no JetStream, there is no store of this name, or it has other settings than
    /// it must: see [`NatsError`]. A newer version of this crate made it: [`StoreError::Newer`].
    pub async fn open(self) -> Result<NatsStore, StoreError> {
        let (link, made) = schema::open(&self).await?;
        Ok(NatsStore::new(&self, link, made))
    }

    /// Shards of a new store.
    pub(crate) fn new_shards(&self) -> u16 {
        self.shards.unwrap_or(SHARDS)
    }

    /// Servers and name, for people.
    pub(crate) fn place(&self) -> String {
        let servers = self.servers.iter().map(|server| format!("{}:{}", server.host(), server.port()));
        format!("nats://{}/{}", servers.collect::<Vec<_>>().join(","), self.name)
    }

    pub(crate) fn connection(&self) -> Result<ConnectOptions, NatsError> {
        let pool = Arc::new(Pool::default());
        let mut options = ConnectOptions::new()
            .name("statewright")
            .connection_timeout(self.connect_max)
            .request_timeout(Some(self.call_max))
            .require_tls(self.tls)
            .ping_interval(PING)
            // An outage is waited for by calls with a time of their own.
            .max_reconnects(None)
            .reconnect_to_server_callback(move |servers, _| ready(pool.next(&servers)))
            .reconnect_delay_callback(|attempts| {
                RECONNECT_MAX.min(RECONNECT.saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX)))
            });
        for roots in &self.roots {
            options = options.add_root_certificates(roots.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        match self.login.clone() {
            Login::Nobody => Ok(options),
            Login::Token(token) => Ok(options.token(token)),
            Login::User(user, password) => Ok(options.user_and_password(user, password)),
            Login::NKey(seed) => Ok(options.nkey(seed)),
            Login::Credentials(content) => {
                options.credentials(&content).map_err(|error| NatsError::Connection(Box::new(error)))
            }
        }
    }
}

fn read_login(login: &str) -> Result<Login, OptionsError> {
    let decoded = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned);
        decoded.map_err(|_| OptionsError::Address { why: "user and password are UTF-8" })
    };
    match login.split_once(':') {
        None => Ok(Login::Token(decoded(login)?)),
        Some((user, password)) => Ok(Login::User(decoded(user)?, decoded(password)?)),
    }
}

impl FromStr for Options {
    type Err = OptionsError;

    fn from_str(url: &str) -> Result<Self, OptionsError> {
        Self::from_url(url)
    }
}

/// Without secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = match self.login {
            Login::Nobody => "nobody",
            Login::Token(_) => "token",
            Login::User(..) => "user and password",
            Login::NKey(_) => "nkey",
            Login::Credentials(_) => "credentials",
        };
        f.debug_struct("Options")
            .field("place", &self.place())
            .field("login", &login)
            .field("tls", &self.tls)
            .field("shards", &self.shards)
            .field("replicas", &self.replicas)
            .field("connect_max", &self.connect_max)
            .field("call_max", &self.call_max)
            .field("in_flight_max", &self.in_flight_max)
            .field("overwritten_values_stay_a_while", &self.stay_a_while)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, Options, OptionsError};

    #[test]
    fn a_url_is_read() {
        let url = "nats://ann:p%40ss%2F@a:4300,b/desk?shards=4&replicas=3";
        let options = Options::from_url(url).expect("it is whole");
        assert_eq!(options.place(), "nats://a:4300,b:4222/desk");
        assert_eq!((options.shards, options.replicas, options.tls), (Some(4), Some(3), false));
        assert!(
            matches!(&options.login, Login::User(user, password) if user == "ann" && password == "p@ss/")
        );
        let listed = Options::from_url("nats://a:4300,nats://b,nats://c/desk").expect("it is whole");
        assert_eq!(listed.place(), "nats://a:4300,b:4222,c:4222/desk");
        let options: Options = "tls://s3cr3t@a".parse().expect("it is whole");
        assert_eq!((&*options.name, options.tls), ("statewright", true));
        assert!(matches!(&options.login, Login::Token(token) if token == "s3cr3t"));
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        for (url, expected) in [
            ("a:4222", "it begins with"),
            ("postgres://x:s3cr3t@a/b", "it begins with"),
            ("nats://x:s3cr3t@", "no name"),
            ("nats://x:s3cr3t@a:port", "`host:port`"),
            ("nats://x:s3cr3t@a/b c", "letters, digits"),
            ("nats://x:s3cr3t@a/b?shards=0", "1 to 1024"),
            ("nats://x:s3cr3t@a/b?replicas=2", "1, 3 or 5"),
            ("nats://x:s3cr3t@a/b?colour=red", "no option `colour`"),
            ("nats://x:s3cr3t%ff@a", "UTF-8"),
        ] {
            let error = Options::from_url(url).expect_err(url).to_string();
            assert!(error.contains(expected) && !error.contains("s3cr3t"), "{url}: {error}");
        }
        assert_eq!(
            Options::from_url("nats://a?x=1").map(|_| ()),
            Err(OptionsError::Unknown { option: "x".to_owned() })
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let options = Options::from_url("nats://ann:s3cr3t@a").expect("it is whole");
        for options in [
            options.clone(),
            options.clone().token("s3cr3t"),
            options.clone().nkey("s3cr3t"),
            options.clone().credentials("s3cr3t"),
        ] {
            let shown = format!("{options:?}");
            assert!(!shown.contains("s3cr3t") && shown.contains("nats://a:4222/statewright"), "{shown}");
        }
    }
}
