//! Ctrl-C: the first asks to stop in good order, the second stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The exit code after Ctrl-C, as shells have it.
pub(super) const EXIT_CODE: u8 = 130;

/// From now on Ctrl-C, and what else asks the program to end, is noted instead of ending it.
pub(super) fn watch() {
    // without a handler Ctrl-C ends the program, which is right too
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(EXIT_CODE));
        }
    });
}

/// Whether the program was asked to end.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
