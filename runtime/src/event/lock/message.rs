//! Text put together while the program is compiled.

/// A text that is looked at byte by byte.
pub(super) type Text = &'static [u8];

/// Bytes that a message can hold; what does not fit is cut.
const BYTES_MAX: usize = 2_048;

/// A message in the making; empty when nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Message {
    /// Says nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; BYTES_MAX], len: 0 }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it says.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            // Cut within a character.
            Err(_) => "lock_broken: see the lock",
        }
    }

    pub(super) const fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) const fn bytes(mut self, text: &[u8]) -> Self {
        let mut at = 0;
        while at < text.len() && self.len < BYTES_MAX {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    pub(super) const fn number(self, number: u32) -> Self {
        let tens = if number >= 10 { self.number(number / 10) } else { self };
        tens.bytes(&[b'0' + (number % 10) as u8])
    }
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}
