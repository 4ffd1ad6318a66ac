//! Where a host name leads: the stack file's resolver over UDP where it names one, else the machine's.
//!
//! AWS has no API that tells where a cluster endpoint leads; clients ask the DNS, so the console asks
//! it too. Messages: RFC 1035, section 4; one question, type A, class IN. Answers that do not fit into
//! a datagram do not occur for an endpoint, which has one address.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

/// How long one question may go unanswered; it is asked twice.
const PATIENCE: Duration = Duration::from_millis(1500);
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;
/// QR of the flags: it is an answer.
const IS_ANSWER: u16 = 0x8000;
/// RD: the resolver may ask others.
const RECURSE: u16 = 0x0100;

/// Why a name did not lead anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// Nobody answered in time.
    #[error("{0} was not resolved: no answer in time")]
    Silent(String),
    /// The resolver says no such name, or refuses; the code of RFC 1035, section 4.1.1.
    #[error("{0} was not resolved: the resolver answered code {1}")]
    Refused(String, u16),
    /// The name, the answer or the way to the resolver cannot be used.
    #[error("{0} was not resolved: {1}")]
    Unusable(String, String),
}

/// The addresses of `host`, in the order they were told; empty when the name has none.
///
/// # Errors
/// When nobody answers, or says there is no such name.
pub async fn addresses(
    resolver: Option<SocketAddr>,
    host: &str,
) -> Result<Vec<Ipv4Addr>, DnsError> {
    let Some(resolver) = resolver else {
        return by_system(host).await;
    };
    for _ in 0..2 {
        if let Ok(answer) = tokio::time::timeout(PATIENCE, ask(resolver, host)).await {
            return answer;
        }
    }
    Err(DnsError::Silent(host.to_owned()))
}

async fn by_system(host: &str) -> Result<Vec<Ipv4Addr>, DnsError> {
    let asked = tokio::time::timeout(2 * PATIENCE, tokio::net::lookup_host((host, 0)));
    let told = asked.await.map_err(|_| DnsError::Silent(host.to_owned()))?;
    let told = told.map_err(|error| DnsError::Unusable(host.to_owned(), error.to_string()))?;
    let v4 = told.filter_map(|address| match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    });
    Ok(v4.collect())
}

async fn ask(resolver: SocketAddr, host: &str) -> Result<Vec<Ipv4Addr>, DnsError> {
    let unusable = |why: String| DnsError::Unusable(host.to_owned(), why);
    // Unpredictable enough that no stray datagram passes for the answer.
    let id = (RandomState::new().build_hasher().finish() & 0xffff) as u16;
    let question = question(id, host).ok_or_else(|| unusable("it is no host name".to_owned()))?;
    let any = if resolver.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let failed = |error: std::io::Error| unusable(error.to_string());
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    socket.connect(resolver).await.map_err(failed)?;
    socket.send(&question).await.map_err(failed)?;
    let mut buffer = [0u8; 1500];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(failed)?;
        match read(&buffer[..length], id) {
            Some(Reply::Addresses(addresses)) => return Ok(addresses),
            Some(Reply::Code(code)) => return Err(DnsError::Refused(host.to_owned(), code)),
            // Not the answer to this question.
            None => {}
        }
    }
}

fn question(id: u16, host: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(host.len() + 18);
    for word in [id, RECURSE, 1, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    for label in host.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|n| (1..=63).contains(n))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(TYPE_A.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

#[derive(Debug, PartialEq)]
enum Reply {
    Addresses(Vec<Ipv4Addr>),
    Code(u16),
}

/// `None` for what is not a whole answer to the question `id`.
fn read(message: &[u8], id: u16) -> Option<Reply> {
    let flags = word(message, 2)?;
    if word(message, 0)? != id || flags & IS_ANSWER == 0 {
        return None;
    }
    if flags & 0xf != 0 {
        return Some(Reply::Code(flags & 0xf));
    }
    let mut at = 12;
    for _ in 0..word(message, 4)? {
        at = after_name(message, at)? + 4;
    }
    let mut addresses = Vec::new();
    for _ in 0..word(message, 6)? {
        at = after_name(message, at)?;
        let kind = word(message, at)?;
        let length = usize::from(word(message, at + 8)?);
        let data = message.get(at + 10..at + 10 + length)?;
        if let (TYPE_A, [a, b, c, d]) = (kind, data) {
            addresses.push(Ipv4Addr::new(*a, *b, *c, *d));
        }
        at += 10 + length;
    }
    Some(Reply::Addresses(addresses))
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Where what follows a name begins; a name ends with an empty label or with a pointer (RFC 1035,
/// section 4.1.4).
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *message.get(at)?;
        match length {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with an alias and the address behind it, names as pointers.
    fn answer(id: u16, host: &str) -> Vec<u8> {
        let mut message = question(id, host).expect("a name");
        message[2] |= 0x80;
        message[7] = 2;
        let alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 3, 1, b'w', 0];
        let address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 1, 2, 3];
        message.extend(alias);
        message.extend(address);
        message
    }

    #[test]
    fn an_address_behind_an_alias_is_read_and_what_is_cut_off_is_not() {
        let whole = answer(7, "db.cluster-x.eu-west-1.rds.amazonaws.com");
        let expected = Reply::Addresses(vec![Ipv4Addr::new(10, 1, 2, 3)]);
        assert_eq!(read(&whole, 7), Some(expected));
        assert_eq!(read(&whole, 8), None, "somebody else's answer");
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length], 7), None, "cut at {length}");
        }
        let mut refused = question(7, "a.b").expect("a name");
        refused[2] |= 0x80;
        refused[3] |= 3;
        assert_eq!(read(&refused, 7), Some(Reply::Code(3)));
        assert_eq!(question(7, "a..b"), None);
    }

    #[tokio::test]
    async fn a_resolver_is_asked_and_silence_is_told() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let at = server.local_addr().expect("bound");
        let serve = async {
            let mut buffer = [0u8; 512];
            let (_, from) = server.recv_from(&mut buffer).await.expect("asked");
            let id = word(&buffer, 0).expect("an id");
            let reply = answer(id, "db.example");
            server.send_to(&reply, from).await.expect("sent");
        };
        let (told, ()) = tokio::join!(addresses(Some(at), "db.example"), serve);
        assert_eq!(told, Ok(vec![Ipv4Addr::new(10, 1, 2, 3)]));
        let silent = addresses(Some(at), "db.example").await;
        assert_eq!(silent, Err(DnsError::Silent("db.example".to_owned())));
    }
}
