//! Token refresh.
