//! The blocking side: limits hold, and nobody else is held up.

use std::{
    io::Read,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tollgate::{
    AdapterError, BlockingAdapter, Body, BodyError, CancelHandle, Client, ErrorKind, blocking,
    runtime::ThreadRuntime,
};
