//! bizproc
