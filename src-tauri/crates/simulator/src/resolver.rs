//! A resolver on loopback: what the VPC's own resolver would answer for the endpoints of the databases.
//!
//! AWS has no API that tells where an endpoint leads; clients ask the DNS. The stack file names this server under
//! `[dns]`, as it would name a private resolver. Messages: RFC 1035, section 4; over UDP, one question, class IN.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;

use crate::shared::SharedWorld;
use crate::world::World;
use crate::world::database::{DbCluster, ENDPOINT_TTL};

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const CLASS_IN: u16 = 1;
const NO_ERROR: u16 = 0;
const FORMAT_ERROR: u16 = 1;
const NAME_ERROR: u16 = 3;
const NOT_IMPLEMENTED: u16 = 4;

/// Opens the resolver on a port of loopback.
pub(crate) async fn bind() -> std::io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let at = socket.local_addr()?;
    Ok((socket, at))
}

/// Answers until the socket fails.
pub(crate) async fn serve(socket: UdpSocket, shared: SharedWorld) {
    let turn = AtomicUsize::new(0);
    let mut buffer = [0u8; 1500];
    while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        let reply = reply(&buffer[..n], |name| lookup(&shared.lock(), name, turn));
        if let Some(reply) = reply {
            // A client that is gone asks again or does not care.
            let _ = socket.send_to(&reply, from).await;
        }
    }
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// The name it is an alias of, when it is one.
    alias: Option<String>,
    /// Its address; none while nothing is behind it.
    address: Option<Ipv4Addr>,
}

fn lookup(world: &World, name: &str, turn: usize) -> Option<Found> {
    let global = &world.global_database;
    let databases = || world.regions.iter().flat_map(|r| &r.databases);
    let asks_global = name
        .trim_end_matches('.')
        .eq_ignore_ascii_case(&global.endpoint);
    let instance = if asks_global {
        let primary = databases().find(|d| d.arn == global.endpoint_at);
        primary.and_then(DbCluster::writer)
    } else {
        databases().find_map(|d| d.resolve(name, turn))?
    };
    Some(Found {
        alias: instance
            .map(|i| i.endpoint.clone())
            .filter(|e| !e.eq_ignore_ascii_case(name.trim_end_matches('.'))),
        address: instance.map(|i| i.address),
    })
}

/// The answer to a message; `None` for what is no question at all.
fn reply(message: &[u8], find: impl Fn(&str) -> Option<Found>) -> Option<Vec<u8>> {
    let header: &[u8; 12] = message.get(..12)?.try_into().ok()?;
    let is_response = header[2] & 0x80 != 0;
    if is_response {
        return None;
    }
    let asked = question(message).filter(|_| header[4..6] == [0, 1]);
    let Some((name, kind, class, end)) = asked else {
        return Some(head(header, FORMAT_ERROR, 0, 0));
    };
    let plain_query = header[2] & 0x78 == 0;
    if !plain_query || class != CLASS_IN {
        return Some(head(header, NOT_IMPLEMENTED, 0, 0));
    }
    let found = find(&name);
    let code = if found.is_some() {
        NO_ERROR
    } else {
        NAME_ERROR
    };
    let records = found.map(|f| records(&name, kind, &f)).unwrap_or_default();
    let count = u16::try_from(records.len()).unwrap_or(0);
    let mut out = head(header, code, 1, count);
    out.extend_from_slice(&message[12..end]);
    records.iter().for_each(|r| out.extend_from_slice(r));
    Some(out)
}

/// Name, type and class of the first question, and where it ends.
fn question(message: &[u8]) -> Option<(String, u16, u16, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let n = usize::from(*message.get(at)?);
        at += 1;
        if n == 0 {
            break;
        }
        if n > 63 {
            return None;
        }
        labels.push(std::str::from_utf8(message.get(at..at + n)?).ok()?);
        at += n;
    }
    let word = |at: usize| {
        Some(u16::from_be_bytes(
            message.get(at..at + 2)?.try_into().ok()?,
        ))
    };
    Some((labels.join("."), word(at)?, word(at + 2)?, at + 4))
}

fn head(asked: &[u8; 12], code: u16, questions: u16, answers: u16) -> Vec<u8> {
    // A response, authoritative, recursion available, and desired as it was asked.
    let flags = 0x8480 | (u16::from(asked[2] & 1) << 8) | code;
    let mut out = asked[..2].to_vec();
    for word in [flags, questions, answers, 0, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out
}

fn records(name: &str, kind: u16, found: &Found) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut owner = name;
    if let Some(alias) = &found.alias {
        out.push(record(owner, TYPE_CNAME, &encode(alias)));
        owner = alias;
    }
    if let Some(address) = found.address.filter(|_| kind == TYPE_A) {
        out.push(record(owner, TYPE_A, &address.octets()));
    }
    out
}

fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = encode(owner);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    out.extend_from_slice(&ENDPOINT_TTL.to_be_bytes());
    out.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(data);
    out
}

fn encode(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|l| !l.is_empty()) {
        out.push(u8::try_from(label.len().min(63)).unwrap_or(63));
        out.extend_from_slice(&label.as_bytes()[..label.len().min(63)]);
    }
    out.push(0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut out = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        out.extend(encode(name));
        out.extend(kind.to_be_bytes());
        out.extend(CLASS_IN.to_be_bytes());
        out
    }

    fn writer(name: &str) -> Option<Found> {
        (name == "w.example").then(|| Found {
            alias: Some("one.example".into()),
            address: Some(Ipv4Addr::new(10, 1, 2, 3)),
        })
    }

    #[test]
    fn an_alias_is_answered_with_its_name_and_address() {
        let reply = reply(&query("w.example", TYPE_A), writer).unwrap();
        assert_eq!(&reply[..8], [0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 2]);
        assert!(reply.ends_with(&[0, 0, 0, 5, 0, 4, 10, 1, 2, 3]));
        assert!(reply.windows(8).any(|w| w == b"\x07example"));
    }

    #[test]
    fn another_type_has_the_alias_only_and_another_name_does_not_exist() {
        let aaaa = reply(&query("w.example", 28), writer).unwrap();
        assert_eq!(aaaa[7], 1);
        let none = reply(&query("x.example", TYPE_A), writer).unwrap();
        assert_eq!((none[3] & 0xf, none[7]), (3, 0));
    }

    #[test]
    fn what_is_no_question_gets_no_answer_or_an_error() {
        assert_eq!(reply(b"short", writer), None);
        let mut response = query("w.example", TYPE_A);
        response[2] |= 0x80;
        assert_eq!(reply(&response, writer), None);
        let cut = &query("w.example", TYPE_A)[..15];
        assert_eq!(reply(cut, writer).unwrap()[3] & 0xf, 1);
    }
}
