//! A text that must not be shown.

/// A password or an API secret. It has neither `Debug` nor `Display`: what cannot be formatted cannot leak into a message.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for the one header that carries it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
