//! Redis as a token store of tollgate: one token refresh for a whole fleet.
