//! A follower and a primary that says what a test wants.

use crate::replication::Unsorted;
use crate::replication::{
    Action, Address, Follower, Framing, History, Introduction, ReplicationId, Stage,
};

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn id(text: &str) -> ReplicationId {
    ReplicationId::parse(text.as_bytes()).expect("a name")
}

fn address() -> Address {
    Address {
        host: "primary".to_owned(),
        port: 6379,
    }
}

/// What the follower wants done, but the log.
fn actions(follower: &mut Follower) -> Vec<Action> {
    std::iter::from_fn(|| follower.next_action())
        .filter(|action| !matches!(action, Action::Log(..)))
        .collect()
}

/// What it sends, in words.
fn said(actions: &[Action]) -> String {
    let mut text = String::new();
    for action in actions {
        match action {
            Action::Send(bytes) => {
                let bytes = String::from_utf8_lossy(bytes).into_owned();
                let words: Vec<&str> = bytes
                    .split("\r\n")
                    .filter(|word| !word.starts_with('$'))
                    .collect();
                text.push_str(&words.join(" "));
            }
            other => text.push_str(&format!("{other:?} ")),
        }
    }
    text.trim_end().to_owned()
}

/// A follower that has greeted and is to hear of its data, at time 0.
fn greeted(history: Option<History>) -> Follower {
    let mut follower = Follower::new(history);
    let introduction = Introduction {
        port: 7000,
        ip: "10.0.0.1".to_owned(),
        user: b"user".to_vec(),
        password: b"secret".to_vec(),
    };
    follower.on_settings(introduction, 60_000);
    follower.follow(0, address());
    follower.on_time(0);
    assert_eq!(actions(&mut follower), [Action::Connect(address())]);
    follower.on_connected(0);
    assert_eq!(said(&actions(&mut follower)), "*1 PING");
    follower.on_bytes(0, b"+PONG\r\n", &mut Unsorted);
    assert_eq!(
        said(&actions(&mut follower)),
        "*3 AUTH user secret *3 REPLCONF listening-port 7000 \
         *3 REPLCONF ip-address 10.0.0.1 *5 REPLCONF capa eof capa psync2"
    );
    follower.on_bytes(0, b"+OK\r\n+OK\r\n-ERR unknown\r\n+O", &mut Unsorted);
    assert_eq!(actions(&mut follower), []);
    follower.on_bytes(0, b"K\r\n", &mut Unsorted);
    follower
}

/// One that streams a history from offset 100 on.
fn streaming() -> Follower {
    let mut follower = greeted(None);
    assert_eq!(said(&actions(&mut follower)), "*3 PSYNC ? -1");
    follower.on_bytes(
        0,
        format!("\n+FULLRESYNC {ID} 100\r\n$3\r\nRDB").as_bytes(),
        &mut Unsorted,
    );
    let expected = [
        Action::Receive {
            framing: Framing::Length(3),
            continues: false,
        },
        Action::Piece(b"RDB".to_vec()),
        Action::Load,
    ];
    assert_eq!(actions(&mut follower), expected);
    follower.on_loaded(0, Ok(2), &mut Unsorted);
    assert_eq!(actions(&mut follower), [Action::Open { database: 2 }]);
    follower
}

#[test]
fn a_full_synchronisation_and_a_stream() {
    let mut follower = streaming();
    follower.on_bytes(10, b"*1\r\n$4\r\nPI", &mut Unsorted);
    assert_eq!(actions(&mut follower), []);
    assert_eq!(follower.offsets(), (110, 100));
    follower.on_bytes(20, b"NG\r\n", &mut Unsorted);
    let bytes = b"*1\r\n$4\r\nPING\r\n".to_vec();
    assert_eq!(actions(&mut follower), [Action::Apply { bytes, end: 114 }]);
    follower.on_applied(30, 114);
    follower.on_time(999);
    assert_eq!(actions(&mut follower), []);
    follower.on_time(1000);
    assert_eq!(said(&actions(&mut follower)), "*3 REPLCONF ACK 114");
}

