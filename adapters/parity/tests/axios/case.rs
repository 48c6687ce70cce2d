//! [`Case`]: a number, a law, and why it is not the one of axios.

use crate::{lanes::Stage, support::World};

/// A law, played over a lane.
pub(crate) type Law<L> = fn(&World<'_, L>);

/// A case on a lane.
pub(crate) struct Case<L: Stage> {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// Why something else happens than with axios.
    pub(crate) deviates: Option<&'static str>,
    /// `None` for the case that compares all others.
    pub(crate) law: Option<Law<L>>,
}

/// Lists the cases of a module: `number name`, and `deviates` with the reason.
macro_rules! cases {
    ($($number:literal $name:ident $(deviates $why:literal)?;)*) => {
        /// The cases of this group.
        pub(crate) fn cases<L: $crate::lanes::Stage>() -> Vec<$crate::case::Case<L>> {
            vec![
                $($crate::case::Case {
                    number: $number,
                    name: stringify!($name),
                    deviates: None$(.or(Some($why)))?,
                    law: Some($name::<L>),
                },)*
            ]
        }
    };
}
pub(crate) use cases;
