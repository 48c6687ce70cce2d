//! [`Contents`]: what a jar holds, behind its lock.

use std::{
    cmp::Reverse,
    mem,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use url::Url;
use zeroize::Zeroizing;

use super::{
    entry::{Entry, is_encrypted},
    record::{Names, Record},
    shared::{Source, parse_url},
};

/// As many as browsers keep: in all, and of one domain.
const MAX_COOKIES: usize = 3000;
const MAX_OF_DOMAIN: usize = 180;

/// Cookies in the order in which they were made, and the tokens among them.
#[derive(Default)]
pub(in crate::auth) struct Contents {
    entries: Vec<Entry>,
    records: Vec<Record>,
    /// Those of the records, also of one that is being worked on.
    names: Vec<Arc<Names>>,
    serial: u64,
}

impl Contents {
    /// Takes a cookie in, or says why it is refused.
    pub(super) fn set(
        &mut self,
        text: &str,
        url: &Url,
        now: SystemTime,
    ) -> Result<(), &'static str> {
        let entry = Entry::parse(text, url, now)?;
        let shadows = !is_encrypted(url)
            && self
                .entries
                .iter()
                .any(|old| old.is_secure() && old.name() == entry.name() && old.belongs_to(url));
        if shadows {
            return Err("a cookie of its name is `Secure`, and it comes without encryption");
        }
        self.put(entry, now);
        Ok(())
    }

    /// Takes in what an answer sets; what breaks a rule is passed over.
    pub(in crate::auth) fn store(
        &mut self,
        url: &Url,
        headers: &HeaderMap,
        now: SystemTime,
        of: Source,
    ) {
        for value in headers.get_all(SET_COOKIE) {
            let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
                continue;
            };
            if of == Source::Refusal && self.is_of_a_record(text, url) {
                continue;
            }
            // A browser tells nobody either.
            let _: Result<(), &str> = self.set(text, url, now);
        }
        self.settle();
    }

    fn is_of_a_record(&self, text: &str, url: &Url) -> bool {
        let name = text.split(['=', ';']).next().unwrap_or_default().trim();
        let mut all = self.names.iter();
        all.any(|names| names.has(name) && names.url.host() == url.host())
    }

    /// Puts a cookie in the place of the one before it, or deletes that.
    fn put(&mut self, entry: Entry, now: SystemTime) {
        if entry.is_expired(now) {
            self.entries.retain(|old| !old.is_same(&entry));
        } else {
            self.keep(entry, now);
        }
    }

    /// As [`put`](Self::put), but a cookie that has expired is kept.
    pub(super) fn keep(&mut self, mut entry: Entry, now: SystemTime) {
        self.serial += 1;
        entry.serial = self.serial;
        if let Some(old) = self.entries.iter_mut().find(|old| old.is_same(&entry)) {
            *old = entry;
        } else {
            self.make_room(entry.domain(), now);
            self.entries.push(entry);
        }
    }

    /// Removes what is over, and the oldest of too many; a token's cookies
    /// stay, whose expiry the session has to see.
    fn make_room(&mut self, domain: &str, now: SystemTime) {
        let all = &self.names;
        let keeps = |entry: &Entry| all.iter().any(|names| names.names(entry));
        self.entries
            .retain(|entry| !entry.is_expired(now) || keeps(entry));
        let of_domain = |entry: &&Entry| entry.domain() == domain;
        let full = self.entries.iter().filter(of_domain).count() >= MAX_OF_DOMAIN;
        if !full && self.entries.len() < MAX_COOKIES {
            return;
        }
        let oldest = self
            .entries
            .iter()
            .position(|entry| !keeps(entry) && (!full || entry.domain() == domain));
        if let Some(oldest) = oldest {
            self.entries.remove(oldest);
        }
    }

    /// Removes the cookies of a name, whatever their path.
    pub(super) fn remove(&mut self, name: &str, url: &Url) {
        self.entries
            .retain(|entry| entry.name() != name || !entry.belongs_to(url));
    }

    /// Returns the cookie of a name that was set last, on any path.
    pub(super) fn find(&self, name: &str, url: &Url) -> Option<&Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.name() == name && entry.belongs_to(url))
            .max_by_key(|entry| entry.serial)
    }

    /// Returns the cookies that go to an address, the longest path first
    /// (RFC 6265 §5.4).
    pub(super) fn going_to(&self, url: &Url, now: SystemTime) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.goes_to(url) && !entry.is_expired(now))
            .collect();
        found.sort_by_key(|entry| Reverse(entry.path().len()));
        found
    }

    /// Writes the cookies for an address behind those that the caller has set,
    /// which win.
    pub(in crate::auth) fn header(
        &self,
        url: &Url,
        now: SystemTime,
        own: &str,
    ) -> Option<HeaderValue> {
        let named = |name: &str| pairs(own).any(|(known, _)| known == name);
        let mut text = Zeroizing::new(own.to_owned());
        for entry in self.going_to(url, now) {
            if named(entry.name()) {
                continue;
            }
            let gap = if text.is_empty() { "" } else { "; " };
            for part in [gap, entry.name(), "=", entry.value().expose()] {
                text.push_str(part);
            }
        }
        if text.len() == own.len() {
            return None;
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn empty(&mut self) {
        self.entries.clear();
    }

    /// Puts back what was written out, expired or not.
    pub(super) fn restore(
        &mut self,
        text: &str,
        url: &str,
        expires: Option<Duration>,
    ) -> Result<(), &'static str> {
        let url = parse_url(url).ok_or("its address is not absolute")?;
        let mut entry = Entry::parse(text, &url, SystemTime::UNIX_EPOCH)?;
        entry.expires_at = expires.and_then(|at| SystemTime::UNIX_EPOCH.checked_add(at));
        self.keep(entry, SystemTime::UNIX_EPOCH);
        Ok(())
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Tells every record what has become of its cookies.
    pub(super) fn settle(&mut self) {
        let mut records = mem::take(&mut self.records);
        for record in &mut records {
            record.settle(self);
        }
        self.records = records;
    }

    /// Works on the record of some names, which is made on first use.
    pub(in crate::auth) fn with_record<T>(
        &mut self,
        names: &Arc<Names>,
        work: impl FnOnce(&mut Record, &mut Self) -> T,
    ) -> T {
        let known = self.records.iter().position(|it| it.names == *names);
        let mut record = match known {
            Some(index) => self.records.swap_remove(index),
            None => {
                self.names.push(Arc::clone(names));
                Record::of(names, self)
            }
        };
        let done = work(&mut record, self);
        self.records.push(record);
        // Two records may share a cookie.
        self.settle();
        done
    }
}

/// Reads a `Cookie` header.
pub(super) fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn sent(contents: &Contents, to: &str, own: &str) -> Option<String> {
        let value = contents.header(&url(to), NOW, own)?;
        assert!(value.is_sensitive());
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn longer_paths_and_older_cookies_come_first() {
        let mut contents = Contents::default();
        let at = url("https://a.test/x/y");
        for text in ["b=1; Path=/", "a=2; Path=/", "c=3; Path=/x", "b=4; Path=/"] {
            contents.set(text, &at, NOW).unwrap();
        }
        let all = sent(&contents, "https://a.test/x", "");
        assert_eq!(all.as_deref(), Some("c=3; b=4; a=2"));
        let one = sent(&contents, "https://a.test/", "a=mine; d=5");
        assert_eq!(one.as_deref(), Some("a=mine; d=5; b=4"));
        assert_eq!(sent(&contents, "https://a.test/", "a=1; b=2"), None);
        assert_eq!(sent(&contents, "https://b.test/", ""), None);
    }

    #[test]
    fn plain_http_does_not_touch_a_secure_cookie() {
        let mut contents = Contents::default();
        contents
            .set("a=1; Secure; Path=/", &url("https://a.test/"), NOW)
            .unwrap();
        let http = url("http://a.test/");
        assert!(contents.set("a=2; Path=/", &http, NOW).is_err());
        assert!(contents.set("a=; Path=/x; Max-Age=0", &http, NOW).is_err());
        assert_eq!(sent(&contents, "http://a.test/", ""), None);
        let kept = sent(&contents, "https://a.test/", "");
        assert_eq!(kept.as_deref(), Some("a=1"));
    }

    #[test]
    fn a_jar_is_bounded() {
        let mut contents = Contents::default();
        for number in 0..400 {
            let text = format!("n{number}=1; Path=/");
            contents.set(&text, &url("https://a.test/"), NOW).unwrap();
        }
        assert_eq!(contents.entries().len(), MAX_OF_DOMAIN);
        let newest = contents.find("n399", &url("https://a.test/"));
        assert!(newest.is_some());
        for host in 0..MAX_COOKIES + 10 {
            let at = url(&format!("https://h{host}.test/"));
            contents.set("a=1", &at, NOW).unwrap();
        }
        assert_eq!(contents.entries().len(), MAX_COOKIES);
    }

    #[test]
    fn what_is_over_is_not_sent_and_goes_with_the_next_cookie() {
        let mut contents = Contents::default();
        let at = url("https://a.test/");
        contents.set("a=1; Max-Age=5", &at, NOW).unwrap();
        let later = NOW + Duration::from_secs(5);
        assert!(contents.header(&at, later, "").is_none());
        contents.set("b=1", &at, later).unwrap();
        assert_eq!(contents.entries().len(), 1);
        contents.set("b=; Max-Age=0", &at, later).unwrap();
        assert!(contents.entries().is_empty());
    }
}