#[test]
fn a_question_is_answered_when_what_was_before_it_is_applied() {
    let mut follower = streaming();
    let ask = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    follower.on_bytes(0, ask, &mut Unsorted);
    assert!(matches!(actions(&mut follower)[..], [Action::Apply { .. }]));
    follower.on_applied(5, 100 + ask.len() as u64);
    assert_eq!(said(&actions(&mut follower)), "*3 REPLCONF ACK 137");
}

#[test]
fn a_cut_link_is_drained_and_resumed_where_units_ended() {
    let mut follower = streaming();
    let (whole, rest) = (
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*1\r\n",
    );
    follower.on_bytes(0, &[&whole[..], rest].concat(), &mut Unsorted);
    actions(&mut follower);
    follower.on_closed(50, "reset");
    assert_eq!(actions(&mut follower), [Action::Drain]);
    assert_eq!(follower.deadline(), None);
    follower.on_drained(60);
    assert_eq!(follower.deadline(), Some(60));
    follower.on_time(60);
    assert_eq!(actions(&mut follower), [Action::Connect(address())]);
    follower.on_connected(60);
    follower.on_bytes(60, b"+PONG\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", &mut Unsorted);
    assert!(said(&actions(&mut follower)).ends_with(&format!("*3 PSYNC {ID} 124")));
    // The primary was promoted meanwhile.
    follower.on_bytes(
        60,
        format!("+CONTINUE {OTHER}\r\n*1\r\n$4\r\nPING\r\n").as_bytes(),
        &mut Unsorted,
    );
    let bytes = b"*1\r\n$4\r\nPING\r\n".to_vec();
    let expected = [
        Action::Open { database: 5 },
        Action::Apply { bytes, end: 137 },
    ];
    assert_eq!(actions(&mut follower), expected);
    let history = follower.history().expect("it has one");
    assert_eq!(history.id, id(OTHER));
    assert_eq!(history.earlier, Some((id(ID), 124)));
}

#[test]
fn what_comes_behind_a_file_waits_until_it_is_loaded() {
    let mut follower = greeted(None);
    actions(&mut follower);
    let mark = "m".repeat(40);
    follower.on_bytes(
        0,
        format!("+FULLRESYNC {ID} 7\r\n$EOF:{mark}\r\nfile{mark}").as_bytes(),
        &mut Unsorted,
    );
    actions(&mut follower);
    follower.on_bytes(0, b"*1\r\n$4\r\nPING\r\n", &mut Unsorted);
    assert_eq!(actions(&mut follower), []);
    assert!(!follower.wants_bytes());
    follower.on_time(1000);
    assert_eq!(actions(&mut follower), [Action::Send(b"\n".to_vec())]);
    follower.on_loaded(1100, Ok(0), &mut Unsorted);
    let bytes = b"*1\r\n$4\r\nPING\r\n".to_vec();
    let ack = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n7\r\n".to_vec();
    let expected = [
        Action::Open { database: 0 },
        Action::Send(ack),
        Action::Apply { bytes, end: 21 },
    ];
    assert_eq!(actions(&mut follower), expected);
}

#[test]
fn a_primary_lost_while_loading_is_asked_for_the_rest() {
    let mut follower = greeted(None);
    actions(&mut follower);
    follower.on_bytes(
        0,
        format!("+FULLRESYNC {ID} 7\r\n$1\r\nx").as_bytes(),
        &mut Unsorted,
    );
    follower.on_closed(5, "reset");
    actions(&mut follower);
    follower.on_loaded(10, Ok(0), &mut Unsorted);
    follower.on_time(10);
    assert_eq!(actions(&mut follower), [Action::Connect(address())]);
    let resume = follower.history().expect("it has one").resume();
    assert_eq!((resume.id, resume.from), (id(ID), 8));
}

