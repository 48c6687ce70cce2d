#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod answer;
mod ask;
mod builder;
mod codec;
mod error;
mod keys;
mod lease;
mod line;
mod scripts;
mod seal;
mod source;
mod store;
mod watch;

pub use builder::RedisStoreBuilder;
pub use seal::SealKey;
pub use store::RedisStore;
