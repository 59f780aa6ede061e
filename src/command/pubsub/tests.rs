//! The commands in one process, without letters: what they answer.

use crate::command::check::check;
use crate::command::pubsub::Publication;
use crate::pubsub::Kind;
use crate::resp::Version;

#[test]
fn a_subscriber_is_counted_once_for_its_channel_and_once_for_each_pattern() {
    check(
        "PUBLISH c m; SUBSCRIBE c; PSUBSCRIBE c*; PSUBSCRIBE *; PUBSUB NUMPAT",
        "0; [subscribe c 1]; [psubscribe c* 2]; [psubscribe * 3]; ERR Can't execute \
         'pubsub|numpat': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
         allowed in this context",
    );
}

#[test]
fn reset_leaves_all_channels() {
    check(
        "SUBSCRIBE c; SSUBSCRIBE s; PSUBSCRIBE p; RESET; PUBSUB NUMSUB c; PUBSUB SHARDNUMSUB s; \
         PUBSUB NUMPAT; PING",
        "[subscribe c 1]; [ssubscribe s 1]; [psubscribe p 2]; RESET; [c 0]; [s 0]; 0; PONG",
    );
}

#[test]
fn ping_has_the_form_of_a_message_while_subscribed() {
    check(
        "SSUBSCRIBE s; PING; PING x; SUNSUBSCRIBE; PING x",
        "[ssubscribe s 1]; [pong ]; [pong x]; [sunsubscribe s 0]; x",
    );
}

#[track_caller]
fn read(publication: &Publication, pattern: Option<&[u8]>, version: Version, text: &str) {
    let read = [&publication.head(pattern, version), publication.body()].concat();
    assert_eq!(read.escape_ascii().to_string(), text);
}

#[test]
fn a_message_is_an_array_in_resp2_and_a_push_in_resp3() {
    let publication = Publication::new(Kind::Channel, b"ch", b"hello");
    let body = r"$2\r\nch\r\n$5\r\nhello\r\n";
    let direct = format!(r"*3\r\n$7\r\nmessage\r\n{body}");
    read(&publication, None, Version::Two, &direct);
    let fitting = format!(r">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n{body}");
    read(&publication, Some(b"c*"), Version::Three, &fitting);
    let sharded = Publication::new(Kind::ShardChannel, b"", b"");
    let text = r">3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$0\r\n\r\n";
    read(&sharded, None, Version::Three, text);
}

#[test]
fn a_publication_knows_its_channel_whatever_its_length() {
    for len in [0, 1, 9, 10, 99, 100, 12_345] {
        let channel = vec![b'x'; len];
        let publication = Publication::new(Kind::Channel, &channel, b"m");
        assert_eq!(publication.channel(), channel);
        assert_eq!(publication.kind(), Kind::Channel);
    }
}
