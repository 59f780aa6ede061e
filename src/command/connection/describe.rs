//! A client in one line, as CLIENT LIST prints it.

use crate::resp::Version;
use crate::session::{Regard, Session, Stage, Transaction};

/// `id=… addr=… …`, without the line's end.
pub(super) fn describe(session: &Session, now_ms: u64) -> String {
    let client = &session.client;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seconds = |since: u64| now_ms.saturating_sub(since) / 1000;
    // As in stock, words that are whole are no query any more.
    let query = session.inbox.len() + session.in_hand;
    let query = query.saturating_sub(session.decoder.bytes_read());
    let words = session.decoder.words_bytes();
    let query_free = session.inbox.capacity() - session.inbox.len();
    let unsent = session.outbox.pending();
    let kept = session.outbox.kept_bytes();
    let replies = session.outbox.footprint() - kept;
    let transaction = session.transaction.as_deref();
    let queued = transaction.map_or(-1, |queued| queued.commands.len() as i64);
    let watched_bytes = session.watches.memory_bytes();
    let queued_bytes = transaction.map_or(0, Transaction::memory_bytes) + watched_bytes;
    let total = session.memory_bytes();
    let protocol = match client.version {
        Version::Two => 2,
        Version::Three => 3,
    };
    let (events, unsent_bytes) = if unsent > 0 {
        ("rw", replies)
    } else {
        ("r", 0)
    };
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} \
         multi={queued} qbuf={query} qbuf-free={query_free} argv-mem={words} multi-mem={queued_bytes} rbs={kept} \
         rbp={kept} obl={unsent} oll={} omem={unsent_bytes} tot-mem={total} events={events} \
         cmd={} user=default redir=-1 resp={protocol} lib-name={} lib-ver={}",
        client.id,
        client.origin.address,
        client.origin.local,
        client.origin.fd,
        text(&client.name),
        seconds(client.connected_ms),
        seconds(client.active_ms),
        flags(session),
        client.database,
        client.subscribed.channels,
        client.subscribed.patterns,
        client.subscribed.shard_channels,
        session.outbox.pieces(),
        client.last_command.unwrap_or("NULL"),
        text(&client.library_name),
        text(&client.library_version),
    )
}

/// One letter per thing that is special about a client, `N` for nothing.
fn flags(session: &Session) -> String {
    let client = &session.client;
    let letters = [
        (client.is_monitor, 'O'),
        (client.is_replica, 'S'),
        (client.is_obeyed(), 'M'),
        (client.subscribed.to_any(), 'P'),
        (
            session.blocked.is_some() || session.waits || session.awaits_end,
            'b',
        ),
        (session.transaction.is_some(), 'x'),
        (session.stage == Stage::Closing || client.close_asap, 'c'),
        (client.origin.is_unix, 'U'),
        (client.no_evict, 'e'),
        (client.regard == Regard::NoTouch, 'T'),
    ];
    let set: String = letters
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, letter)| *letter)
        .collect();
    if set.is_empty() { "N".to_owned() } else { set }
}
