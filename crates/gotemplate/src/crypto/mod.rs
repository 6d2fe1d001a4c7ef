//! Keys, certificates, passwords and ciphers, as sprig makes them. All randomness comes from the session's seed.

pub(crate) mod certificate;
pub(crate) mod cipher;
pub(crate) mod key;
pub(crate) mod password;
mod pem;

use rand_core::{TryCryptoRng, TryRng};

use crate::random::Random;

impl TryRng for Random {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Random {}
