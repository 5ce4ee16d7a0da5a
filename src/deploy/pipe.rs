//! Bytes from the thread that reads a socket to the one that uses them, with a limit on how long to wait.
//!
//! What arrives while the user is busy is handed over in one piece; a reader that is far ahead waits. So a stream of any
//! length needs the same memory, and many small pieces cost one wake-up.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Fault;

/// Bytes that may wait.
const MOST: usize = 1 << 20;

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Set when nothing follows: why.
    ended: Option<Result<(), Fault>>,
    /// The user has left.
    closed: bool,
}

/// Both ends; shared by the two threads.
#[derive(Default)]
pub(super) struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

/// What came out of the pipe.
pub(super) enum Out {
    /// At least one byte was put into the buffer.
    Bytes,
    /// Nothing within the time.
    Nothing,
    /// Nothing follows.
    End(Result<(), Fault>),
}

impl Pipe {
    /// Puts bytes in, once there is room. False if nobody wants them.
    pub(super) fn put(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        while state.bytes.len() >= MOST && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes.extend_from_slice(bytes);
        self.changed.notify_all();
        !state.closed
    }

    /// The last bytes: nothing follows.
    pub(super) fn end(&self, bytes: &[u8], how: Result<(), Fault>) {
        let mut state = self.lock();
        state.bytes.extend_from_slice(bytes);
        state.ended = Some(how);
        self.changed.notify_all();
    }

    /// Nobody wants more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Swaps the bytes that wait with an empty buffer. Waits for some, but not for longer than this.
    pub(super) fn take(&self, buffer: &mut Vec<u8>, longest: Duration) -> Out {
        let until = Instant::now() + longest;
        let mut state = self.lock();
        loop {
            if !state.bytes.is_empty() {
                buffer.clear();
                std::mem::swap(&mut state.bytes, buffer);
                self.changed.notify_all();
                return Out::Bytes;
            }
            if let Some(how) = state.ended.take() {
                return Out::End(how);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Out::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // the state is whole after every statement, whatever a thread died of
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
