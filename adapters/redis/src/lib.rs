#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "blocking")),
    expect(dead_code, reason = "without connections nothing is asked")
)]

mod answer;
mod ask;
mod builder;
mod codec;
mod error;
mod inner;
mod keys;
mod lease;
mod line;
mod local;
mod plain;
mod scripts;
mod seal;
mod source;
mod store;
mod talk;
mod watch;

pub use builder::RedisStoreBuilder;
pub use local::Unavailable;
pub use plain::PlainStore;
pub use seal::SealKey;
pub use store::RedisStore;