#[test]
fn a_transfer_that_is_cut_is_abandoned() {
    let mut follower = greeted(None);
    actions(&mut follower);
    follower.on_bytes(
        0,
        format!("+FULLRESYNC {ID} 7\r\n$9\r\nx").as_bytes(),
        &mut Unsorted,
    );
    actions(&mut follower);
    follower.on_closed(5, "reset");
    assert_eq!(actions(&mut follower), [Action::Abandon]);
    assert_eq!(follower.deadline(), Some(1005));
}

#[test]
fn silence_ends_each_stage() {
    let mut follower = streaming();
    follower.on_time(60_000);
    actions(&mut follower);
    follower.on_time(60_001);
    assert_eq!(actions(&mut follower), [Action::HangUp, Action::Drain]);
    let mut follower = greeted(None);
    actions(&mut follower);
    follower.on_time(60_001);
    assert_eq!(actions(&mut follower), [Action::HangUp]);
    let mut follower = greeted(None);
    follower.on_bytes(
        0,
        format!("+FULLRESYNC {ID} 7\r\n$9\r\nx").as_bytes(),
        &mut Unsorted,
    );
    actions(&mut follower);
    follower.on_time(60_001);
    assert_eq!(actions(&mut follower), [Action::Abandon, Action::HangUp]);
    let mut follower = Follower::new(None);
    follower.on_settings(Introduction::default(), 10);
    follower.follow(0, address());
    follower.on_time(0);
    actions(&mut follower);
    follower.on_time(11);
    assert_eq!(actions(&mut follower), [Action::HangUp]);
}

#[test]
fn a_primary_that_cannot_now_is_asked_again_and_one_that_is_old_by_sync() {
    for line in [
        "-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
    ] {
        let mut follower = greeted(None);
        actions(&mut follower);
        follower.on_bytes(0, line.as_bytes(), &mut Unsorted);
        assert_eq!(actions(&mut follower), [Action::HangUp]);
        assert_eq!(follower.deadline(), Some(1000));
    }
    let mut follower = greeted(None);
    actions(&mut follower);
    follower.on_bytes(0, b"-ERR unknown command 'PSYNC'\r\n", &mut Unsorted);
    assert_eq!(actions(&mut follower), [Action::Send(b"SYNC\r\n".to_vec())]);
    follower.on_bytes(0, b"$1\r\nx", &mut Unsorted);
    actions(&mut follower);
    follower.on_loaded(0, Ok(0), &mut Unsorted);
    actions(&mut follower);
    // It takes no ACK.
    follower.on_time(5000);
    assert_eq!(actions(&mut follower), []);
}

#[test]
fn a_wrong_password_ends_the_greeting() {
    let mut follower = Follower::new(None);
    let introduction = Introduction {
        password: b"wrong".to_vec(),
        ..Introduction::default()
    };
    follower.on_settings(introduction, 60_000);
    follower.follow(0, address());
    follower.on_time(0);
    follower.on_connected(0);
    follower.on_bytes(0, b"-NOAUTH Authentication required.\r\n", &mut Unsorted);
    actions(&mut follower);
    follower.on_bytes(0, b"-WRONGPASS invalid\r\n+OK\r\n", &mut Unsorted);
    assert_eq!(actions(&mut follower), [Action::HangUp]);
}

#[test]
fn who_follows_nobody_goes_on_under_a_name_of_its_own() {
    let mut follower = streaming();
    follower.on_bytes(0, b"*1\r\n$4\r\nPING\r\n", &mut Unsorted);
    actions(&mut follower);
    follower.unfollow(id(OTHER));
    assert_eq!(actions(&mut follower), [Action::HangUp, Action::Drain]);
    assert_eq!(follower.stage(), Stage::Draining);
    follower.on_drained(0);
    assert_eq!(actions(&mut follower), [Action::Released]);
    let history = follower.history().expect("it has one");
    assert_eq!((history.id, history.offset), (id(OTHER), 114));
    assert_eq!(history.earlier, Some((id(ID), 115)));
}

