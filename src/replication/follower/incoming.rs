//! What a primary says: answers of the greeting, a transfer's parts, a stream.

use crate::replication::greeting::{self, Answer, Said};
use crate::replication::history::History;
use crate::replication::id::ReplicationId;
use crate::replication::transfer::{Framing, Part, Transfer};
use crate::replication::units::{Corrupt, Sorter};

use super::action::Action;
use super::machine::{Follower, Source, State, Step, WORD_MS};
use super::plea::Plea;

/// An answer's line is not longer.
const LINE_BYTES_MAX: usize = 4096;

impl Follower {
    /// Takes some bytes in; says how many.
    pub(super) fn take(&mut self, now: u64, bytes: &[u8], sorter: &mut dyn Sorter) -> usize {
        match &mut self.state {
            State::Off
            | State::Resting { .. }
            | State::Connecting { .. }
            | State::Draining { .. } => bytes.len(),
            State::Greeting(_) => self.take_line(now, bytes, sorter),
            State::Receiving { transfer, .. } => {
                let part = transfer.on_bytes(bytes);
                self.on_part(now, part, bytes.len())
            }
            State::Loading { rest, .. } => {
                rest.extend_from_slice(bytes);
                bytes.len()
            }
            State::Streaming { units, asked, .. } => {
                match units.on_bytes(bytes, sorter) {
                    Ok(Some(portion)) => {
                        let end = units.end();
                        if portion.asks {
                            asked.push_back(end);
                        }
                        let bytes = portion.bytes;
                        self.actions.push_back(Action::Apply { bytes, end });
                    }
                    Ok(None) => {}
                    Err(Corrupt(what)) => {
                        self.warn(format!(
                            "Protocol error from master: {what}. The link is cut, and everything \
                             will be asked for."
                        ));
                        self.actions.push_back(Action::HangUp);
                        self.drain();
                        self.history = None;
                    }
                }
                bytes.len()
            }
        }
    }

