//! Sealing with one key: XChaCha20-Poly1305, a random nonce in front, the place as associated data.
//!
//! It knows no cell and no field; whose key it is, is known above.

use super::error::PersonalError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;
const NONCE_BYTES: usize = 24;
const ID_BYTES: usize = 16;

/// 256 bits that are wiped when they are dropped.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    pub(super) fn random() -> Result<Self, PersonalError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *bytes).map_err(|_| PersonalError::NoRandomness)?;
        Ok(Self(bytes))
    }

    pub(super) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// Nonce and ciphertext, base64.
    pub(super) fn seal(&self, place: &[u8], plain: &[u8]) -> Result<String, PersonalError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| PersonalError::NoRandomness)?;
        let payload = Payload { msg: plain, aad: place };
        // It fails beyond 256 GiB only.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| PersonalError::Misfit)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed for this place; `None`: it is not what this key has sealed there.
    pub(super) fn open(&self, place: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: place };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    /// Names something without telling what: HMAC-SHA-256, cut to 128 bits.
    pub(super) fn name(&self, parts: &[&str]) -> KeyId {
        // A block of SHA-256, as the standard fills it up.
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        block.iter_mut().zip(self.bytes()).for_each(|(to, from)| *to = *from);
        let mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        let full = mac.chain_update(joined(parts)).finalize().into_bytes();
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        KeyId(id)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Parts behind their lengths: no two lists of parts are alike.
pub(super) fn joined(parts: &[&str]) -> Vec<u8> {
    let bytes =
        parts.iter().flat_map(|part| (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes()));
    bytes.collect()
}

/// Which key has sealed something. It says nothing of the subject to who does not have the store's secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyId([u8; ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(&*text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("no id of a key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_and_with_its_key_alone() {
        let (key, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
        let place = joined(&["a", "bc"]);
        let sealed = key.seal(&place, b"Ann").expect("randomness");
        assert_eq!(key.open(&place, &sealed).expect("it is its own").as_slice(), b"Ann");
        assert_ne!(key.seal(&place, b"Ann").expect("randomness"), sealed, "a nonce is used once");
        assert!(key.open(&joined(&["ab", "c"]), &sealed).is_none());
        assert!(other.open(&place, &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(key.open(&place, &changed).is_none(), "byte {at}");
        }
        for short in ["", "AAAA", &sealed[..40]] {
            assert!(key.open(&place, short).is_none());
        }
    }

    #[test]
    fn a_name_depends_on_the_secret_and_on_every_part() {
        let (secret, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
        let name = secret.name(&["acme", "ann"]);
        assert_eq!(name, secret.name(&["acme", "ann"]));
        assert_ne!(name, other.name(&["acme", "ann"]));
        assert_ne!(name, secret.name(&["acmea", "nn"]));
        let text = serde_json::to_string(&name).expect("a string");
        assert_eq!(serde_json::from_str::<KeyId>(&text).expect("an id"), name);
    }
}
