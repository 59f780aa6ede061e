//! What a replica says before it asks for data, and what it takes for an answer.

use std::collections::VecDeque;

/// What a replica says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// Where it serves.
    pub port: u16,
    /// The address others shall know it by; empty for the one it comes from.
    pub ip: String,
    /// `masteruser`; empty for the default user.
    pub user: Vec<u8>,
    /// `masterauth`; empty for none.
    pub password: Vec<u8>,
}

/// A request whose reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Must be accepted.
    Auth,
    /// May be refused by a primary that is older.
    Port,
    Ip,
    Capabilities,
}

impl Said {
    /// As the log names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Said::Auth => "AUTH",
            Said::Port => "REPLCONF listening-port",
            Said::Ip => "REPLCONF ip-address",
            Said::Capabilities => "REPLCONF capa",
        }
    }
}

impl Introduction {
    /// The requests of one burst, and whose replies will come, in this order.
    pub(super) fn burst(&self) -> (Vec<u8>, VecDeque<Said>) {
        let mut bytes = Vec::new();
        let mut said = VecDeque::new();
        if !self.password.is_empty() {
            let mut words: Vec<&[u8]> = vec![b"AUTH"];
            if !self.user.is_empty() {
                words.push(&self.user);
            }
            words.push(&self.password);
            request(&mut bytes, &words);
            said.push_back(Said::Auth);
        }
        let port = self.port.to_string();
        request(
            &mut bytes,
            &[b"REPLCONF", b"listening-port", port.as_bytes()],
        );
        said.push_back(Said::Port);
        if !self.ip.is_empty() {
            request(
                &mut bytes,
                &[b"REPLCONF", b"ip-address", self.ip.as_bytes()],
            );
            said.push_back(Said::Ip);
        }
        request(
            &mut bytes,
            &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"],
        );
        said.push_back(Said::Capabilities);
        (bytes, said)
    }
}

/// Appends one request.
pub(super) fn request(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether a reply to PING comes from a primary that lives.
pub(super) fn is_alive(line: &[u8]) -> bool {
    line.starts_with(b"+")
        || line.starts_with(b"-NOAUTH")
        || line.starts_with(b"-NOPERM")
        || line.starts_with(b"-ERR operation not permitted")
}

/// The answer to PSYNC.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The primary is busy with it.
    Wait,
    /// Everything comes, of this history (none if its name is no name) up to this
    /// offset.
    Full { id: Option<Box<[u8]>>, offset: u64 },
    /// The rest comes, of a history with this name now, if it is another.
    Continue { id: Option<Box<[u8]>> },
    /// Not now.
    Later,
    /// It was asked to lead, and does already.
    Leads,
    /// It knows no PSYNC, or has trouble.
    Refused,
}

/// What a primary says, of stock as well, that is asked to lead.
const LEADS: &[u8] = b"-ERR PSYNC FAILOVER can't be sent to a master.";

/// Reads the answer to PSYNC.
pub(super) fn answer(line: &[u8]) -> Answer {
    let mut words = line.split(|byte| *byte == b' ');
    match words.next() {
        Some(b"") if line.is_empty() => Answer::Wait,
        Some(b"+FULLRESYNC") => {
            let id = words.next().map(Box::from);
            let offset = words.next().and_then(crate::base::parse_i64);
            match offset.and_then(|offset| u64::try_from(offset).ok()) {
                Some(offset) => Answer::Full { id, offset },
                None => Answer::Refused,
            }
        }
        Some(b"+CONTINUE") => Answer::Continue {
            id: words.next().map(Box::from),
        },
        Some(b"-NOMASTERLINK" | b"-LOADING") => Answer::Later,
        _ if line == LEADS => Answer::Leads,
        _ => Answer::Refused,
    }
}
