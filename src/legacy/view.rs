//! stub
/// x
/// # Errors
/// x
pub fn legacy_view(_csv: &[u8], _p: bool) -> Result<String, super::Rejected> { todo!() }
