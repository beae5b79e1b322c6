//! Dates and times in the server's zone.
