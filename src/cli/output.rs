//! Writing the product: to standard output, or to a file at once or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes to standard output. That the reader has closed it (`| head`) is its own affair.
pub(super) fn print(product: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(product).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Standard output for what comes over a long time: flushing it tells that its reader has left, though nothing was written
/// since.
#[cfg(feature = "deploy")]
pub(super) struct Watched(pub(super) io::Stdout);

#[cfg(feature = "deploy")]
impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        if reader_left(&self.0) { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// Of a pipe or a connection; what cannot be known is no.
#[cfg(all(feature = "deploy", unix))]
fn reader_left(stdout: &io::Stdout) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut found = [PollFd::new(stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut found, Some(&now)).is_ok() && found[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(all(feature = "deploy", not(unix)))]
fn reader_left(_: &io::Stdout) -> bool {
    false
}

/// Replaces the content of a file: writes beside it and renames, so that no reader sees a part, and a fault leaves what
/// was there. Links are followed; what is no regular file (`/dev/stdout`) is written to directly.
pub(super) fn replace(path: &Path, product: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&target) {
        Ok(found) if found.is_file() => Some(found.permissions()),
        Ok(_) => return OpenOptions::new().write(true).open(&target)?.write_all(product),
        Err(_) => None,
    };
    let (temporary, mut file) = create_beside(&target)?;
    let written = file
        .write_all(product)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // the first fault is the one to report
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A new file in the same directory, so that renaming it is one step.
fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().ok_or(ErrorKind::IsADirectory)?.to_string_lossy();
    for attempt in 0..100 {
        let temporary = target.with_file_name(format!(".{name}.{}-{attempt}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (temporary, file)),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
