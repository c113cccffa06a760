//! A network of our own on one machine: hosts that are network namespaces of Linux, each with a link for its clients and
//! one for its peers, which are cut and mended.
//!
//! A namespace is there for as long as a process in it is, and a link for as long as both its ends are. What holds them
//! ends with our process, however that ends: nothing is left behind. It does not know what runs there.

use crate::error::{CommandError, ServiceError, Tried, told};
use crate::install;
use crate::process::run;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const SERVER: &str = "network of namespaces";

const ADVICE: &str = "run it as root on Linux with iproute2, or in `unshare --user --net --map-root-user sh -c 'ip link set lo up; …'`";

/// Where root's tools are, which are not always looked for there.
const TOOLS: &str = "PATH=$PATH:/usr/sbin:/sbin";

/// Networks that may be ours: 198.18.0.0/15, which is for tests between hosts.
const SUBNETS: usize = 512;

/// Networks that are tried: others may have one.
const SUBNET_TRIES: usize = 16;

/// The place of this process in a network.
const OWN: u8 = 254;

/// One of the links of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    /// To this process, and all others outside.
    Clients,
    /// To the other hosts.
    Peers,
}

impl Link {
    pub(crate) const ALL: [Self; 2] = [Self::Clients, Self::Peers];

    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Peers => "peers",
        }
    }
}

/// Hosts of a network; it is gone when this is dropped, and when the process ends that holds it.
#[derive(Debug)]
pub struct Network {
    switch: Namespace,
    hosts: Vec<Namespace>,
    subnet: [u8; 3],
}

impl Network {
    /// So many hosts, joined on both links. They are reached from this process.
    ///
    /// # Errors
    /// This process may not make namespaces, or there is no `ip` and it cannot be installed.
    pub fn new(hosts: usize) -> Result<Self, ServiceError> {
        Self::join(hosts).map_err(|error| {
            let what = "namespaces and links between them".to_owned();
            let tried = vec![Tried { what, why: told(&error) }];
            ServiceError::Missing { server: SERVER, tried, advice: ADVICE }
        })
    }

    fn join(hosts: usize) -> Result<Self, CommandError> {
        static NETWORKS: AtomicUsize = AtomicUsize::new(0);
        let hosts = (0..hosts).map(|_| Namespace::new()).collect::<Result<Vec<_>, _>>()?;
        let switch = Namespace::new()?;
        tools()?;
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let own = format!("sw{}n{number}", std::process::id());
        let at = switch.pid();
        script(&format!("ip link add {own} type veth peer name own netns {at}; ip link set {own} up"))?;
        let subnet = claim(&own)?;
        let switches = Link::ALL.map(|link| {
            let link = link.name();
            format!("ip link add {link} type bridge; ip link set {link} up; ")
        });
        switch.script(&format!("{}ip link set own master clients up", switches.concat()))?;
        let network = Self { switch, hosts, subnet };
        (0..network.hosts.len()).try_for_each(|host| network.connect(host))?;
        Ok(network)
    }

    fn connect(&self, host: usize) -> Result<(), CommandError> {
        let (switch, there) = (self.switch.pid(), self.hosts[host].pid());
        for link in Link::ALL {
            let (name, address) = (link.name(), self.address(link, host));
            script(&format!(
                "ip link add {name}{host} netns {switch} type veth peer name {name} netns {there}"
            ))?;
            self.switch.script(&format!("ip link set {name}{host} master {name} up"))?;
            let place = format!("ip addr add {address}/24 dev {name}; ip link set {name} up");
            self.hosts[host].script(&place)?;
        }
        self.hosts[host].script("ip link set lo up")
    }

    /// How many hosts there are.
    pub(crate) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Where a host is, for its clients or its peers.
    pub(crate) fn address(&self, link: Link, host: usize) -> Ipv4Addr {
        let [a, b, c] = match link {
            Link::Clients => self.subnet,
            // No other network has this one in its view.
            Link::Peers => [10, 0, 0],
        };
        Ipv4Addr::new(a, b, c, u8::try_from(host + 1).unwrap_or(OWN))
    }

    /// What a command begins with that is to run on a host.
    pub(crate) fn enter(&self, host: usize) -> Vec<OsString> {
        self.hosts[host].enter().into_iter().map(Into::into).collect()
    }

    /// Nothing passes any more, and neither end is told.
    pub(crate) fn cut(&self, link: Link, host: usize) -> Result<(), ServiceError> {
        self.change(link, host, "nomaster")
    }

    /// Everything passes again.
    pub(crate) fn mend(&self, link: Link, host: usize) -> Result<(), ServiceError> {
        self.change(link, host, &format!("master {}", link.name()))
    }

    fn change(&self, link: Link, host: usize, to: &str) -> Result<(), ServiceError> {
        let changed = self.switch.script(&format!("ip link set {}{host} {to}", link.name()));
        changed.map_err(|source| ServiceError::Prepare { server: SERVER, source })
    }
}

/// A network that nobody else has: who adds its route first has it.
fn claim(link: &str) -> Result<[u8; 3], CommandError> {
    let first = usize::try_from(std::process::id()).unwrap_or_default();
    let mut tries = 1;
    loop {
        let [high, low] = u16::try_from((first + tries) % SUBNETS).unwrap_or_default().to_be_bytes();
        let [a, b, c] = [198, 18 + high, low];
        let claimed = script(&format!("ip route add {a}.{b}.{c}.0/24 dev {link}"));
        if claimed.is_err() && tries < SUBNET_TRIES {
            tries += 1;
            continue;
        }
        claimed?;
        return script(&format!("ip addr add {a}.{b}.{c}.{OWN}/32 dev {link}")).map(|()| [a, b, c]);
    }
}

/// `ip` is there, or is installed.
fn tools() -> Result<(), CommandError> {
    let Err(error) = script("ip -Version") else { return Ok(()) };
    install::system("iproute2").map_err(|_| error)
}

fn script(text: &str) -> Result<(), CommandError> {
    run(Command::new("sh").args(["-ec", &format!("{TOOLS}; {text}")])).map(drop)
}

/// A network namespace, held by a process that ends with ours.
#[derive(Debug)]
struct Namespace {
    holder: Child,
}

impl Namespace {
    fn new() -> Result<Self, CommandError> {
        let mut command = Command::new("unshare");
        // It speaks when it is there, and ends when nobody holds its input any more.
        command.args(["--net", "sh", "-c", "echo; exec cat"]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = "unshare --net".to_owned();
        let mut holder = match command.spawn() {
            Ok(holder) => holder,
            Err(source) => return Err(CommandError::Start { program, source }),
        };
        let mut said = String::new();
        let there = holder.stdout.as_mut().map(|output| BufReader::new(output).read_line(&mut said));
        if matches!(there, Some(Ok(1))) {
            return Ok(Self { holder });
        }
        let output = holder.wait_with_output();
        match output {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(CommandError::Ended { program, status: output.status, said })
            }
            Err(source) => Err(CommandError::Start { program, source }),
        }
    }

    fn pid(&self) -> u32 {
        self.holder.id()
    }

    fn enter(&self) -> [String; 4] {
        ["nsenter".to_owned(), "--target".to_owned(), self.pid().to_string(), "--net".to_owned()]
    }

    fn script(&self, text: &str) -> Result<(), CommandError> {
        let [program, arguments @ ..] = self.enter();
        let mut command = Command::new(program);
        command.args(arguments).args(["sh", "-ec", &format!("{TOOLS}; {text}")]);
        run(&mut command).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // It ends on its own; whether that was seen changes nothing.
        let _ = self.holder.wait();
    }
}
