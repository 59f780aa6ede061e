//! A replica is asked to lead by its primary: PSYNC … FAILOVER. The primary then is to be
//! its replica, and is heard when it leads.

/// How long the end of the link may take whose primary asks.
const PARTING_MS: u64 = 2000;

/// See the module. Who asks is what the driver knows of it.
#[derive(Debug)]
pub struct Takeover<T> {
    asking: Vec<T>,
    /// When it is done at the latest.
    until: Option<u64>,
}

impl<T> Default for Takeover<T> {
    fn default() -> Takeover<T> {
        Takeover {
            asking: Vec::new(),
            until: None,
        }
    }
}

impl<T> Takeover<T> {
    /// The primary asks.
    pub fn on_asked(&mut self, now: u64, who: T) {
        self.asking.push(who);
        self.until.get_or_insert(now + PARTING_MS);
    }

    /// When `look` has something to do at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.until
    }

    /// Whether nobody is to be followed any more from now on: not before the primary has
    /// ended its link, since there may have been more on that.
    pub fn look(&mut self, now: u64, is_linked: bool) -> bool {
        let is_due = |until: &mut u64| !is_linked || now >= *until;
        self.until.take_if(is_due).is_some()
    }

    /// This node is to follow another, and leads for nobody: these are told.
    pub fn give_up(&mut self) -> Vec<T> {
        self.on_leading()
    }

    /// This node leads: these are heard.
    pub fn on_leading(&mut self) -> Vec<T> {
        self.until = None;
        std::mem::take(&mut self.asking)
    }
}