#[test]
fn bytes_that_are_no_commands_cost_a_full_synchronisation() {
    let mut follower = streaming();
    follower.on_bytes(0, b"hello\r\n", &mut Unsorted);
    assert_eq!(actions(&mut follower), [Action::HangUp, Action::Drain]);
    follower.on_drained(0);
    assert_eq!(follower.history(), None);
}

#[test]
fn a_slow_core_stops_the_reading_and_is_no_silence() {
    let mut follower = streaming();
    let mut big = format!("*1\r\n${}\r\n", 17 << 20).into_bytes();
    big.resize(big.len() + (17 << 20), b'x');
    big.extend_from_slice(b"\r\n");
    follower.on_bytes(0, &big, &mut Unsorted);
    assert!(!follower.wants_bytes());
    actions(&mut follower);
    follower.on_time(600_000);
    assert!(!actions(&mut follower).contains(&Action::HangUp));
    follower.on_applied(600_001, 100 + big.len() as u64);
    assert!(follower.wants_bytes());
    follower.on_time(600_002);
    assert!(!actions(&mut follower).contains(&Action::HangUp));
}

/// One that follows its replica and asks it to lead, and what it says.
fn asks_to_lead() -> (Follower, String) {
    let mut follower = Follower::new(Some(History::at(id(ID), 100)));
    follower.follow(0, address());
    follower.ask_to_lead();
    let said = greets_again(&mut follower, 0);
    (follower, said)
}

/// A connection, up to the request for data.
fn greets_again(follower: &mut Follower, now: u64) -> String {
    follower.on_time(now);
    assert_eq!(actions(follower), [Action::Connect(address())]);
    follower.on_connected(now);
    follower.on_bytes(now, b"+PONG\r\n+OK\r\n", &mut Unsorted);
    actions(follower);
    follower.on_bytes(now, b"+OK\r\n", &mut Unsorted);
    said(&actions(follower))
}

const LEADS: &[u8] = b"-ERR PSYNC FAILOVER can't be sent to a master.\r\n";

#[test]
fn a_replica_that_is_asked_to_lead_is_believed() {
    let (mut follower, asked) = asks_to_lead();
    assert_eq!(asked, format!("*4 PSYNC {ID} 101 FAILOVER"));
    let answer = format!("+CONTINUE {OTHER}\r\n");
    follower.on_bytes(0, answer.as_bytes(), &mut Unsorted);
    assert_eq!(
        actions(&mut follower),
        [Action::HandedOver(true), Action::Open { database: 0 }]
    );
    for answer in [LEADS, b"-NOPERM no\r\n", b"-NOMASTERLINK no\r\n"] {
        let (mut follower, _) = asks_to_lead();
        follower.on_bytes(0, answer, &mut Unsorted);
        assert_eq!(
            actions(&mut follower),
            [Action::HandedOver(false), Action::HangUp]
        );
    }
}

#[test]
fn a_replica_whose_answer_is_lost_is_asked_again_and_then_whether_it_leads() {
    for answer in ["+CONTINUE", "+FULLRESYNC", "-NOMASTERLINK no"] {
        let (mut follower, _) = asks_to_lead();
        follower.on_closed(0, "cut");
        let asked = greets_again(&mut follower, 1000);
        assert_eq!(asked, format!("*4 PSYNC {ID} 101 FAILOVER"));
        follower.on_bytes(1000, LEADS, &mut Unsorted);
        assert_eq!(actions(&mut follower), [Action::HangUp]);
        let asked = greets_again(&mut follower, 1000);
        assert_eq!(asked, format!("*3 PSYNC {ID} 101"));
        let line = format!("{answer} {OTHER} 200\r\n");
        follower.on_bytes(1000, line.as_bytes(), &mut Unsorted);
        let goes_on = answer == "+CONTINUE";
        // What others have made of it is not taken for what is here.
        let wanted = match goes_on {
            true => [Action::HandedOver(true), Action::Open { database: 0 }],
            false => [Action::HandedOver(false), Action::HangUp],
        };
        assert_eq!(actions(&mut follower), wanted);
    }
}
