//! Against the real PRIMARY service of the reference package.
