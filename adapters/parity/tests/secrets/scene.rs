//! Plays a scene on every lane, and looks at all that was printed.

use crate::{
    capture::{TALKATIVE, capture},
    prints::Prints,
};

/// What is done on a lane.
pub(crate) type Scene = fn(&Prints);

/// Plays the scene of each lane twice: with every target at `TRACE`, and with
/// the filter that the book advises.
///
/// Nothing that is printed may show a secret; with the filter nothing that is
/// logged either, and without it the wire of ureq alone.
#[track_caller]
pub(crate) fn play(lanes: &[(String, Scene)]) {
    for (name, scene) in lanes {
        for filtered in [false, true] {
            let captured = capture(filtered);
            let prints = Prints::default();
            scene(&prints);
            prints.show_no_secret();
            for (root, places) in captured.shown() {
                let known = !filtered && TALKATIVE.contains(&root.as_str());
                assert!(known, "{name}: `{root}` has logged {places:?}");
            }
        }
    }
}

/// Makes a test of each scene, on all lanes.
macro_rules! everywhere {
    ($($law:ident: $scene:ident;)*) => {$(
        #[test]
        fn $law() {
            use tollgate_parity::{Lane, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

            $crate::scene::play(&[
                (ReqwestAsync::name(), $scene::<ReqwestAsync>),
                (ReqwestBlocking::name(), $scene::<ReqwestBlocking>),
                (UreqBlocking::name(), $scene::<UreqBlocking>),
                (UreqOffload::name(), $scene::<UreqOffload>),
            ]);
        }
    )*};
}
pub(crate) use everywhere;
