//! Redis servers for tests: started on a free port, stopped, cut off.