    fn take_line(&mut self, now: u64, bytes: &[u8], sorter: &mut dyn Sorter) -> usize {
        let (used, is_whole) = match memchr::memchr(b'\n', bytes) {
            Some(at) => (at + 1, true),
            None => (bytes.len(), false),
        };
        self.line.extend_from_slice(&bytes[..used]);
        if is_whole {
            let mut line = std::mem::take(&mut self.line);
            while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                line.pop();
            }
            self.on_line(now, &line, sorter);
        } else if self.line.len() > LINE_BYTES_MAX {
            self.warn("An answer of the master has no end.".to_owned());
            self.fail(now);
        }
        used
    }

    fn on_line(&mut self, now: u64, line: &[u8], sorter: &mut dyn Sorter) {
        let shown = line.escape_ascii();
        let State::Greeting(step) = &mut self.state else {
            return;
        };
        match step {
            Step::Ping if greeting::is_alive(line) => {
                self.notice("Master replied to PING, replication can continue...");
                let (bytes, said) = self.introduction.burst();
                self.actions.push_back(Action::Send(bytes));
                self.state = State::Greeting(Step::Burst(said));
            }
            Step::Ping => {
                self.warn(format!("Error reply to PING from master: '{shown}'"));
                self.fail(now);
            }
            Step::Burst(said) => {
                let is_refused = line.starts_with(b"-");
                let what = said.pop_front().expect("a burst has a reply to come");
                let is_last = said.is_empty();
                if is_refused && what == Said::Auth {
                    self.warn(format!("Unable to AUTH to MASTER: {shown}"));
                    return self.fail(now);
                }
                if is_refused {
                    let name = what.name();
                    self.notice(&format!(
                        "(Non critical) Master does not understand {name}: {shown}"
                    ));
                }
                if is_last {
                    self.ask_for_data();
                }
            }
            Step::Sync => self.on_answer(now, line, sorter),
        }
    }

    fn ask_for_data(&mut self) {
        self.state = State::Greeting(Step::Sync);
        match self.history.as_ref().map(History::resume) {
            Some(resume) => {
                self.notice(&format!(
                    "Trying a partial resynchronization (request {}:{}).",
                    resume.id, resume.from
                ));
                let from = resume.from.to_string();
                let (id, from) = (resume.id.as_str().as_bytes(), from.as_bytes());
                if let Plea::Asks { requests } = &mut self.plea {
                    *requests += 1;
                    self.notice("Asking the replica to take over (PSYNC FAILOVER).");
                    self.say(&[b"PSYNC", id, from, b"FAILOVER"]);
                } else {
                    self.say(&[b"PSYNC", id, from]);
                }
            }
            None => {
                self.notice("Partial resynchronization not possible (no cached master)");
                self.say(&[b"PSYNC", b"?", b"-1"]);
            }
        }
    }

    fn on_answer(&mut self, now: u64, line: &[u8], sorter: &mut dyn Sorter) {
        let shown = line.escape_ascii();
        let answer = greeting::answer(line);
        let is_answer = answer != Answer::Wait;
        if is_answer && self.plea != Plea::None && !self.hear_of_plea(now, &answer, line) {
            return;
        }
        match answer {
            Answer::Wait => {}
            Answer::Full { id, offset } => {
                let id = id.and_then(|id| ReplicationId::parse(&id));
                let id = id.unwrap_or(ReplicationId::NONE);
                self.notice(&format!("Full resync from master: {id}:{offset}"));
                self.receive(Some((id, offset)));
            }
            Answer::Continue { id } => {
                self.notice("Successful partial resynchronization with master.");
                let id = id.and_then(|id| ReplicationId::parse(&id));
                let Some(history) = &mut self.history else {
                    self.warn("The master continues what was not asked for.".to_owned());
                    return self.fail(now);
                };
                if let Some(id) = id.filter(|id| *id != history.id) {
                    history.rename(id);
                    self.notice(&format!("Master replication ID changed to {id}"));
                }
                self.notice(
                    "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.",
                );
                self.open(now, true, sorter);
            }
            Answer::Later => {
                self.notice(&format!(
                    "Master is currently unable to PSYNC but should be in the future: {shown}"
                ));
                self.fail(now);
            }
            Answer::Refused | Answer::Leads => {
                self.notice(&format!(
                    "Master does not support PSYNC or is in error state (reply: {shown})"
                ));
                self.notice("Retrying with SYNC...");
                self.actions.push_back(Action::Send(b"SYNC\r\n".to_vec()));
                self.receive(None);
            }
        }
    }

    fn receive(&mut self, source: Source) {
        self.state = State::Receiving {
            source,
            transfer: Transfer::new(),
            framing: None,
        };
    }

    fn on_part(&mut self, now: u64, part: Part, offered: usize) -> usize {
        let State::Receiving {
            source, framing, ..
        } = &mut self.state
        else {
            return offered;
        };
        match part {
            Part::Begins {
                framing: found,
                used,
            } => {
                *framing = Some(found);
                let ours = self.history.as_ref().map(|history| history.id);
                let continues = source.is_some_and(|(id, _)| ours == Some(id));
                self.notice(&match found {
                    Framing::Length(bytes) => {
                        format!("MASTER <-> REPLICA sync: receiving {bytes} bytes from master")
                    }
                    Framing::Mark(_) => {
                        "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF"
                            .to_owned()
                    }
                });
                self.actions.push_back(Action::Receive {
                    framing: found,
                    continues,
                });
                used
            }
            Part::Piece(piece) => {
                self.actions.push_back(Action::Piece(piece));
                offered
            }
            Part::Ends { piece, used } => {
                if !piece.is_empty() {
                    self.actions.push_back(Action::Piece(piece));
                }
                self.actions.push_back(Action::Load);
                self.state = State::Loading {
                    source: *source,
                    framing: framing.expect("a file ends behind its header"),
                    newline_at: now + WORD_MS,
                    rest: Vec::new(),
                    is_cut: false,
                };
                used
            }
            Part::Refused(why) => {
                self.warn(format!("MASTER aborted replication with an error: {why}"));
                self.fail(now);
                offered
            }
            Part::Broken(what) => {
                self.warn(format!(
                    "Bad protocol from MASTER, the first byte is not '$' (we received '{what}'), \
                     are you sure the host and port are right?"
                ));
                self.fail(now);
                offered
            }
            Part::Nothing => offered,
        }
    }
}
