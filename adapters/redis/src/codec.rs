//! [`Codec`]: a record as the fields of a hash, and back.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use redis::Value;
use tollgate::{
    Result,
    auth::{Presented, Secret, Stamp, Stored},
};

use crate::{answer, ask::Ask, error, seal::Seals};

/// The schema of the hash that is written, and the highest that is read.
const SCHEMA: u64 = 1;

/// The fields of a record, in the order in which all read them.
pub(crate) const FIELDS: [&str; 7] = [
    "schema",
    "epoch",
    "version",
    "state",
    "cfence",
    "presented",
    "record",
];

/// A record as it was read.
#[derive(Default)]
pub(crate) struct Fields {
    pub(crate) schema: Option<Vec<u8>>,
    pub(crate) epoch: Option<Vec<u8>>,
    pub(crate) version: Option<Vec<u8>>,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) cfence: Option<Vec<u8>>,
    pub(crate) presented: Option<Vec<u8>>,
    pub(crate) record: Option<Vec<u8>>,
}

/// Writes and reads the records of one key.
pub(crate) struct Codec {
    /// The name of the hash, for messages and as what a seal is bound to.
    pub(crate) key: String,
    pub(crate) seals: Seals,
}

impl Codec {
    /// Adds the fields of a record to a script's arguments: epoch, version,
    /// state, fence, mark, text.
    pub(crate) fn write(&self, ask: Ask, stored: &Stored) -> Result<Ask> {
        let stamp = stored.stamp();
        let (state, record) = match stored.token() {
            Some(_) => ("live", self.text(stored)?),
            None if stored.is_dead() => ("dead", Vec::new()),
            None => ("empty", Vec::new()),
        };
        Ok(ask
            .number(stamp.epoch)
            .number(stamp.version)
            .arg(state)
            .number(stored.fence())
            .arg(mark(stored.presented()))
            .arg(record))
    }

    fn text(&self, stored: &Stored) -> Result<Vec<u8>> {
        let record = stored.clone().with_presented(None).to_record();
        self.seals.seal(&self.key, record.expose())
    }

    /// Reads a record; an empty one of the first stamp if there is none.
    pub(crate) fn read(&self, fields: Fields) -> Result<Stored> {
        let broken = |what: &str| error::corrupt(&self.key, what);
        self.check(fields.schema.as_deref())?;
        let presented = match fields.presented {
            Some(text) => Some(marked(text).ok_or_else(|| broken("its mark is none"))?),
            None => None,
        };
        let (epoch, version, state) = match (fields.epoch, fields.version, fields.state) {
            (Some(epoch), Some(version), Some(state)) => (epoch, version, state),
            (None, None, None) if fields.record.is_none() => {
                return Ok(Stored::empty(Stamp::default()).with_presented(presented));
            }
            _ => return Err(broken("a part is missing")),
        };
        let number = |text| number(text).ok_or_else(|| broken("its stamp is no number"));
        let stamp = Stamp::new(number(epoch)?, number(version)?);
        let fence = fields.cfence.map_or(Ok(0), number)?;
        let stored = match state.as_slice() {
            b"empty" => Stored::empty(stamp),
            b"dead" => Stored::dead(stamp),
            b"live" => {
                let text = fields.record.ok_or_else(|| broken("it has no token"))?;
                let stored = self.live(text)?;
                if stored.stamp() != stamp || stored.fence() != fence {
                    return Err(broken("its token belongs to another stamp"));
                }
                stored
            }
            _ => return Err(broken("its state is none")),
        };
        Ok(stored.with_fence(fence).with_presented(presented))
    }

    fn live(&self, text: Vec<u8>) -> Result<Stored> {
        let text: Secret = self.seals.open(&self.key, text)?;
        let stored = Stored::from_record(text.expose())
            .map_err(|source| error::of_record(source, &self.key))?;
        match stored.token() {
            Some(_) => Ok(stored),
            None => Err(error::corrupt(&self.key, "it has no token")),
        }
    }

    /// Refuses a record of a schema that this version does not know.
    pub(crate) fn check(&self, schema: Option<&[u8]>) -> Result<()> {
        let Some(schema) = schema else {
            return Ok(());
        };
        let schema = number(schema.to_vec());
        match schema.ok_or_else(|| error::corrupt(&self.key, "its schema is no number"))? {
            SCHEMA => Ok(()),
            other => Err(error::other_schema(&self.key, other, SCHEMA)),
        }
    }

    /// Reads the answer of [`FIELDS`].
    pub(crate) fn loaded(&self, value: Value) -> Result<Stored> {
        self.read(answer::fields(value)?)
    }

    /// Tells whether two records would be kept as the same.
    pub(crate) fn is_same(one: &Stored, other: &Stored) -> bool {
        let text = |stored: &Stored| stored.clone().with_presented(None).to_record();
        text(one) == text(other)
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("key", &self.key)
            .field("seals", &self.seals)
            .finish()
    }
}

fn number(text: Vec<u8>) -> Option<u64> {
    answer::text(text)?.parse().ok()
}

/// A mark as text, `fence ms`; nothing for none.
pub(crate) fn mark(presented: Option<Presented>) -> String {
    let Some(Presented { fence, at }) = presented else {
        return String::new();
    };
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{fence} {}", since.as_millis())
}

fn marked(text: Vec<u8>) -> Option<Presented> {
    let text = answer::text(text)?;
    let (fence, millis) = text.split_once(' ')?;
    let since = Duration::from_millis(millis.parse().ok()?);
    let at = SystemTime::UNIX_EPOCH.checked_add(since)?;
    Some(Presented::new(fence.parse().ok()?, at))
}
