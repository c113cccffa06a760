//! Which server comes next when a connection is made anew: any that fails least, and the one that was left only if there is
//! no other. A server that hangs would cost the time of a connection again.

use async_nats::{ReconnectToServer, Server, ServerAddr};
use std::sync::{Mutex, PoisonError};

/// The server that was taken last, as far as it was taken here.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Option<ServerAddr>>);

impl Pool {
    /// One of these servers, without a delay of its own. `None`: nothing was connected yet, and all are to be tried.
    pub(crate) fn next(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = || servers.iter().find(|server| server.did_connect).map(|server| server.addr.clone());
        let left = taken.take().or_else(connected)?;
        let next = pick(servers, &left).unwrap_or(left);
        *taken = Some(next.clone());
        Some(ReconnectToServer { addr: next, delay: None })
    }
}

fn pick(servers: &[Server], left: &ServerAddr) -> Option<ServerAddr> {
    let others = || servers.iter().filter(|server| server.addr != *left);
    let fewest = others().map(|server| server.failed_attempts).min()?;
    let best: Vec<_> = others().filter(|server| server.failed_attempts == fewest).collect();
    // Handles of many hosts do not all take the same.
    fastrand::choice(best).map(|server| server.addr.clone())
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use async_nats::{Server, ServerAddr};
    use std::collections::BTreeSet;

    fn server(name: &str, failed_attempts: usize, did_connect: bool) -> Server {
        let (is_discovered, last_error) = (false, None);
        Server { addr: address(name), failed_attempts, did_connect, is_discovered, last_error }
    }

    fn address(name: &str) -> ServerAddr {
        name.parse().expect("it is one")
    }

    fn next(pool: &Pool, servers: &[Server]) -> Option<String> {
        pool.next(servers).map(|taken| taken.addr.host().to_owned())
    }

    #[test]
    fn the_one_that_was_left_is_the_last_choice() {
        let servers = [server("a", 0, false), server("b", 0, true), server("c", 0, false)];
        let firsts: BTreeSet<_> = (0..100).map(|_| next(&Pool::default(), &servers)).collect();
        assert_eq!(firsts, BTreeSet::from([Some("a".to_owned()), Some("c".to_owned())]));
        let pool = Pool::default();
        for _ in 0..100 {
            let (one, other) = (next(&pool, &servers), next(&pool, &servers));
            assert_ne!(one, other);
        }
        let alone = [server("a", 9, true)];
        assert_eq!(next(&Pool::default(), &alone).as_deref(), Some("a"), "there is no other");
    }

    #[test]
    fn what_fails_less_comes_first_and_a_first_connection_tries_all() {
        let servers = [server("a", 0, true), server("b", 2, false), server("c", 1, false)];
        assert_eq!(next(&Pool::default(), &servers).as_deref(), Some("c"));
        assert_eq!(next(&Pool::default(), &servers[1..]), None, "nothing was connected yet");
    }
}
