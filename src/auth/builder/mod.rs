//! [`TokenRefreshBuilder`]: every option, errors only at `build`.

mod build;
mod origins;
mod settings;

pub use origins::IntoOrigins;
pub use settings::TokenRefreshBuilder;
