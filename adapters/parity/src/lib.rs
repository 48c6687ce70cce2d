//! The lanes on which every law about the wire holds: async and blocking, over
//! reqwest and over ureq.
