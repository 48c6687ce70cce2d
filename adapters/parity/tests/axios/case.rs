//! [`Case`]: a number, a law, and what there is to say about it.

use crate::{lanes::Stage, support::World};

/// How a case stands to what axios does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The same happens.
    AsAxios,
    /// Something else happens, for this reason.
    Deviates(&'static str),
    /// It cannot be said yet, for this reason.
    Pending(&'static str),
}

/// A law, played over a lane.
pub(crate) type Law<L> = fn(&World<'_, L>);

/// A case on a lane; without a law it is pending.
pub(crate) struct Case<L: Stage> {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) note: Note,
    pub(crate) law: Option<Law<L>>,
}

/// Lists the cases of a module: `number name`, and `deviates` with the reason.
macro_rules! cases {
    ($($number:literal $name:ident $(deviates $why:literal)?;)*
     $(pending $open:literal $open_name:ident $missing:literal;)*) => {
        /// The cases of this group.
        pub(crate) fn cases<L: $crate::lanes::Stage>() -> Vec<$crate::case::Case<L>> {
            vec![
                $($crate::case::Case {
                    number: $number,
                    name: stringify!($name),
                    note: $crate::case::note!($($why)?),
                    law: Some($name::<L>),
                },)*
                $($crate::case::Case {
                    number: $open,
                    name: stringify!($open_name),
                    note: $crate::case::Note::Pending($missing),
                    law: None,
                },)*
            ]
        }
    };
}

macro_rules! note {
    () => {
        $crate::case::Note::AsAxios
    };
    ($why:literal) => {
        $crate::case::Note::Deviates($why)
    };
}

pub(crate) use {cases, note};
