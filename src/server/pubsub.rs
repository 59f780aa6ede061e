//! Publish and subscribe between cores: news of subscribers, and messages.
//!
//! A reply that made news stands in a gap until every core knows of it.
//! Messages are appended between replies, never while one is being written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Entry, Event, Local, Publication};
use crate::config::EventClass;
use crate::pubsub::{Kind, News};
use crate::resp::Version;
use crate::session::{Gap, Session, SessionId, Stage};
use crate::spec::Flags;

use super::core::Work;
use super::letter::Letter;
use super::serve::is_muted;

/// A reply that waits until every core knows what it tells.
struct Told {
    session: SessionId,
    gap: Gap,
    reply: Vec<u8>,
    /// Cores that do not know yet.
    missing: usize,
}

/// This core's subscribers on their way to the other cores, and back.
#[derive(Default)]
pub(super) struct Announcements {
    open: BTreeMap<u64, Told>,
    next: u64,
    /// Sessions that publish or subscribe faster than others take the mail.
    slowed: Vec<SessionId>,
    /// Who was given a message just now; kept for its room.
    fed: Vec<SessionId>,
}

#[cfg(test)]
impl Announcements {
    /// Whether everybody knows all and nobody is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.slowed.is_empty()
    }
}

impl Work {
    /// Puts a reply in line that pushed, or made news. A push is given to
    /// those too who want no replies; news is known everywhere first.
    pub(super) fn give_when_known(
        &mut self,
        id: SessionId,
        mut out: Vec<u8>,
        before: usize,
        is_push: bool,
    ) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if is_muted(&mut session.client.reply_mode) && !is_push {
            out.truncate(before);
        }
        if session.client.close_asap {
            session.stage = Stage::Closing;
        }
        let has_news = self.local.directory.has_news();
        let reply = has_news.then(|| out.split_off(before));
        session.outbox.restore(out);
        if let Some(reply) = reply {
            let gap = session.outbox.leave_gap();
            self.fill_when_known(id, gap, reply);
        }
        self.mark_dirty(id);
    }

    /// Fills a gap with a reply: at once, or if it made news, when it is known.
    pub(super) fn fill_knowing(&mut self, id: SessionId, gap: Gap, mut reply: Vec<u8>) {
        if !self.local.directory.has_news() {
            return self.fill(id, gap, &reply);
        }
        if let Some(session) = self.local.roster.find(id)
            && is_muted(&mut session.client.reply_mode)
        {
            reply.clear();
        }
        self.fill_when_known(id, gap, reply);
    }

    /// Tells the other cores what changed here, and fills the gap with the
    /// reply when all of them know.
    pub(super) fn fill_when_known(&mut self, id: SessionId, gap: Gap, reply: Vec<u8>) {
        let told = Told {
            session: id,
            gap,
            reply,
            missing: self.local.placement.cores() - 1,
        };
        let number = self.announcements.next;
        self.announcements.next += 1;
        self.announcements.open.insert(number, told);
        self.spread_news(Some(number));
    }

    /// A session ends, and listens to nothing any more.
    pub(super) fn unsubscribe(&mut self, id: SessionId) {
        self.local.directory.leave_all(id);
        if self.local.directory.has_news() {
            self.spread_news(None);
        }
    }

    /// Tells the other cores what changed here. Requests that were made before
    /// go before.
    fn spread_news(&mut self, ask: Option<u64>) {
        let news: Arc<[News]> = self.local.directory.take_news().into();
        let me = self.local.core;
        for core in self.local.placement.others(me) {
            self.post_hop(core);
            let news = Arc::clone(&news);
            self.post.post(core, Letter::News { news, ask });
        }
    }

    /// Something changed at another core.
    pub(super) fn on_news(&mut self, from: usize, news: &[News], ask: Option<u64>) {
        self.local.directory.hear(from, news);
        if let Some(ask) = ask {
            self.post.post(from, Letter::Known { ask });
        }
    }

    /// Another core knows; after the last one the client is told.
    pub(super) fn on_known(&mut self, ask: u64) {
        let open = &mut self.announcements.open;
        let told = open.get_mut(&ask).expect("news is known once by each core");
        told.missing -= 1;
        if told.missing > 0 {
            return;
        }
        let told = open.remove(&ask).expect("it was there");
        let Some(session) = self.local.roster.find(told.session) else {
            return;
        };
        session.outbox.fill(told.gap, &told.reply);
        if session.outbox.is_clearing() && !session.inbox.is_empty() {
            self.resumed.push(told.session);
        }
        self.mark_dirty(told.session);
    }

    /// Gives a message to its receivers here, and to these other cores, one
    /// bit each. Requests that were made before go before.
    pub(super) fn publish(&mut self, publication: &Publication, cores: u64) {
        if cores != 0 {
            self.post_hops();
        }
        for core in (0..self.local.placement.cores()).filter(|core| cores >> core & 1 == 1) {
            self.post.post(core, Letter::Publish(publication.clone()));
        }
        self.deliver(publication);
    }

    /// Gives a message to its receivers of this core.
    pub(super) fn deliver(&mut self, publication: &Publication) {
        let Local {
            directory,
            roster,
            live,
            ..
        } = &mut self.local;
        let hard = live.output_limits[2].hard;
        let mut fed = std::mem::take(&mut self.announcements.fed);
        let mut overfed = Vec::new();
        directory.each_here(
            publication.kind(),
            publication.channel(),
            |pattern, here| {
                let heads = [Version::Two, Version::Three]
                    .map(|version| publication.head(pattern, version));
                for &id in here {
                    let Some(session) = roster.find(id) else {
                        continue;
                    };
                    if session.stage == Stage::Closing {
                        continue;
                    }
                    let head = match session.client.version {
                        Version::Two => &heads[0],
                        Version::Three => &heads[1],
                    };
                    push(session, head, publication.body());
                    fed.push(id);
                    if hard > 0 && session.outbox.pending() as u64 > hard {
                        // It is given no more, whatever else this turn has for it.
                        session.stage = Stage::Closing;
                        overfed.push(id);
                    }
                }
            },
        );
        for id in fed.drain(..) {
            self.mark_dirty(id);
        }
        self.announcements.fed = fed;
        for id in overfed {
            self.condemn_counted(id, |count| &count.output_limit_disconnections);
        }
    }

    /// Whether a class of keyspace events is on, and anybody might hear of it.
    pub(super) fn publishes(&self, class: EventClass) -> bool {
        self.local.live.events.has(class) && !self.local.directory.is_silent()
    }

    /// Publishes what a turn told. Not while a reply is being written.
    pub(super) fn publish_events(&mut self, events: &[Event]) {
        for event in events {
            self.publish_event(event);
        }
    }

    /// Publishes a keyspace event, if its class is on, as PUBLISH would from
    /// this core. Not while a reply is being written.
    pub(super) fn publish_event(&mut self, event: &Event) {
        let Event {
            database,
            class,
            name,
            key,
        } = event;
        if !self.publishes(*class) {
            return;
        }
        let events = self.local.live.events;
        if events.names_keys() {
            let mut channel = format!("__keyspace@{database}__:").into_bytes();
            channel.extend_from_slice(key);
            self.publish_on(&channel, name.as_bytes());
        }
        if events.names_events() {
            let channel = format!("__keyevent@{database}__:{name}");
            self.publish_on(channel.as_bytes(), key);
        }
    }

    fn publish_on(&mut self, channel: &[u8], message: &[u8]) {
        let reach = self.local.directory.reach(Kind::Channel, channel);
        if reach.receivers > 0 {
            let publication = Publication::new(Kind::Channel, channel, message);
            self.publish(&publication, reach.cores);
        }
    }

    /// Whether a request that causes mail must wait until there is room: a
    /// core that delivers to many is slower than one that publishes.
    pub(super) fn must_slow_down(&mut self, id: SessionId, entry: &Entry) -> bool {
        let causes_mail = entry.flags().has(Flags::PUBSUB);
        if !causes_mail || !self.post.has_unsent() {
            return false;
        }
        self.announcements.slowed.push(id);
        self.set_stage(id, Stage::Waiting);
        true
    }

    /// Lets those go on that `must_slow_down` held back.
    pub(super) fn resume_slowed(&mut self) {
        if !self.post.has_unsent() {
            for id in std::mem::take(&mut self.announcements.slowed) {
                self.resume(id);
            }
        }
    }
}

/// Puts a message behind a session's replies. A request that is blocked may be
/// answered much later, so the message goes before it.
fn push(session: &mut Session, head: &[u8], body: &[u8]) {
    if let Some(blocked) = &session.blocked {
        session.outbox.fill(blocked.gap, &[]);
    }
    let mut out = session.outbox.begin();
    out.extend_from_slice(head);
    out.extend_from_slice(body);
    session.outbox.restore(out);
    if let Some(blocked) = &mut session.blocked {
        blocked.gap = session.outbox.leave_gap();
    }
}
